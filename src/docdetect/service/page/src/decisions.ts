/** What is decided on the wall of crops: sent in batches, never over somebody else's work, and taken back step by step. */

import { type Signal, signal } from "@preact/signals";
import { type CropDecisions, Problem, api, messageOf } from "./api";
import { go, link } from "./routes";
import { reviewer } from "./settings";
import type { Crop, ReviewState } from "./types";
import { say } from "./ui";

const BATCH = 200;
const SEND_AFTER_MS = 350;
const AGAIN_AFTER_MS = 4000;
const MOST_STEPS = 200;

export type Decision = "accept" | "reject";

export const keyOf = (crop: Crop): string => `${crop.page.id}/${crop.box.id}`;

interface Step {
  crops: readonly Crop[];
  decision: Decision;
  /** What was decided before, by key; nothing for a crop that was open. */
  before: ReadonlyMap<string, Decision>;
  /** What was said of the pages before, by id. */
  reviewStates: ReadonlyMap<string, ReviewState>;
}

interface Waiting {
  crop: Crop;
  decision: Decision;
}

/** Crops of one category, loaded piece by piece, with what was decided here. */
export class Wall {
  readonly crops: Signal<readonly Crop[]> = signal([]);
  readonly total: Signal<number> = signal(0);
  readonly trouble: Signal<unknown> = signal(null);
  readonly decided: Signal<ReadonlyMap<string, Decision>> = signal(new Map());
  /** What the service has not answered yet. */
  readonly open: Signal<number> = signal(0);
  readonly canUndo: Signal<boolean> = signal(false);
  private next: string | null = null;
  private loading = false;
  private waiting = new Map<string, Waiting>();
  /** What the service knows of what was decided here. */
  private sent = new Map<string, Decision>();
  private revisions: Record<string, number> = {};
  private reviewStates: Record<string, ReviewState> = {};
  private past: Step[] = [];
  private future: Step[] = [];
  private timer = 0;
  /** Requests follow each other, since each one has to know the revision that the one before made. */
  private last: Promise<void> = Promise.resolve();
  private underWay = 0;

  constructor(
    readonly job: string,
    readonly options: { category: string; possibleMarks: boolean; order: "confidence" | "page" },
  ) {
    void this.more();
  }

  async more(upTo = 0): Promise<void> {
    if (this.loading) return;
    this.loading = true;
    try {
      do {
        const { category, possibleMarks, order } = this.options;
        const answer = await api.crops(this.job, { category, possible_marks: possibleMarks, order: order === "confidence" && possibleMarks ? "confidence-desc" : order, limit: BATCH, ...(this.next ? { after: this.next } : {}) });
        this.crops.value = [...this.crops.value, ...answer.crops];
        this.total.value = answer.total;
        this.next = answer.next;
        this.trouble.value = null;
      } while (this.next && this.crops.value.length <= upTo);
    } catch (error) {
      this.trouble.value = error;
    } finally {
      this.loading = false;
    }
  }

  get hasMore(): boolean {
    return this.next !== null;
  }

  decide(crops: readonly Crop[], decision: Decision): void {
    if (crops.length === 0) return;
    this.future = [];
    this.take(crops, decision);
  }

  /** Takes the last step back; the answer is its first crop. */
  undo(): Crop | null {
    const step = this.past.pop();
    if (!step) return null;
    this.future.push(step);
    const decided = new Map(this.decided.value);
    for (const crop of step.crops) {
      const key = keyOf(crop);
      const before = step.before.get(key);
      if (before) {
        decided.set(key, before);
        this.waiting.set(key, { crop, decision: before });
      } else {
        decided.delete(key);
        this.waiting.delete(key);
      }
    }
    this.decided.value = decided;
    this.canUndo.value = this.past.length > 0;
    void this.afterwards(() => this.reopen(step));
    this.sendSoon(SEND_AFTER_MS);
    return step.crops[0] ?? null;
  }

  /** Takes the step again that was taken back last. */
  redo(): Crop | null {
    const step = this.future.pop();
    if (!step) return null;
    this.take(step.crops, step.decision);
    return step.crops[0] ?? null;
  }

  /** Sends what was decided; what could not be sent is tried again. */
  send(): Promise<void> {
    return this.afterwards(() => this.sendNow());
  }

  private take(crops: readonly Crop[], decision: Decision): void {
    const decided = new Map(this.decided.value);
    const before = new Map<string, Decision>();
    const reviewStates = new Map<string, ReviewState>();
    for (const crop of crops) {
      const key = keyOf(crop);
      const old = decided.get(key);
      if (old) before.set(key, old);
      reviewStates.set(crop.page.id, this.reviewStates[crop.page.id] ?? crop.page.review_state);
      decided.set(key, decision);
      this.waiting.set(key, { crop, decision });
    }
    this.past = [...this.past, { crops, decision, before, reviewStates }].slice(-MOST_STEPS);
    this.canUndo.value = true;
    this.decided.value = decided;
    this.sendSoon(SEND_AFTER_MS);
  }

  private sendSoon(ms: number): void {
    this.count();
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.send(), ms);
  }

  private count(): void {
    this.open.value = this.waiting.size + this.underWay;
  }

  private afterwards(work: () => Promise<void>): Promise<void> {
    this.underWay += 1;
    this.count();
    this.last = this.last.then(work).finally(() => {
      this.underWay -= 1;
      this.count();
    });
    return this.last;
  }

  /** Whether the service does not know it yet. A possible mark is no box yet: leaving it out needs no correction. */
  private isNews({ crop, decision }: Waiting): boolean {
    return decision !== (this.sent.get(keyOf(crop)) ?? (this.options.possibleMarks ? "reject" : undefined));
  }

  private revisionOf(crop: Crop): number {
    return this.revisions[crop.page.id] ?? crop.page.revision;
  }

  private async sendNow(): Promise<void> {
    const batch = [...this.waiting.values()].filter((one) => this.isNews(one));
    this.waiting.clear();
    if (batch.length === 0) return;
    const decisions: CropDecisions = { accept: [], reject: [], revisions: {}, ...(reviewer.peek() ? { by: reviewer.peek() } : {}) };
    for (const { crop, decision } of batch) {
      decisions[decision].push({ page: crop.page.id, box: crop.box.id });
      decisions.revisions[crop.page.id] = this.revisionOf(crop);
    }
    try {
      const answer = await api.decideCrops(this.job, decisions);
      for (const page of answer.pages) this.saved(page);
      for (const { crop, decision } of batch) this.sent.set(keyOf(crop), decision);
    } catch (error) {
      this.failed(error, batch);
    }
  }

  private saved({ id, revision, review_state: reviewState }: { id: string; revision: number; review_state: ReviewState }): void {
    this.revisions[id] = revision;
    this.reviewStates[id] = reviewState;
  }

  /** Puts marks that were open before a step back as they were, on every page that the service has changed by now. */
  private async reopen(step: Step): Promise<void> {
    const pages = new Map<string, Crop[]>();
    for (const crop of step.crops) {
      if (step.before.has(keyOf(crop)) || !this.sent.has(keyOf(crop))) continue;
      pages.set(crop.page.id, [...(pages.get(crop.page.id) ?? []), crop]);
    }
    for (const [id, crops] of pages) {
      try {
        await this.reopenOn(id, crops, step.reviewStates.get(id) ?? "unreviewed");
      } catch (error) {
        const decided = new Map(this.decided.value);
        for (const crop of crops) decided.set(keyOf(crop), this.sent.get(keyOf(crop))!);
        this.decided.value = decided;
        say(`Not undone: ${messageOf(error)}`, "bad");
      }
    }
  }

  private async reopenOn(id: string, crops: readonly Crop[], reviewState: ReviewState): Promise<void> {
    const now = await api.page(this.job, id);
    if (now.revision !== this.revisionOf(crops[0]!)) {
      throw new Error(`somebody changed ${now.document}, page ${now.number}, meanwhile.`);
    }
    const ids = new Set(crops.map((crop) => crop.box.id));
    const boxes = now.boxes.filter((box) => !ids.has(box.id));
    if (!this.options.possibleMarks) boxes.push(...crops.map((crop) => crop.box));
    this.saved(await api.savePage(this.job, id, now.revision, boxes, reviewState, reviewer.peek()));
    for (const crop of crops) this.sent.delete(keyOf(crop));
  }

  private failed(error: unknown, batch: readonly Waiting[]): void {
    if (error instanceof Problem && error.status === 409) {
      const moved = (error.body.pages ?? []) as { id: string; revision: number; document: string; number: number }[];
      const decided = new Map(this.decided.value);
      for (const page of moved) this.revisions[page.id] = page.revision;
      const ids = new Set(moved.map((page) => page.id));
      for (const one of batch) {
        if (ids.has(one.crop.page.id)) decided.delete(keyOf(one.crop));
        else this.keep(one);
      }
      this.decided.value = decided;
      this.sendSoon(SEND_AFTER_MS);
      const first = moved[0];
      const where = first ? `${first.document}, page ${first.number}` : "a page";
      const others = moved.length > 1 ? ` and ${moved.length - 1} more` : "";
      say(`Somebody changed ${where}${others} meanwhile. Look at it, then decide again.`, "bad", first && {
        label: "Open the page",
        run: () => go(link.page(this.job, first.id)),
      });
    } else if (error instanceof Problem && (error.isPassing || error.status === 401)) {
      for (const one of batch) this.keep(one);
      say(`Not saved yet: ${error.message} It is tried again.`);
      this.sendSoon(AGAIN_AFTER_MS);
    } else {
      say(`Not saved: ${messageOf(error)}`, "bad");
      const decided = new Map(this.decided.value);
      for (const one of batch) decided.delete(keyOf(one.crop));
      this.decided.value = decided;
    }
  }

  /** Keeps a decision that could not be sent, unless it has been decided otherwise or taken back meanwhile. */
  private keep(one: Waiting): void {
    const key = keyOf(one.crop);
    if (!this.waiting.has(key) && this.decided.value.get(key) === one.decision) this.waiting.set(key, one);
  }
}
