/** The page with its boxes: pictures below, boxes as elements that have focus and names above. */

import { type Signal, useComputed, useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { api, messageOf } from "../api";
import { categoryClass, categoryName, percent } from "../format";
import { hold } from "../pictures";
import { showsPossibleMarks } from "../settings";
import type { Box, Xyxy } from "../types";
import { type Region, regionFor, wholePx } from "./detail";
import { HANDLES, area, turnedPoint } from "./geometry";
import { listen } from "./pointer";
import type { PageSession } from "./session";
import type { Viewport } from "./viewport";

const REST_MS = 120;

export interface StageProps {
  session: PageSession;
  viewport: Viewport;
  categories: readonly string[];
  draws: Signal<boolean>;
  pans: () => boolean;
  category: string;
  onShown: (stage: HTMLElement) => void;
  onDrawn: (xyxy: Xyxy) => void;
  onSelect: (id: string | null) => void;
  onAccept: (possibleMark: Box) => void;
}

export function Stage(props: StageProps) {
  const { session, viewport } = props;
  const stage = useRef<HTMLDivElement>(null);
  const drawn = useSignal<Xyxy | null>(null);
  const page = session.page.value;
  const latest = useRef(props);
  latest.current = props;

  useLayoutEffect(() => {
    const node = stage.current;
    if (!node) return;
    const measure = (): void => viewport.measure({ width: node.clientWidth, height: node.clientHeight }, session.page.peek());
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(node);
    const end = listen({
      stage: node,
      session,
      viewport,
      drawn,
      draws: latest.current.draws,
      pans: () => latest.current.pans(),
      onDrawn: (xyxy) => latest.current.onDrawn(xyxy),
      onSelect: (id) => latest.current.onSelect(id),
      onAccept: (possibleMark) => latest.current.onAccept(possibleMark),
    });
    latest.current.onShown(node);
    return () => {
      observer.disconnect();
      end();
    };
  }, [session]);

  const names = session.boxes.value.length;
  return (
    <div
      ref={stage}
      class={`stage ${props.draws.value ? "draws" : "pans"}`}
      data-page={page.id}
      tabIndex={0}
      role="group"
      aria-roledescription="page with boxes"
      aria-label={`Page ${page.number} of ${page.document}: ${names} ${names === 1 ? "box" : "boxes"}. Tab goes to the boxes, question mark shows all keys.`}
    >
      <Sheet session={session} viewport={viewport}>
        <Boxes session={session} categories={props.categories} drawn={drawn} category={props.category} />
      </Sheet>
    </div>
  );
}

function Sheet(props: { session: PageSession; viewport: Viewport; children: preact.ComponentChildren }) {
  const page = props.session.page.value;
  const { scale, x, y } = props.viewport.view.value;
  const turn = props.viewport.turn.value;
  // The sheet turns around its own top left corner, which then lies elsewhere on the turned page.
  const corner = turnedPoint({ x: 0, y: 0 }, turn, page);
  return (
    <div
      class="sheet"
      data-turn={turn}
      style={{ transform: `translate(${x + corner.x * scale}px, ${y + corner.y * scale}px) rotate(${turn * 90}deg)`, width: `${page.width * scale}px`, height: `${page.height * scale}px`, "--s": `${scale}px` }}
    >
      <Pictures session={props.session} viewport={props.viewport} />
      {props.children}
    </div>
  );
}

/** The picture of the whole page, and a finer one of the part that is seen. */
function Pictures({ session, viewport }: { session: PageSession; viewport: Viewport }) {
  const page = session.page.value;
  const density = window.devicePixelRatio || 1;
  const whole = useSignal<{ path: string; url: string | null; failed: string }>({ path: "", url: null, failed: "" });
  const detail = useSignal<{ region: Region; url: string } | null>(null);
  const longPx = wholePx(page, viewport.fitScale, density);
  const path = api.imageUrl(session.job, page.id, longPx);

  useLayoutEffect(() => {
    const held = hold(path, true);
    let gone = false;
    whole.value = { path, url: held.ready, failed: "" };
    held.url.then(
      (url) => !gone && (whole.value = { path, url, failed: "" }),
      (error: unknown) => !gone && (whole.value = { path, url: null, failed: messageOf(error) }),
    );
    return () => {
      gone = true;
      held.release();
    };
  }, [path]);

  useEffect(() => {
    let region: Region | null = null;
    let held: ReturnType<typeof hold> | null = null;
    let old: ReturnType<typeof hold> | null = null;
    let timer = 0;
    const look = (): void => {
      const wanted = regionFor(page, viewport.visible, viewport.view.peek().scale * density, longPx, region);
      if (wanted === region) return;
      region = wanted;
      old?.release();
      old = held;
      held = null;
      if (!wanted) {
        detail.value = null;
        return;
      }
      const mine = hold(api.imageUrl(session.job, page.id, wanted.maxPx, wanted.xyxy), true);
      held = mine;
      mine.url.then(
        async (url) => {
          const picture = new Image();
          picture.src = url;
          await picture.decode().catch(() => undefined);
          if (held === mine) detail.value = { region: wanted, url };
        },
        () => undefined,
      );
    };
    const stop = viewport.view.subscribe(() => {
      window.clearTimeout(timer);
      timer = window.setTimeout(look, REST_MS);
    });
    return () => {
      stop();
      window.clearTimeout(timer);
      held?.release();
      old?.release();
      detail.value = null;
    };
  }, [session, page.id, longPx]);

  const fine = detail.value;
  const isMine = whole.value.path === path;
  return (
    <>
      {isMine && whole.value.url && <img class="whole" src={whole.value.url} alt="" draggable={false} data-loaded="" />}
      {isMine && whole.value.failed && (
        <p class="no-picture" role="alert">
          There is no picture of this page. {whole.value.failed}
        </p>
      )}
      {!(isMine && (whole.value.url || whole.value.failed)) && <span class="loading" aria-label="The page is loading" role="img" />}
      {fine && <img class="detail" src={fine.url} alt="" draggable={false} style={place(fine.region.xyxy)} />}
    </>
  );
}

function place([x0, y0, x1, y1]: Xyxy): Record<string, string> {
  return {
    left: `calc(var(--s) * ${x0})`,
    top: `calc(var(--s) * ${y0})`,
    width: `calc(var(--s) * ${x1 - x0})`,
    height: `calc(var(--s) * ${y1 - y0})`,
  };
}

function Boxes(props: { session: PageSession; categories: readonly string[]; drawn: Signal<Xyxy | null>; category: string }) {
  const { session, categories } = props;
  const boxes = session.boxes.value;
  const selected = session.selected.value;
  // Smaller boxes lie above larger ones, so that a click reaches every box.
  const rank = useComputed(() => {
    const order = [...session.boxes.value].sort((a, b) => area(b.xyxy) - area(a.xyxy));
    return new Map(order.map((box, index) => [box.id, index + 1]));
  });
  const newest = props.drawn.value;
  return (
    <div class="boxes">
      {boxes.map((box, index) => (
        <div
          key={box.id}
          data-box={box.id}
          class={`box ${categoryClass(box.category, categories)} ${box.id === selected ? "selected" : ""}`}
          style={{ ...place(box.xyxy), "z-index": box.id === selected ? 10_000 : (rank.value.get(box.id) ?? 1) }}
          tabIndex={0}
          role="button"
          aria-pressed={box.id === selected}
          aria-label={`${categoryName(box.category)}, ${sourceOf(box)}, box ${index + 1} of ${boxes.length}`}
          onFocus={() => {
            session.selected.value = box.id;
          }}
        >
          <span class="tag" aria-hidden="true">
            {categoryName(box.category)}
            {box.confidence !== null && <small>{percent(box.confidence)}</small>}
          </span>
          {box.id === selected && HANDLES.map((handle) => <span key={handle} class={`handle ${handle}`} data-handle={handle} />)}
        </div>
      ))}
      {showsPossibleMarks.value &&
        session.possibleMarks.value.map((possibleMark) => (
          <div
            key={`possible ${possibleMark.id}`}
            data-box={possibleMark.id}
            data-possible=""
            class={`box possible ${categoryClass(possibleMark.category, categories)}`}
            style={place(possibleMark.xyxy)}
            tabIndex={0}
            role="button"
            onFocus={() => {
              session.selected.value = null;
            }}
            aria-label={`Below the threshold: ${categoryName(possibleMark.category)}, ${sourceOf(possibleMark)}. Space accepts it.`}
          >
            <span class="tag" aria-hidden="true">
              {categoryName(possibleMark.category)}?<small>{possibleMark.confidence !== null ? percent(possibleMark.confidence) : ""}</small>
            </span>
          </div>
        ))}
      {newest && <div class={`box drawn ${categoryClass(props.category, categories)}`} style={place(newest)} />}
    </div>
  );
}

const sourceOf = (box: Box): string => (box.confidence === null ? "by a person" : `confidence ${percent(box.confidence)}`);
