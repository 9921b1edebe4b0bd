/** Arithmetic of boxes, without any state. Boxes are xyxy in px of the page. */

import type { Box, Xyxy } from "../types";

export interface Size {
  width: number;
  height: number;
}

export interface Point {
  x: number;
  y: number;
}

/** The part of a box that is dragged: compass directions. */
export type Handle = "n" | "s" | "e" | "w" | "ne" | "nw" | "se" | "sw";
export const HANDLES: readonly Handle[] = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];

/** A box is at least so wide and high, in px of the page. */
export const LEAST_PX = 2;

const clamp = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high);
const tenth = (value: number): number => Math.round(value * 10) / 10;
const rounded = ([x0, y0, x1, y1]: Xyxy): Xyxy => [tenth(x0), tenth(y0), tenth(x1), tenth(y1)];

/** The box between two points, cut off at the borders of the page; null where it would be too small. */
export function between(a: Point, b: Point, page: Size): Xyxy | null {
  const xyxy = rounded([
    clamp(Math.min(a.x, b.x), 0, page.width),
    clamp(Math.min(a.y, b.y), 0, page.height),
    clamp(Math.max(a.x, b.x), 0, page.width),
    clamp(Math.max(a.y, b.y), 0, page.height),
  ]);
  return xyxy[2] - xyxy[0] >= LEAST_PX && xyxy[3] - xyxy[1] >= LEAST_PX ? xyxy : null;
}

/** The box moved, and stopped at the borders of the page without a change of its size. */
export function moved([x0, y0, x1, y1]: Xyxy, dx: number, dy: number, page: Size): Xyxy {
  const right = clamp(dx, -x0, page.width - x1);
  const down = clamp(dy, -y0, page.height - y1);
  return rounded([x0 + right, y0 + down, x1 + right, y1 + down]);
}

/** The box with one border or corner moved; borders stay within the page and never pass each other. */
export function resized([x0, y0, x1, y1]: Xyxy, handle: Handle, dx: number, dy: number, page: Size): Xyxy {
  return rounded([
    handle.includes("w") ? clamp(x0 + dx, 0, x1 - LEAST_PX) : x0,
    handle.includes("n") ? clamp(y0 + dy, 0, y1 - LEAST_PX) : y0,
    handle.includes("e") ? clamp(x1 + dx, x0 + LEAST_PX, page.width) : x1,
    handle.includes("s") ? clamp(y1 + dy, y0 + LEAST_PX, page.height) : y1,
  ]);
}

export const area = ([x0, y0, x1, y1]: Xyxy): number => (x1 - x0) * (y1 - y0);

/** Intersection over union, in [0, 1]. */
export function iou(a: Xyxy, b: Xyxy): number {
  const wide = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const high = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  if (wide <= 0 || high <= 0) return 0;
  return (wide * high) / (area(a) + area(b) - wide * high);
}

/** Boxes from top to bottom and from left to right, in lines of about the height of a box. */
export function inReadingOrder(boxes: readonly Box[], page: Size): Box[] {
  const line = Math.max(1, page.height / 40);
  const key = ({ xyxy }: Box): number => Math.round((xyxy[1] + xyxy[3]) / 2 / line) * page.width * 4 + xyxy[0];
  return [...boxes].sort((a, b) => key(a) - key(b));
}

/** Whether two lists hold the same boxes, whatever their order. */
export function sameBoxes(a: readonly Box[], b: readonly Box[]): boolean {
  if (a.length !== b.length) return false;
  const known = new Map(a.map((box) => [box.id, box]));
  return b.every((box) => {
    const other = known.get(box.id);
    return other !== undefined && sameBox(box, other);
  });
}

export const sameBox = (a: Box, b: Box): boolean =>
  a.category === b.category && a.xyxy.every((value, index) => Math.abs(value - (b.xyxy[index] ?? NaN)) < 0.05);

/** Theirs, and those of mine that mark nothing that theirs mark already. */
export function merged(theirs: readonly Box[], mine: readonly Box[]): Box[] {
  const added = mine.filter(
    (box) => !theirs.some((other) => other.id === box.id || iou(other.xyxy, box.xyxy) > 0.5),
  );
  return [...theirs, ...added];
}

/** What changed from one list to another one, in words' worth of numbers. */
export function difference(before: readonly Box[], after: readonly Box[]): { added: number; removed: number; changed: number } {
  const old = new Map(before.map((box) => [box.id, box]));
  const ids = new Set(after.map((box) => box.id));
  let added = 0;
  let changed = 0;
  for (const box of after) {
    const other = old.get(box.id);
    if (!other) added += 1;
    else if (!sameBox(box, other)) changed += 1;
  }
  return { added, changed, removed: before.filter((box) => !ids.has(box.id)).length };
}

/** Quarter turns of the view, clockwise: a page that lies on its side is read upright, and its boxes stay as they are. */
export type Turn = 0 | 1 | 2 | 3;
export const turnedBy = (turn: Turn, by: 1 | -1): Turn => ((turn + by + 4) % 4) as Turn;

export const turnedSize = (page: Size, turn: Turn): Size => (turn % 2 ? { width: page.height, height: page.width } : { width: page.width, height: page.height });

/** Where a point of the page lies on the turned page. */
export function turnedPoint({ x, y }: Point, turn: Turn, page: Size): Point {
  switch (turn) {
    case 0: return { x, y };
    case 1: return { x: page.height - y, y: x };
    case 2: return { x: page.width - x, y: page.height - y };
    case 3: return { x: y, y: page.width - x };
  }
}

/** The point of the page that lies there on the turned page. */
export function turnedBack(point: Point, turn: Turn, page: Size): Point {
  return turnedPoint(point, ((4 - turn) % 4) as Turn, turnedSize(page, turn));
}

/** Where a box of the page lies on the turned page. */
export function turnedBox([x0, y0, x1, y1]: Xyxy, turn: Turn, page: Size): Xyxy {
  const a = turnedPoint({ x: x0, y: y0 }, turn, page);
  const b = turnedPoint({ x: x1, y: y1 }, turn, page);
  return [Math.min(a.x, b.x), Math.min(a.y, b.y), Math.max(a.x, b.x), Math.max(a.y, b.y)];
}

/** A way on the screen as a way on the page. */
export function wayOnPage(dx: number, dy: number, turn: Turn): Point {
  const nowhere: Size = { width: 0, height: 0 };
  const { x, y } = turnedBack({ x: dx, y: dy }, turn, nowhere);
  return { x: x + 0, y: y + 0 }; // no negative zero
}

/** The corner of a box that lies at the right and below on the turned page. */
export const LOWER_RIGHT: readonly Handle[] = ["se", "ne", "nw", "sw"];
