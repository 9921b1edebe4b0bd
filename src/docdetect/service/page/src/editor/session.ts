/** One page while it is corrected: its boxes, the steps that can be undone, and what is saved of them. */

import { type ReadonlySignal, type Signal, computed, signal } from "@preact/signals";
import { api } from "../api";
import type { Box, Page, ReviewState, Xyxy } from "../types";
import { type Handle, inReadingOrder, iou, moved, resized, sameBoxes } from "./geometry";
import { History } from "./history";
import { Saver } from "./saving";

/** Possible marks that overlap a box so much mark the same thing and are not shown. */
const SAME_MARK_IOU = 0.6;

interface State {
  boxes: readonly Box[];
  reviewState: ReviewState;
}

export class PageSession {
  readonly page: Signal<Page>;
  readonly state: Signal<State>;
  readonly selected: Signal<string | null> = signal(null);
  readonly canUndo: Signal<boolean> = signal(false);
  readonly canRedo: Signal<boolean> = signal(false);
  readonly boxes: ReadonlySignal<readonly Box[]>;
  readonly possibleMarks: ReadonlySignal<readonly Box[]>;
  readonly reviewState: ReadonlySignal<ReviewState>;
  readonly saver: Saver;
  private history: History<State>;

  constructor(
    readonly job: string,
    page: Page,
  ) {
    const state: State = { boxes: inReadingOrder(page.boxes, page), reviewState: page.review_state };
    this.page = signal(page);
    this.state = signal(state);
    this.history = new History(state);
    this.boxes = computed(() => this.state.value.boxes);
    this.reviewState = computed(() => this.state.value.reviewState);
    this.possibleMarks = computed(() =>
      inReadingOrder(
        this.page.value.possible_marks.filter((possibleMark) => this.boxes.value.every((box) => !marksTheSame(box, possibleMark))),
        this.page.value,
      ),
    );
    this.saver = new Saver(
      page.revision,
      (revision, state, by) => api.savePage(job, page.id, revision, state.boxes, state.reviewState, by),
      () => this.state.peek(),
      (saved) => {
        this.page.value = saved;
      },
    );
  }

  get selectedBox(): Box | undefined {
    return this.boxes.value.find((box) => box.id === this.selected.value);
  }

  get isChanged(): boolean {
    return !sameBoxes(this.boxes.value, this.page.value.boxes);
  }

  /** Adds a box by a person and selects it. */
  add(category: string, xyxy: Xyxy): string {
    const box: Box = { id: newId(), category, xyxy, confidence: null, source: "person" };
    this.step([...this.boxes.value, box]);
    this.selected.value = box.id;
    return box.id;
  }

  /** Makes a box of a possible mark. */
  accept(possibleMark: Box): void {
    this.step([...this.boxes.value, { ...possibleMark, source: "person" }]);
    this.selected.value = possibleMark.id;
  }

  remove(id: string): void {
    const index = this.boxes.value.findIndex((box) => box.id === id);
    const rest = this.boxes.value.filter((box) => box.id !== id);
    if (index < 0) return;
    this.step(rest);
    this.selected.value = rest[Math.min(index, rest.length - 1)]?.id ?? null;
  }

  setCategory(id: string, category: string): void {
    this.change(id, (box) => (box.category === category ? box : { ...box, category }));
  }

  /** Shows a box elsewhere while it is dragged; nothing is saved. */
  preview(id: string, xyxy: Xyxy): void {
    const boxes = this.boxes.value.map((box) => (box.id === id ? { ...box, xyxy } : box));
    this.state.value = { ...this.state.value, boxes };
  }

  /** Ends a drag: what is shown becomes a step, or nothing if the box is where it was. */
  drop(): void {
    const boxes = this.boxes.value;
    if (sameBoxes(boxes, this.history.present.boxes)) this.state.value = this.history.present;
    else this.step(boxes);
  }

  /** Takes a drag back. */
  cancelDrag(): void {
    this.state.value = this.history.present;
  }

  nudge(id: string, dx: number, dy: number): void {
    this.change(id, (box) => ({ ...box, xyxy: moved(box.xyxy, dx, dy, this.page.value) }), `nudge ${id}`);
  }

  resize(id: string, handle: Handle, dx: number, dy: number): void {
    this.change(id, (box) => ({ ...box, xyxy: resized(box.xyxy, handle, dx, dy, this.page.value) }), `resize ${id}`);
  }

  /** Says that the page is finished: right as the network left it, or corrected. */
  confirm(): void {
    const page = this.page.value;
    const untouched = !this.isChanged && (page.revision === 0 || page.review_state === "right");
    this.settle(untouched && this.saver.isIdle ? "right" : "corrected");
  }

  settle(reviewState: ReviewState): void {
    const state = { ...this.state.value, reviewState };
    this.history.add(state);
    this.show(state);
    this.saver.save();
  }

  undo(): void {
    if (!this.history.canUndo) return;
    this.show(this.history.undo());
    this.keepSelection();
    this.saver.save();
  }

  redo(): void {
    if (!this.history.canRedo) return;
    this.show(this.history.redo());
    this.keepSelection();
    this.saver.save();
  }

  /** Shows the page as another person left it; what was done here can still be had back by undoing. */
  adopt(page: Page): void {
    this.goOnFrom(page, { boxes: inReadingOrder(page.boxes, page), reviewState: page.review_state });
  }

  /** Saves these boxes on top of another person's revision, after the reviewer has seen both. */
  overrule(page: Page, boxes: readonly Box[]): void {
    this.goOnFrom(page, { ...this.state.value, boxes });
    this.saver.save();
  }

  private goOnFrom(page: Page, state: State): void {
    this.page.value = page;
    this.history.add(state);
    this.show(state);
    this.keepSelection();
    this.saver.adopt(page.revision);
  }

  private change(id: string, changed: (box: Box) => Box, kind = ""): void {
    const boxes = this.boxes.value.map((box) => (box.id === id ? changed(box) : box));
    if (!sameBoxes(boxes, this.boxes.value)) this.step(boxes, kind);
  }

  private step(boxes: readonly Box[], kind = ""): void {
    const { reviewState } = this.state.value;
    const state: State = { boxes, reviewState: reviewState === "right" ? "corrected" : reviewState };
    this.history.add(state, kind);
    this.show(state);
    this.saver.save(kind !== "");
  }

  private show(state: State): void {
    this.state.value = state;
    this.canUndo.value = this.history.canUndo;
    this.canRedo.value = this.history.canRedo;
  }

  private keepSelection(): void {
    if (!this.boxes.value.some((box) => box.id === this.selected.value)) this.selected.value = null;
  }
}

const marksTheSame = (box: Box, possibleMark: Box): boolean =>
  box.id === possibleMark.id || (box.category === possibleMark.category && iou(box.xyxy, possibleMark.xyxy) > SAME_MARK_IOU);

function newId(): string {
  return `p${Date.now().toString(36)}${Math.floor(Math.random() * 2 ** 32).toString(36)}`;
}
