/** All marks of a category side by side: wrong ones stand out, and a key accepts or rejects. */

import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { type Decision, Wall, keyOf } from "./decisions";
import { Help } from "./editor/help";
import { WALL_KEYS, belongsTo } from "./editor/keys";
import { categoryName, categoryNames, count, inSentence, percent } from "./format";
import { Icon } from "./icons";
import { go, link } from "./routes";
import { Header } from "./shell";
import { runStore } from "./store";
import type { Crop } from "./types";
import { Button, Category, Picture, Trouble, say } from "./ui";
import { changed } from "./filters";
import { Virtual } from "./virtual";

const CELL_PX = 190;
const ROW_PX = 196;

export function WallView({ job, search }: { job: string; search: URLSearchParams }) {
  const store = runStore(job);
  useEffect(() => {
    if (!store.review.value) void store.refresh();
  }, [job]);
  const categories = store.categories;
  const category = search.get("category") || categories[0] || "";
  const order = search.get("order") === "page" ? "page" : "confidence";
  const possibleMarks = search.has("possible");
  const set = (name: string, value: string): void => go(link.wall(job, changed(search, name, value)), true);
  const helps = useSignal(false);
  return (
    <>
      <Header job={job} view="wall" />
      <main class="page wall-page">
        <div class="wall-head">
          <h1 class="hidden">Wall of marks</h1>
          <div class="chips" role="group" aria-label="Category">
            {categories.map((one) => (
              <button key={one} type="button" class="chip" aria-pressed={one === category} onClick={() => set("category", one)}>
                <Category name={one} categories={categories}>
                  {categoryNames(one)}
                </Category>
              </button>
            ))}
          </div>
          <div class="chips" role="group" aria-label="Which">
            <button type="button" class="chip" aria-pressed={!possibleMarks} onClick={() => set("possible", "")}>
              Found
            </button>
            <button type="button" class="chip" aria-pressed={possibleMarks} onClick={() => set("possible", "1")}>
              Below the threshold
            </button>
          </div>
          <label class="select">
            <span>Order</span>
            <select value={order} onChange={(event) => set("order", event.currentTarget.value === "page" ? "page" : "")}>
              <option value="confidence">{possibleMarks ? "most confident first" : "least confident first"}</option>
              <option value="page">document and page</option>
            </select>
          </label>
          <Button icon="help" label="Keys" keys="?" bare kind="quiet" onClick={() => (helps.value = true)} />
        </div>
        {category && (
          <Crops
            key={`${job} ${category} ${possibleMarks} ${order}`}
            job={job}
            category={category}
            possibleMarks={possibleMarks}
            order={order}
            onHelp={() => (helps.value = true)}
          />
        )}
        {!category && store.error.value !== null && <Trouble error={store.error.value} onRetry={() => void store.refresh()} />}
      </main>
      {helps.value && <Help keys={WALL_KEYS} onClose={() => (helps.value = false)} />}
    </>
  );
}

interface CropsProps {
  job: string;
  category: string;
  possibleMarks: boolean;
  order: "confidence" | "page";
  onHelp: () => void;
}

function Crops({ job, category, possibleMarks, order, onHelp }: CropsProps) {
  const wall = useMemo(() => new Wall(job, { category, possibleMarks, order }), []);
  const grid = useRef<HTMLDivElement>(null);
  const columns = useSignal(4);
  const focused = useSignal(-1);
  const crops = wall.crops.value;
  const decided = wall.decided.value;

  useEffect(() => () => void wall.send(), []);
  useEffect(() => {
    const node = grid.current;
    if (!node) return;
    const look = (): void => {
      columns.value = Math.max(2, Math.floor(node.clientWidth / CELL_PX));
    };
    look();
    const observer = new ResizeObserver(look);
    observer.observe(node);
    return () => observer.disconnect();
  }, []);

  function focus(index: number): void {
    if (index < 0 || index >= crops.length) return;
    focused.value = index;
    requestAnimationFrame(() => grid.current?.querySelector<HTMLElement>(`[data-crop="${index}"]`)?.focus({ preventScroll: true }));
  }

  function decide(index: number, decision: Decision, goesOn: boolean): void {
    const crop = crops[index];
    if (!crop) return;
    wall.decide([crop], decision);
    if (goesOn) focus(index + 1);
  }

  function acceptSeen(): void {
    const node = grid.current;
    if (!node) return;
    const open: Crop[] = [];
    for (const cell of node.querySelectorAll<HTMLElement>("[data-crop]")) {
      const { top, bottom } = cell.getBoundingClientRect();
      const crop = crops[Number(cell.dataset.crop)];
      if (crop && bottom > 0 && top < window.innerHeight && stateOf(crop) === "open") open.push(crop);
    }
    wall.decide(open, "accept");
    say(open.length > 0 ? `${count(open.length)} accepted.` : "Nothing is open on the screen.", "good");
  }

  /** Takes the last step back, or the one that was taken back again, and shows where that was. */
  function step(crop: Crop | null): void {
    if (crop) focus(crops.findIndex((one) => keyOf(one) === keyOf(crop)));
    else say("There is nothing to take back.");
  }

  const stateOf = (crop: Crop): Decision | "open" => decided.get(keyOf(crop)) ?? (crop.reviewed ? "accept" : "open");

  const keys = (event: KeyboardEvent): void => {
    if (document.querySelector("dialog[open]") || event.altKey) return;
    const onCrop = event.target instanceof HTMLElement && event.target.closest("[data-crop]") !== null;
    if (!onCrop && belongsTo(event.target, event)) return;
    if (event.ctrlKey || event.metaKey) {
      if (event.key.toLowerCase() !== "z") return;
      event.preventDefault();
      return step(event.shiftKey ? wall.redo() : wall.undo());
    }
    const index = focused.value;
    const steps: Record<string, number> = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns.value, ArrowUp: -columns.value };
    const by = steps[event.key];
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (by !== undefined) focus(index < 0 ? 0 : index + by);
    else if (key === "?") onHelp();
    else if (key === "a" && event.shiftKey) acceptSeen();
    else if (key === "a" || (key === "Enter" && onCrop)) decide(index, "accept", true);
    else if (key === "x" || key === "Delete" || key === "Backspace") decide(index, "reject", true);
    else if (key === "o" && crops[index]) go(link.page(job, crops[index].page.id));
    else return;
    event.preventDefault();
  };
  const latest = useRef(keys);
  latest.current = keys;
  useEffect(() => {
    const down = (event: KeyboardEvent): void => latest.current(event);
    window.addEventListener("keydown", down);
    return () => window.removeEventListener("keydown", down);
  }, []);

  const numbers = { accept: 0, reject: 0 };
  for (const decision of decided.values()) numbers[decision] += 1;
  return (
    <>
      <div class="wall-bar">
        <span role="status" data-open={wall.open.value}>
          <b>{count(wall.total.value)}</b> {inSentence(wall.total.value === 1 ? categoryName(category) : categoryNames(category))}
          {decided.size > 0 && `: ${count(numbers.accept)} accepted, ${count(numbers.reject)} rejected here`}
          {wall.open.value > 0 ? ", saving" : decided.size > 0 ? ", saved" : ""}
        </span>
        <Button icon="undo" label="Undo" keys="Ctrl Z" disabled={!wall.canUndo.value} onClick={() => step(wall.undo())} />
        <Button icon="check" label="Accept all that are seen" keys="Shift A" onClick={acceptSeen} />
      </div>
      {wall.trouble.value !== null && <Trouble error={wall.trouble.value} onRetry={() => void wall.more()} />}
      {wall.total.value === 0 && !wall.trouble.value && <p class="empty">There is nothing of this kind.</p>}
      <div ref={grid} class="wall-grid">
        <Virtual
          count={crops.length}
          rowHeight={ROW_PX}
          columns={columns.value}
          label={`${categoryNames(category)} of the run`}
          scrolls="window"
          keep={focused.value}
          reveal={focused.value}
          onRange={(_first, last) => {
            if (wall.hasMore && last + columns.value * 4 >= crops.length) void wall.more(last + columns.value * 4);
          }}
          render={(index) => {
            const crop = crops[index];
            if (!crop) return null;
            const state = stateOf(crop);
            return (
              <div class={`crop ${state}`} data-state={state}>
                <button
                  type="button"
                  class="crop-main"
                  data-crop={index}
                  tabIndex={index === Math.max(focused.value, 0) ? 0 : -1}
                  aria-label={`${categoryName(crop.box.category)}${crop.box.confidence !== null ? `, confidence ${percent(crop.box.confidence)}` : ", by hand"}, ${WORDS[state]}`}
                  onFocus={() => (focused.value = index)}
                  onClick={() => {
                    focused.value = index;
                    decide(index, state === "reject" ? "accept" : "reject", false);
                  }}
                >
                  <Picture path={crop.image} alt="" />
                  <span class="crop-mark" aria-hidden="true">
                    {state === "accept" && <Icon name="check" size={22} />}
                    {state === "reject" && <Icon name="cross" size={22} />}
                  </span>
                </button>
                <span class="crop-foot">
                  <span>{crop.box.confidence === null ? "by hand" : percent(crop.box.confidence)}</span>
                  <a href={link.page(job, crop.page.id)} tabIndex={-1} aria-label="Open the page">
                    page
                  </a>
                  <span class="crop-actions">
                    <Button icon="check" label="Accept" bare kind="quiet" pressed={state === "accept"} onClick={() => decide(index, "accept", false)} />
                    <Button icon="cross" label="Reject" bare kind="quiet" pressed={state === "reject"} onClick={() => decide(index, "reject", false)} />
                  </span>
                </span>
              </div>
            );
          }}
        />
      </div>
    </>
  );
}

const WORDS = { accept: "accepted", reject: "rejected", open: "not decided" } as const;
