/** What fingers, pens and mice do on a page: select, move, resize, draw, pan, pinch. */

import type { Signal } from "@preact/signals";
import type { Box, Xyxy } from "../types";
import { type Handle, type Point, between, moved, resized } from "./geometry";
import type { PageSession } from "./session";
import type { Viewport } from "./viewport";

/** A pointer that moves less is a click, in CSS px. */
const CLICK_PX = 4;

type Gesture =
  | { kind: "none" }
  | { kind: "pan"; from: Point; last: Point; tapped: string | null; isClick: boolean }
  | { kind: "draw"; from: Point; start: Point; tapped: string | null; isClick: boolean }
  | { kind: "move"; id: string; xyxy: Xyxy; from: Point; start: Point; isClick: boolean }
  | { kind: "resize"; id: string; handle: Handle; xyxy: Xyxy; from: Point }
  | { kind: "pinch"; distance: number; middle: Point };

export interface PointerContext {
  stage: HTMLElement;
  session: PageSession;
  viewport: Viewport;
  /** The box that is being drawn. */
  drawn: Signal<Xyxy | null>;
  draws: Signal<boolean>;
  /** True while the key is held that makes a drag move the page. */
  pans: () => boolean;
  onDrawn: (xyxy: Xyxy) => void;
  onSelect: (id: string | null) => void;
  onAccept: (possibleMark: Box) => void;
}

/** Listens on a stage; the answer ends it. */
export function listen(context: PointerContext): () => void {
  const { stage, session, viewport, drawn } = context;
  const fingers = new Map<number, Point>();
  let gesture: Gesture = { kind: "none" };

  const pointOf = (event: MouseEvent): Point => {
    const { left, top } = stage.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  };
  const pair = (): [Point, Point] | null => {
    const [a, b] = [...fingers.values()];
    return a && b ? [a, b] : null;
  };

  function startPinch(): void {
    const points = pair();
    if (!points) return;
    if (gesture.kind === "move" || gesture.kind === "resize") session.cancelDrag();
    drawn.value = null;
    const [a, b] = points;
    gesture = { kind: "pinch", distance: Math.hypot(a.x - b.x, a.y - b.y), middle: { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 } };
  }

  function gestureAt(event: PointerEvent, at: Point): Gesture {
    const target = event.target instanceof Element ? event.target : stage;
    const id = target.closest<HTMLElement>("[data-box]")?.dataset.box ?? null;
    const box = id === null ? undefined : session.boxes.peek().find((one) => one.id === id);
    const handle = target.closest<HTMLElement>("[data-handle]")?.dataset.handle as Handle | undefined;
    const start = viewport.toPage(at);
    const pan: Gesture = { kind: "pan", from: at, last: at, tapped: id, isClick: true };
    if (event.button === 1 || event.button === 2 || context.pans()) return { ...pan, tapped: null, isClick: false };
    const isSelected = box !== undefined && session.selected.peek() === box.id;
    if (box && handle && isSelected) return { kind: "resize", id: box.id, handle, xyxy: box.xyxy, from: start };
    // Only the selected box follows: a drag that starts on another one draws, as a signature on a stamp is drawn, and a
    // finger that moves the page may start anywhere.
    if (box && (isSelected || (event.pointerType !== "touch" && !context.draws.peek()))) {
      context.onSelect(box.id);
      return { kind: "move", id: box.id, xyxy: box.xyxy, from: at, start, isClick: true };
    }
    return context.draws.peek() ? { kind: "draw", from: at, start, tapped: id, isClick: true } : pan;
  }

  function down(event: PointerEvent): void {
    if (event.button > 2 || (event.target instanceof Element && event.target.closest("[data-control]"))) return;
    const at = pointOf(event);
    fingers.set(event.pointerId, at);
    stage.setPointerCapture(event.pointerId);
    if (fingers.size === 2) return startPinch();
    if (fingers.size > 2) return;
    event.preventDefault();
    gesture = gestureAt(event, at);
    if (gesture.kind === "pan" || gesture.kind === "draw") stage.focus({ preventScroll: true });
  }

  function move(event: PointerEvent): void {
    if (!fingers.has(event.pointerId)) return;
    const at = pointOf(event);
    fingers.set(event.pointerId, at);
    if ("from" in gesture && "isClick" in gesture && gesture.isClick) {
      if (Math.hypot(at.x - gesture.from.x, at.y - gesture.from.y) < CLICK_PX) return;
      gesture = { ...gesture, isClick: false };
    }
    const page = session.page.peek();
    const here = viewport.toPage(at);
    switch (gesture.kind) {
      case "pan":
        viewport.pan(at.x - gesture.last.x, at.y - gesture.last.y);
        gesture = { ...gesture, last: at };
        break;
      case "draw":
        drawn.value = between(gesture.start, here, page);
        break;
      case "move":
        session.preview(gesture.id, moved(gesture.xyxy, here.x - gesture.start.x, here.y - gesture.start.y, page));
        break;
      case "resize":
        session.preview(gesture.id, resized(gesture.xyxy, gesture.handle, here.x - gesture.from.x, here.y - gesture.from.y, page));
        break;
      case "pinch": {
        const points = pair();
        if (!points) break;
        const [a, b] = points;
        const distance = Math.hypot(a.x - b.x, a.y - b.y);
        const middle = { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
        viewport.pan(middle.x - gesture.middle.x, middle.y - gesture.middle.y);
        viewport.zoom(distance / Math.max(gesture.distance, 1), middle);
        gesture = { kind: "pinch", distance, middle };
        break;
      }
      case "none":
    }
  }

  function up(event: PointerEvent): void {
    if (!fingers.delete(event.pointerId)) return;
    const ended = gesture;
    if (ended.kind === "pinch" && fingers.size > 0) return;
    gesture = { kind: "none" };
    switch (ended.kind) {
      case "pan":
        if (ended.isClick) tap(ended.tapped);
        break;
      case "draw": {
        const xyxy = drawn.peek();
        drawn.value = null;
        if (!ended.isClick && xyxy) context.onDrawn(xyxy);
        else if (ended.isClick) tap(ended.tapped);
        break;
      }
      case "move":
      case "resize":
        session.drop();
        break;
    }
  }

  function tap(id: string | null): void {
    const possibleMark = session.possibleMarks.peek().find((one) => one.id === id);
    if (possibleMark) context.onAccept(possibleMark);
    else context.onSelect(id);
  }

  function cancel(event: PointerEvent): void {
    fingers.delete(event.pointerId);
    if (gesture.kind === "move" || gesture.kind === "resize") session.cancelDrag();
    drawn.value = null;
    gesture = { kind: "none" };
  }

  function wheel(event: WheelEvent): void {
    event.preventDefault();
    const unit = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1;
    if (event.shiftKey && !event.ctrlKey) {
      viewport.pan(-(event.deltaX + event.deltaY) * unit, 0);
      return;
    }
    if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) viewport.pan(-event.deltaX * unit, 0);
    else viewport.zoom(Math.exp(-event.deltaY * unit * (event.ctrlKey ? 0.01 : 0.0016)), pointOf(event));
  }

  const noMenu = (event: Event): void => event.preventDefault();
  stage.addEventListener("pointerdown", down);
  stage.addEventListener("pointermove", move);
  stage.addEventListener("pointerup", up);
  stage.addEventListener("pointercancel", cancel);
  stage.addEventListener("wheel", wheel, { passive: false });
  stage.addEventListener("contextmenu", noMenu);
  return () => {
    stage.removeEventListener("pointerdown", down);
    stage.removeEventListener("pointermove", move);
    stage.removeEventListener("pointerup", up);
    stage.removeEventListener("pointercancel", cancel);
    stage.removeEventListener("wheel", wheel);
    stage.removeEventListener("contextmenu", noMenu);
  };
}
