/** The pages that are reviewed one after the other, in the order of the run or of the queue; loaded piece by piece. */

import { type ReadonlySignal, type Signal, computed, signal } from "@preact/signals";
import { type PageFilter, api } from "./api";
import type { PageSummary } from "./types";

const BATCH = 100;

export class PageQueue {
  readonly total: Signal<number> = signal(0);
  /** How many pages lie before the first one that is loaded. */
  readonly offset: Signal<number> = signal(0);
  readonly pages: Signal<readonly PageSummary[]> = signal([]);
  readonly loadedTo: ReadonlySignal<number> = computed(() => this.offset.value + this.pages.value.length);
  private loading: Promise<void> = Promise.resolve();

  /** `around` is the page that is looked at first; the filter may leave it out, then it stands alone. */
  constructor(
    readonly job: string,
    readonly filter: PageFilter,
    readonly around: string,
  ) {}

  /** Whether a page is looked at with this queue: it is in it, or stands alone beside it. */
  serves(id: string): boolean {
    return id === this.around || this.indexOf(id) >= 0;
  }

  /** Position of a page among all pages of the queue, from 0; -1 where it is not loaded. */
  indexOf(id: string): number {
    const index = this.pages.value.findIndex((page) => page.id === id);
    return index < 0 ? -1 : this.offset.value + index;
  }

  at(index: number): PageSummary | undefined {
    return this.pages.value[index - this.offset.value];
  }

  /** Loads the pages around the one that is looked at first. */
  open(): Promise<void> {
    return this.after(async () => {
      if (this.pages.value.length > 0) return;
      const batch = await api.pages(this.job, this.filter, { around: this.around, limit: BATCH });
      this.total.value = batch.total;
      this.offset.value = batch.offset;
      this.pages.value = batch.pages;
    });
  }

  /** Makes sure that the pages from `first` up to `last` are loaded, as far as there are so many. */
  need(first: number, last: number): Promise<void> {
    return this.after(async () => {
      while (last >= this.loadedTo.value && this.loadedTo.value < this.total.value) {
        const end = this.pages.value.at(-1);
        if (!end) return;
        const batch = await api.pages(this.job, this.filter, { after: end.id, limit: BATCH });
        if (batch.pages.length === 0) return;
        this.pages.value = [...this.pages.value, ...batch.pages];
      }
      while (first < this.offset.value && this.offset.value > 0) {
        const start = this.pages.value[0];
        if (!start) return;
        const batch = await api.pages(this.job, this.filter, { before: start.id, limit: BATCH });
        if (batch.pages.length === 0) return;
        this.offset.value = batch.offset;
        this.pages.value = [...batch.pages, ...this.pages.value];
      }
    });
  }

  /** Shows what is known of a page now. */
  update(changed: PageSummary): void {
    this.pages.value = this.pages.peek().map((page) => (page.id === changed.id ? { ...page, ...changed } : page));
  }

  private after(work: () => Promise<void>): Promise<void> {
    this.loading = this.loading.catch(() => undefined).then(work);
    return this.loading;
  }
}
