/** Saves a page again and again until the service has it: one request at a time, each on top of the last revision. */

import { type Signal, signal } from "@preact/signals";
import { Problem, sized } from "../api";
import { reviewer } from "../settings";
import type { Box, Page, ReviewState } from "../types";

export type SaveState =
  | { kind: "saved" }
  | { kind: "saving" }
  | { kind: "waiting"; why: string; retryAt: number }
  | { kind: "refused"; why: string }
  | { kind: "conflict"; current: Page };

interface Content {
  boxes: readonly Box[];
  reviewState: ReviewState;
}

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;
/** A row of key strokes is saved when the keys have rested so long. */
const REST_MS = 300;

/** Savers with something that the service does not have yet, so that nothing is lost when another page is shown. */
export const unsaved: Signal<ReadonlySet<Saver>> = signal(new Set<Saver>());

window.addEventListener("online", () => {
  for (const saver of unsaved.peek()) saver.retryNow();
});
window.addEventListener("beforeunload", (event) => {
  for (const saver of unsaved.peek()) saver.flush();
  if (unsaved.peek().size > 0) event.preventDefault();
});

export class Saver {
  readonly state: Signal<SaveState> = signal({ kind: "saved" });
  private wanted = false;
  private running = false;
  private timer = 0;
  private waitMs = FIRST_WAIT_MS;

  constructor(
    private revision: number,
    private readonly put: (revision: number, content: Content, by: string) => Promise<Page>,
    private readonly content: () => Content,
    private readonly onSaved: (page: Page) => void,
  ) {}

  get isIdle(): boolean {
    return !this.wanted && !this.running;
  }

  /** Saves what there is now; `soon` waits for a rest of the keys. */
  save(soon = false): void {
    this.wanted = true;
    note(this, true);
    if (this.state.peek().kind === "conflict") return;
    window.clearTimeout(this.timer);
    this.timer = 0;
    if (soon) this.timer = window.setTimeout(() => this.retryNow(), REST_MS);
    else void this.run();
  }

  /** Does not wait for a rest of the keys any longer. */
  flush(): void {
    if (this.timer && this.state.peek().kind !== "waiting") this.retryNow();
  }

  retryNow(): void {
    window.clearTimeout(this.timer);
    this.timer = 0;
    if (this.state.peek().kind !== "conflict") void this.run();
  }

  /** Goes on from a revision that the reviewer has seen; nothing is waiting to be saved. */
  adopt(revision: number): void {
    window.clearTimeout(this.timer);
    this.timer = 0;
    this.revision = revision;
    this.wanted = false;
    this.state.value = { kind: "saved" };
    note(this, false);
  }

  private async run(): Promise<void> {
    if (this.running || !this.wanted) return;
    this.running = true;
    this.wanted = false;
    this.state.value = { kind: "saving" };
    try {
      const page = await this.put(this.revision, this.content(), reviewer.peek());
      this.revision = page.revision;
      this.waitMs = FIRST_WAIT_MS;
      this.onSaved(page);
      if (!this.wanted) {
        this.state.value = { kind: "saved" };
        note(this, false);
      }
    } catch (error) {
      this.wanted = true;
      this.failed(error);
    } finally {
      this.running = false;
    }
    if (this.wanted && this.state.peek().kind === "saving" && !this.timer) void this.run();
  }

  private failed(error: unknown): void {
    if (!(error instanceof Problem)) throw error;
    if (error.status === 409 && error.body.current) {
      this.state.value = { kind: "conflict", current: sized(error.body.current as Page) };
    } else if (error.isPassing || error.status === 401) {
      this.state.value = { kind: "waiting", why: error.message, retryAt: Date.now() + this.waitMs };
      this.timer = window.setTimeout(() => this.retryNow(), this.waitMs);
      this.waitMs = Math.min(this.waitMs * 2, LONGEST_WAIT_MS);
    } else {
      this.state.value = { kind: "refused", why: [error.message, error.remedy].filter(Boolean).join(" ") };
    }
  }
}

function note(saver: Saver, isUnsaved: boolean): void {
  const now = new Set(unsaved.peek());
  if (isUnsaved) now.add(saver);
  else now.delete(saver);
  unsaved.value = now;
}
