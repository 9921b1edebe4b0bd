/** Which part of a page is seen, and how large. */

import { type Signal, signal } from "@preact/signals";
import type { Xyxy } from "../types";
import { type Point, type Size, type Turn, turnedBack, turnedBox, turnedSize } from "./geometry";

const BORDER_PX = 16;
const MOST_SCALE = 16;

export interface View {
  /** CSS px of the screen for one px of the page. */
  scale: number;
  /** Place of the top left corner of the page, as it is turned, in the stage, in CSS px. */
  x: number;
  y: number;
}

export class Viewport {
  readonly view: Signal<View> = signal({ scale: 1, x: 0, y: 0 });
  readonly turn: Signal<Turn> = signal(0);
  private stage: Size = { width: 0, height: 0 };
  private page: Size = { width: 1, height: 1 };
  private isFitted = true;

  /** Turns the view; the page is then seen as a whole. */
  turnTo(turn: Turn): void {
    if (turn === this.turn.peek()) return;
    this.turn.value = turn;
    this.fit();
  }

  /** The page as it is turned. */
  private get turned(): Size {
    return turnedSize(this.page, this.turn.peek());
  }

  /** Tells the sizes; a page that was seen as a whole still is. */
  measure(stage: Size, page: Size): void {
    const isNew = page.width !== this.page.width || page.height !== this.page.height;
    this.stage = stage;
    this.page = page;
    if (isNew || this.isFitted) this.fit();
    else this.set(this.view.value);
  }

  get fitScale(): number {
    return this.scaleThatFits(this.page);
  }

  /** The scale at which a page is seen as a whole. */
  scaleThatFits(page: Size): number {
    const { stage } = this;
    const { width, height } = turnedSize(page, this.turn.peek());
    const wide = Math.max(stage.width - 2 * BORDER_PX, 40) / width;
    const high = Math.max(stage.height - 2 * BORDER_PX, 40) / height;
    return Math.min(wide, high);
  }

  fit(): void {
    const scale = this.fitScale;
    this.isFitted = true;
    this.view.value = this.bounded({ scale, x: 0, y: 0 });
  }

  fitWidth(): void {
    const scale = Math.max(this.stage.width - 2 * BORDER_PX, 40) / this.turned.width;
    this.set({ scale, x: 0, y: BORDER_PX });
  }

  /** Zooms by a factor; the point of the stage stays where it is. */
  zoom(factor: number, at: Point = { x: this.stage.width / 2, y: this.stage.height / 2 }): void {
    const { scale, x, y } = this.view.value;
    const wanted = Math.min(Math.max(scale * factor, this.fitScale * 0.5), Math.max(MOST_SCALE, this.fitScale));
    const real = wanted / scale;
    this.set({ scale: wanted, x: at.x - (at.x - x) * real, y: at.y - (at.y - y) * real });
  }

  pan(dx: number, dy: number): void {
    const { scale, x, y } = this.view.value;
    this.set({ scale, x: x + dx, y: y + dy });
  }

  /** Shows a box large, with some paper around it. */
  show(xyxy: Xyxy): void {
    const [x0, y0, x1, y1] = turnedBox(xyxy, this.turn.peek(), this.page);
    const room = 0.4;
    const wanted = Math.min((this.stage.width * room) / (x1 - x0), (this.stage.height * room) / (y1 - y0));
    const scale = Math.min(Math.max(wanted, this.fitScale), MOST_SCALE);
    this.set({
      scale,
      x: this.stage.width / 2 - ((x0 + x1) / 2) * scale,
      y: this.stage.height / 2 - ((y0 + y1) / 2) * scale,
    });
  }

  /** Moves the page as little as needed for a box to be seen. */
  reveal(xyxy: Xyxy): void {
    const { scale, x, y } = this.view.value;
    const along = (low: number, high: number, place: number, room: number): number => {
      const start = place + low * scale;
      const end = place + high * scale;
      if (end - start > room - 2 * BORDER_PX) return start > BORDER_PX || end < room - BORDER_PX ? place + (room - start - end) / 2 : place;
      if (start < BORDER_PX) return place + BORDER_PX - start;
      return end > room - BORDER_PX ? place + room - BORDER_PX - end : place;
    };
    const [x0, y0, x1, y1] = turnedBox(xyxy, this.turn.peek(), this.page);
    const next = {
      scale,
      x: along(x0, x1, x, this.stage.width),
      y: along(y0, y1, y, this.stage.height),
    };
    if ((next.x !== x || next.y !== y) && !this.isFitted) this.set(next);
  }

  /** Point of the page under a point of the stage. */
  toPage(point: Point): Point {
    const { scale, x, y } = this.view.value;
    return turnedBack({ x: (point.x - x) / scale, y: (point.y - y) / scale }, this.turn.peek(), this.page);
  }

  /** The part of the page that is seen. */
  get visible(): Xyxy {
    const a = this.toPage({ x: 0, y: 0 });
    const b = this.toPage({ x: this.stage.width, y: this.stage.height });
    const within = (value: number, most: number): number => Math.max(0, Math.min(value, most));
    return [
      within(Math.min(a.x, b.x), this.page.width),
      within(Math.min(a.y, b.y), this.page.height),
      within(Math.max(a.x, b.x), this.page.width),
      within(Math.max(a.y, b.y), this.page.height),
    ];
  }

  private set(view: View): void {
    this.isFitted = false;
    this.view.value = this.bounded(view);
  }

  /** A page that is smaller than the stage lies in its middle; a larger one never leaves a gap wider than half the stage. */
  private bounded({ scale, x, y }: View): View {
    const along = (place: number, length: number, room: number): number =>
      length <= room - 2 ? (room - length) / 2 : Math.min(Math.max(place, room / 2 - length), room / 2);
    const { width, height } = this.turned;
    return {
      scale,
      x: along(x, width * scale, this.stage.width),
      y: along(y, height * scale, this.stage.height),
    };
  }
}
