/** One page after the other: look, correct, say that it is right. */

import { effect, signal, useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { type PageFilter, api, messageOf } from "../api";
import { count } from "../format";
import { preload } from "../pictures";
import { PageQueue } from "../queue";
import { filterOf, go, link } from "../routes";
import { showsPossibleMarks, showsStrip } from "../settings";
import { runStore } from "../store";
import { Header } from "../shell";
import type { Box, Xyxy } from "../types";
import { Button, Dialog, Progress, Trouble, say } from "../ui";
import { Conflict } from "./conflict";
import { wholePx } from "./detail";
import { LOWER_RIGHT, type Turn, turnedBy, wayOnPage } from "./geometry";
import { Help } from "./help";
import { type Action, PAGE_KEYS, actionOf, belongsTo } from "./keys";
import { Panel } from "./panel";
import { PageSession } from "./session";
import { type Saver, unsaved } from "./saving";
import { Stage } from "./stage";
import { SaveStatus } from "./status";
import { Strip } from "./strip";
import { Viewport } from "./viewport";

const AHEAD = 2;
const MOST_SESSIONS = 40;
/** Side of a box that is made by a key, as a share of what is seen of the page. */
const NEW_BOX_SHARE = 0.15;

/** Pages that were opened, by job and id: what is not saved yet stays, whatever is shown. */
const sessions = new Map<string, Promise<PageSession>>();
const owners = new WeakMap<Saver, PageSession>();

function sessionOf(job: string, page: string): Promise<PageSession> {
  const key = `${job}/${page}`;
  let session = sessions.get(key);
  if (!session) {
    session = api.page(job, page).then((answer) => {
      const made = new PageSession(job, answer);
      owners.set(made.saver, made);
      return made;
    });
    session.catch(() => sessions.delete(key));
    sessions.set(key, session);
    void forgetOld();
  }
  return session;
}

async function forgetOld(): Promise<void> {
  for (const [key, session] of sessions) {
    if (sessions.size <= MOST_SESSIONS) return;
    if ((await session.catch(() => null))?.saver.isIdle) sessions.delete(key);
  }
}

/** Asks whether somebody else changed a page meanwhile; what is not saved here is never touched. */
async function bringUpToDate(session: PageSession): Promise<void> {
  if (!session.saver.isIdle) return;
  const { id, revision } = session.page.peek();
  const now = await api.page(session.job, id).catch(() => null);
  // What was saved here while the answer was on its way is newer than the answer.
  if (!now || !session.saver.isIdle || session.page.peek().revision !== revision || now.revision === revision) return;
  session.adopt(now);
  say(`${now.by || "Somebody"} changed this page meanwhile; it is shown as it is now.`);
}

/** How the view of a document is turned, by job and name: a document is scanned the same way from its first page on. */
const turns = new Map<string, Turn>();
const turnOf = (session: PageSession): Turn => turns.get(`${session.job}/${session.page.peek().document}`) ?? 0;

const draws = signal(!window.matchMedia("(pointer: coarse)").matches);
const nextCategory = signal("");
const queues = new Map<string, PageQueue>();

function queueOf(job: string, filter: PageFilter, page: string): PageQueue {
  const key = JSON.stringify([job, filter]);
  let queue = queues.get(key);
  // A queue of unreviewed pages is a snapshot: pages stay in it when they are reviewed, until it is left.
  if (!queue?.serves(page)) {
    queue = new PageQueue(job, filter, page);
    queues.clear();
    queues.set(key, queue);
  }
  return queue;
}

/** Forgets the list of pages, so that its filter is asked anew. */
export const forgetQueues = (): void => queues.clear();

export function PageView({ job, page, search }: { job: string; page: string; search: URLSearchParams }) {
  const store = runStore(job);
  const queue = queueOf(job, filterOf(search), page);
  const session = useSignal<PageSession | null>(null);
  const trouble = useSignal<unknown>(null);
  const helps = useSignal(false);
  const atEnd = useSignal(false);
  const viewport = useMemo(() => new Viewport(), []);
  const root = useRef<HTMLDivElement>(null);
  const spaceHeld = useRef(false);

  const stageNode = (): HTMLElement | null => root.current?.querySelector<HTMLElement>(".stage") ?? null;
  const focusPage = (): void => stageNode()?.focus({ preventScroll: true });
  const focusBox = (id: string): void => {
    if (document.activeElement instanceof HTMLElement && document.activeElement.dataset.box === id && !("possible" in document.activeElement.dataset)) return;
    const find = (): HTMLElement | null | undefined => root.current?.querySelector<HTMLElement>(`[data-box="${CSS.escape(id)}"]`);
    requestAnimationFrame(() => (find() ?? stageNode())?.focus({ preventScroll: true }));
  };

  useEffect(() => {
    if (!store.review.value) void store.refresh();
    void queue.open().catch((error: unknown) => {
      trouble.value = error;
    });
  }, [queue]);

  function load(): void {
    trouble.value = null;
    const wanted = `${job}/${page}`;
    sessionOf(job, page).then(
      (found) => {
        if (wanted !== current.current) return;
        const isOld = session.value !== null || found.page.peek().revision > 0;
        session.value = found;
        found.selected.value = null;
        viewport.turnTo(turnOf(found));
        if (isOld) void bringUpToDate(found);
        void preloadNext();
      },
      (error: unknown) => {
        if (wanted === current.current) trouble.value = error;
      },
    );
  }

  const current = useRef("");
  current.current = `${job}/${page}`;
  useEffect(load, [job, page]);

  /** A page that comes gets the focus, unless the reader walks through the list of pages. */
  function takeFocus(node: HTMLElement | null): void {
    if (node && !document.activeElement?.closest(".strip, dialog")) node.focus({ preventScroll: true });
  }

  /** Fetches and decodes the next pages while this one is looked at. */
  async function preloadNext(): Promise<void> {
    const index = queue.indexOf(page);
    if (index < 0) return;
    await queue.need(Math.max(0, index - 1), index + AHEAD).catch(() => undefined);
    const density = window.devicePixelRatio || 1;
    for (let ahead = 1; ahead <= AHEAD; ahead += 1) {
      const next = queue.at(index + ahead);
      if (!next || next.status === "failed") continue;
      void sessionOf(job, next.id).catch(() => undefined);
      void preload(api.imageUrl(job, next.id, wholePx(next, viewport.scaleThatFits(next), density)));
    }
  }

  useEffect(() => {
    const one = session.value;
    if (!one) return;
    return effect(() => {
      const { boxes: _boxes, possible_marks: _possibleMarks, image: _image, ...summary } = one.page.value;
      queue.update(summary);
    });
  }, [session.value, queue]);

  // A list that has come after its page: now the pages next to it are known.
  useEffect(() => {
    if (queue.indexOf(page) >= 0) void preloadNext();
  }, [queue.pages.value.length]);

  useEffect(() => {
    const look = (): void => {
      if (document.visibilityState === "visible" && session.value) void bringUpToDate(session.value);
    };
    window.addEventListener("focus", look);
    return () => window.removeEventListener("focus", look);
  }, []);

  const index = queue.indexOf(page);

  async function step(by: 1 | -1): Promise<void> {
    session.value?.saver.flush();
    let wanted = 0;
    try {
      await queue.open(); // a key may come before the list of pages
      const index = queue.indexOf(page);
      if (index < 0) return;
      wanted = index + by;
      await queue.need(wanted, wanted);
    } catch (error) {
      say(messageOf(error), "bad");
      return;
    }
    const next = queue.at(wanted);
    if (next) go(link.page(job, next.id, search), true);
    else if (by === 1) atEnd.value = true;
  }

  function answered(how: "confirm" | "unsure"): void {
    const one = session.value;
    if (!one || isFailed || one.page.peek().id !== page) return;
    if (how === "confirm") one.confirm();
    else one.settle("unsure");
    queue.update({ ...one.page.value, review_state: one.reviewState.value, reviewed: how === "confirm" });
    void step(1);
  }

  function select(id: string | null): void {
    const one = session.value;
    if (!one) return;
    one.selected.value = id;
    if (id === null) return focusPage();
    focusBox(id);
    const box = one.boxes.value.find((other) => other.id === id);
    if (box) viewport.reveal(box.xyxy);
  }

  const categories = store.categories;
  const category = nextCategory.value || (categories[0] ?? "");

  function setCategory(chosen: string): void {
    const one = session.value;
    if (!one) return;
    nextCategory.value = chosen;
    const { selected } = one;
    if (selected.value !== null) {
      one.setCategory(selected.value, chosen);
      focusBox(selected.value);
    }
  }

  function draw(xyxy: Xyxy): void {
    const id = session.value?.add(category, xyxy);
    if (id) focusBox(id);
  }

  function accept(possibleMark: Box): void {
    session.value?.accept(possibleMark);
    focusBox(possibleMark.id);
  }

  function newBox(): void {
    const one = session.value;
    if (!one) return;
    const [x0, y0, x1, y1] = viewport.visible;
    const side = Math.min(x1 - x0, y1 - y0) * NEW_BOX_SHARE;
    const [x, y] = [(x0 + x1) / 2, (y0 + y1) / 2];
    const [wide, high] = viewport.turn.value % 2 ? [side / 2, side] : [side, side / 2];
    draw([x - wide, y - high, x + wide, y + high].map((value) => Math.round(value * 10) / 10) as unknown as Xyxy);
  }

  function remove(): void {
    const one = session.value;
    const id = one?.selected.value;
    if (!one || !id) return;
    one.remove(id);
    if (one.selected.value) focusBox(one.selected.value);
    else focusPage();
  }

  function escape(): void {
    const one = session.value;
    if (one?.selected.value) {
      one.selected.value = null;
      focusPage();
    } else {
      go(link.run(job, search));
    }
  }

  function arrow(dx: number, dy: number, resizes: boolean): void {
    const one = session.value;
    const box = one?.selectedBox;
    if (!one || !box) {
      viewport.pan(-dx * 40, -dy * 40);
      return;
    }
    const pixel = 1 / viewport.view.value.scale;
    const turn = viewport.turn.value;
    const way = wayOnPage(dx * pixel, dy * pixel, turn);
    if (resizes) one.resize(box.id, LOWER_RIGHT[turn]!, way.x, way.y);
    else one.nudge(box.id, way.x, way.y);
    const now = one.selectedBox;
    if (now) viewport.reveal(now.xyxy);
  }

  function turnView(by: 1 | -1): void {
    const one = session.value;
    if (!one) return;
    const turn = turnedBy(viewport.turn.value, by);
    turns.set(`${one.job}/${one.page.peek().document}`, turn);
    viewport.turnTo(turn);
  }

  function acceptFocused(): void {
    const focused = document.activeElement;
    const id = focused instanceof HTMLElement ? focused.dataset.box : undefined;
    const possibleMark = session.value?.possibleMarks.value.find((one) => one.id === id);
    if (possibleMark) accept(possibleMark);
  }

  function act(action: Action): void {
    const one = session.value;
    // A key that comes before the next page is seen was meant for the page before it.
    if (one && one.page.peek().id !== page && !["next", "previous", "escape", "help"].includes(action.name)) return;
    switch (action.name) {
      case "confirm": return answered("confirm");
      case "unsure": return answered("unsure");
      case "next": return void step(1);
      case "previous": return void step(-1);
      case "delete": return remove();
      case "new": return newBox();
      case "accept": return acceptFocused();
      case "possibleMarks": showsPossibleMarks.value = !showsPossibleMarks.value; return;
      case "undo": return one?.undo();
      case "redo": return one?.redo();
      case "zoomIn": return viewport.zoom(1.25);
      case "zoomOut": return viewport.zoom(0.8);
      case "fit": return viewport.fit();
      case "width": return viewport.fitWidth();
      case "zoomToBox": return one?.selectedBox ? viewport.show(one.selectedBox.xyxy) : undefined;
      case "turnRight": return turnView(1);
      case "turnLeft": return turnView(-1);
      case "draws": draws.value = !draws.value; return;
      case "escape": return escape();
      case "help": helps.value = true; return;
      case "category": {
        const chosen = categories[action.index];
        return chosen ? setCategory(chosen) : undefined;
      }
      case "arrow": return arrow(action.dx, action.dy, action.resizes);
    }
  }

  const actRef = useRef(act);
  actRef.current = act;
  useEffect(() => {
    const down = (event: KeyboardEvent): void => {
      if (document.querySelector("dialog[open]") || belongsTo(event.target, event)) return;
      if (event.key === " ") spaceHeld.current = true;
      const action = actionOf(event);
      if (!action) return;
      event.preventDefault();
      // A key that is held down moves boxes and pages on, but never confirms a row of pages.
      if (event.repeat && ["confirm", "unsure", "delete", "new"].includes(action.name)) return;
      actRef.current(action);
    };
    const up = (event: KeyboardEvent): void => {
      if (event.key === " ") spaceHeld.current = false;
    };
    window.addEventListener("keydown", down);
    window.addEventListener("keyup", up);
    return () => {
      window.removeEventListener("keydown", down);
      window.removeEventListener("keyup", up);
    };
  }, []);

  const one = session.value;
  const shown = one?.page.value;
  const isFailed = shown ? shown.status === "failed" || shown.width < 1 : false;
  const review = store.review.value;
  const conflict = [...unsaved.value].flatMap((saver) => (saver.state.value.kind === "conflict" ? [saver] : []))[0];
  return (
    <div
      class="page-view"
      ref={root}
      onClick={(event) => {
        // After a click on a button the keys go to the page again.
        const target = event.target instanceof Element ? event.target.closest(".panel button, .tools button") : null;
        if (target && event.detail > 0) {
          if (one?.selected.value) focusBox(one.selected.value);
          else focusPage();
        }
      }}
    >
      <Header job={job} search={search} view="page">
        <div class="page-title">
          <b title={shown?.document}>{shown?.document ?? ""}</b>
          <span class="soft">{shown ? `Page ${shown.number}` : ""}</span>
        </div>
        {one && <SaveStatus saver={one.saver} />}
      </Header>
      {queue.total.value > 0 && <Progress value={index + 1} total={queue.total.value} label="Place in the list of pages" />}
      <div class={`page-body ${showsStrip.value ? "with-strip" : ""}`}>
        {showsStrip.value && <Strip queue={queue} page={page} job={job} search={search} />}
        <div class="page-main">
          <div class="tools" role="toolbar" aria-label="Page">
            <Button icon="list" label="List of pages" bare pressed={showsStrip.value} class="only-wide" onClick={() => (showsStrip.value = !showsStrip.value)} />
            <Button icon="back" label="Previous page" keys="Page Up" bare disabled={index <= 0} onClick={() => void step(-1)} />
            <span class="place" aria-live="off">
              {index >= 0 ? `${count(index + 1)} of ${count(queue.total.value)}` : ""}
            </span>
            <Button icon="next" label="Next page" keys="Page Down" bare disabled={index < 0} onClick={() => void step(1)} />
            <span class="gap" />
            <Button icon="draw" label="Draw" keys="D" bare pressed={draws.value} onClick={() => act({ name: "draws" })} />
            <Button icon="plus" label="New box" keys="N" bare class="only-wide" onClick={newBox} />
            <Button icon="trash" label="Delete the selected box" keys="Delete" bare disabled={!one?.selected.value} onClick={remove} />
            <Button icon="undo" label="Undo" keys="Ctrl Z" bare disabled={!one?.canUndo.value} onClick={() => one?.undo()} />
            <Button icon="redo" label="Redo" keys="Ctrl Shift Z" bare disabled={!one?.canRedo.value} onClick={() => one?.redo()} />
            <span class="gap" />
            <Button icon="possible" label="Possible marks" keys="G" bare pressed={showsPossibleMarks.value} onClick={() => act({ name: "possibleMarks" })} />
            <Button icon="minus" label="Zoom out" keys="-" bare class="only-wide" onClick={() => viewport.zoom(0.8)} />
            <Zoom viewport={viewport} />
            <Button icon="plus" label="Zoom in" keys="+" bare class="only-wide" onClick={() => viewport.zoom(1.25)} />
            <Button icon="fit" label="Whole page" keys="0" bare onClick={() => viewport.fit()} />
            <Button icon="turn" label="Turn the view" keys="R" bare onClick={() => act({ name: "turnRight" })} />
            <Button icon="help" label="Keys" keys="?" bare onClick={() => (helps.value = true)} />
          </div>
          {trouble.value !== null ? (
            <Trouble error={trouble.value} onRetry={load} />
          ) : one && isFailed ? (
            <div key={page} ref={takeFocus} class="stage failed" tabIndex={0} role="group" aria-label={`Page ${shown?.number} could not be read`}>
              <p>This page could not be read: {shown?.reason || "no reason is known"}.</p>
              <p class="soft">There is nothing to correct. Page Down goes on.</p>
            </div>
          ) : one ? (
            <Stage
              key={`${job}/${one.page.value.id}`}
              session={one}
              viewport={viewport}
              categories={categories}
              draws={draws}
              pans={() => spaceHeld.current}
              category={category}
              onShown={takeFocus}
              onDrawn={draw}
              onSelect={select}
              onAccept={accept}
            />
          ) : (
            <div class="stage" />
          )}
        </div>
        {one && !isFailed && (
          <Panel
            session={one}
            categories={categories}
            category={category}
            onConfirm={() => answered("confirm")}
            onUnsure={() => answered("unsure")}
            onCategory={setCategory}
            onSelect={select}
            onAccept={accept}
          />
        )}
      </div>
      {helps.value && <Help keys={PAGE_KEYS} onClose={() => (helps.value = false)} />}
      {conflict && <ConflictOf saver={conflict} categories={categories} />}
      {atEnd.value && (
        <Dialog title="That was the last page" onClose={() => (atEnd.value = false)}>
          <p>
            {review ? `The list has ${count(queue.total.value)} pages, of which ${count(queue.pages.value.filter((entry) => !entry.reviewed).length)} are not reviewed.` : ""}
          </p>
          <div class="actions">
            <Button
              kind="primary"
              label="Back to the documents"
              onClick={() => {
                forgetQueues();
                go(link.run(job, search));
              }}
            />
            <Button label="Stay here" onClick={() => (atEnd.value = false)} />
          </div>
        </Dialog>
      )}
    </div>
  );
}

function Zoom({ viewport }: { viewport: Viewport }) {
  return <output class="zoom only-wide" aria-label="Zoom">{Math.round(viewport.view.value.scale * 100)} %</output>;
}

/** The dialog of a page in conflict, which may be another page than the one that is shown. */
function ConflictOf({ saver, categories }: { saver: Saver; categories: readonly string[] }) {
  const session = owners.get(saver);
  const state = saver.state.value;
  if (!session || state.kind !== "conflict") return null;
  return <Conflict key={`${session.job}/${state.current.id}`} session={session} current={state.current} categories={categories} />;
}
