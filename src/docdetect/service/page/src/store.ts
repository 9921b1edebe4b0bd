/** What is known of a run, shared by its views. */

import { type Signal, signal } from "@preact/signals";
import { api } from "./api";
import type { Job, Review } from "./types";

export class RunStore {
  readonly review: Signal<Review | null> = signal(null);
  readonly info: Signal<Job | null> = signal(null);
  readonly error: Signal<unknown> = signal(null);
  private loading: Promise<void> | null = null;

  constructor(readonly job: string) {}

  /** Asks the service how far the review is; requests that come together are one. */
  refresh(): Promise<void> {
    this.loading ??= this.load().finally(() => {
      this.loading = null;
    });
    return this.loading;
  }

  private async load(): Promise<void> {
    try {
      const [review, info] = await Promise.all([api.review(this.job), api.job(this.job)]);
      this.review.value = review;
      this.info.value = info;
      this.error.value = null;
    } catch (error) {
      this.error.value = error;
    }
  }

  get categories(): readonly string[] {
    return this.review.value?.categories ?? [];
  }
}

const stores = new Map<string, RunStore>();

export function runStore(job: string): RunStore {
  let store = stores.get(job);
  if (!store) {
    store = new RunStore(job);
    stores.set(job, store);
  }
  return store;
}
