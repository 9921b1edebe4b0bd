/** A run: how far its review is, and its documents. */

import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { about, api, messageOf } from "./api";
import { forgetQueues } from "./editor/page-view";
import { SMALL_PX } from "./editor/strip";
import { watch } from "./events";
import { changed, documentFilter, matches } from "./filters";
import { categoryName, categoryNames, count, inSentence, marksInWords, percent, plural } from "./format";
import { Icon } from "./icons";
import { filterOf, go, link } from "./routes";
import { Footer, Header } from "./shell";
import { type RunStore, runStore } from "./store";
import type { DocumentSummary, Review } from "./types";
import { Button, Category, Picture, Progress, Trouble, say } from "./ui";
import { Virtual } from "./virtual";

const ROW_PX = 84;
const NARROW_ROW_PX = 112;
const REFRESH_MS = 1500;

export function RunView({ job, search }: { job: string; search: URLSearchParams }) {
  const store = runStore(job);
  const review = store.review.value;
  useEffect(() => {
    forgetQueues();
    void store.refresh();
  }, [job]);
  const isRunning = store.info.value?.state === "running" || store.info.value?.state === "queued";
  useEffect(() => (isRunning ? follow(store) : undefined), [store, isRunning]);
  return (
    <>
      <Header job={job} view="run" />
      <main class="page run">
        {store.error.value !== null && !review && <Trouble error={store.error.value} onRetry={() => void store.refresh()} />}
        {review ? <Documents job={job} review={review} search={search} store={store} /> : !store.error.value && <p class="soft">Loading.</p>}
      </main>
      <Footer />
    </>
  );
}

/** Shows documents as they are finished. */
function follow(store: RunStore): () => void {
  let timer = 0;
  const soon = (): void => {
    timer ||= window.setTimeout(() => {
      timer = 0;
      void store.refresh();
    }, REFRESH_MS);
  };
  const stop = watch(api.eventsUrl(store.job), (event) => {
    if (event.name === "end") void store.refresh();
    else soon();
  });
  return () => {
    window.clearTimeout(timer);
    stop();
  };
}

function Documents({ job, review, search, store }: { job: string; review: Review; search: URLSearchParams; store: RunStore }) {
  const filter = documentFilter(search);
  const shown = useMemo(() => review.documents.filter((entry) => matches(entry, filter)), [review, search.toString()]);
  const focused = useSignal(-1);
  const isNarrow = useNarrow();
  const set = (name: string, value: string): void => go(link.run(job, changed(search, name, value)), true);
  const info = store.info.value;
  const isRunning = info?.state === "running" || info?.state === "queued";

  async function start(queue: boolean): Promise<void> {
    const wanted = new URLSearchParams(search);
    wanted.delete("text");
    if (queue) wanted.set("queue", "1");
    wanted.set("unreviewed", "1");
    const first = await api.pages(job, filterOf(wanted), { limit: 1 }).catch((error: unknown) => {
      say(messageOf(error), "bad");
      return null;
    });
    const page = first?.pages[0];
    if (page) go(link.page(job, page.id, wanted));
    else if (first) say("Every page of this list is reviewed.", "good");
  }

  return (
    <>
      <section class="run-head" aria-label="Review">
        <div class="run-title">
          <h1>{titleOf(review, info?.files?.map((file) => file.name) ?? [])}</h1>
          <p class="soft">
            {plural(review.documents.length, "document")}, {plural(review.pages, "page")}
            {isRunning && info ? `; ${count(info.pages.done)} of ${plural(info.pages.total, "page")} done` : ""}
          </p>
        </div>
        <div class="run-progress">
          <span>
            <b>{count(review.reviewed)}</b> of {plural(review.pages, "page")} reviewed
          </span>
          <Progress value={review.reviewed} total={review.pages} label="Pages reviewed" />
        </div>
        <div class="actions">
          <Button kind="primary" icon="check" label={review.reviewed > 0 ? "Go on reviewing" : "Start reviewing"} onClick={() => void start(false)} />
          {review.queue && <Button label="Review the queue" onClick={() => void start(true)} />}
          {isRunning && (
            <Button
              label="Cancel the job"
              onClick={() => void api.cancelJob(job).then(() => store.refresh(), (error: unknown) => say(messageOf(error), "bad"))}
            />
          )}
        </div>
      </section>
      <form class="filters" role="search" aria-label="Which documents are listed" onSubmit={(event) => event.preventDefault()}>
        <label class="search">
          <Icon name="search" size={16} />
          <span class="hidden">Find a document by its name</span>
          <input type="search" placeholder="Find a document" value={filter.text} onInput={(event) => set("text", event.currentTarget.value)} />
        </label>
        <div class="chips" role="group" aria-label="With marks of a category">
          {review.categories.map((category) => (
            <button
              key={category}
              type="button"
              class="chip"
              aria-pressed={filter.category === category}
              onClick={() => set("category", filter.category === category ? "" : category)}
            >
              <Category name={category} categories={review.categories}>
                {categoryNames(category)}
              </Category>
              <small>{count(review.documents.filter((entry) => (entry.counts[category] ?? 0) > 0).length)}</small>
            </button>
          ))}
          <Toggle label="Failed" count={review.documents.filter((entry) => entry.status !== "ok").length} on={filter.failed} onChange={(on) => set("failed", on ? "1" : "")} />
          <Toggle
            label="Unreviewed"
            count={review.documents.filter((entry) => entry.reviewed < entry.pages).length}
            on={filter.unreviewed}
            onChange={(on) => set("unreviewed", on ? "1" : "")}
          />
        </div>
        <label class="select">
          <span>Lacks</span>
          <select value={filter.lacks} onChange={(event) => set("lacks", event.currentTarget.value)}>
            <option value="">anything</option>
            {review.categories.map((category) => (
              <option key={category} value={category}>
                {categoryName(category)}
                {review.required.includes(category) ? " (required)" : ""}
              </option>
            ))}
          </select>
        </label>
        <label class="range">
          <span>Confidence from</span>
          <input
            type="range"
            min="0"
            max="0.95"
            step="0.05"
            value={filter.minConfidence}
            onInput={(event) => set("min_confidence", Number(event.currentTarget.value) > 0 ? event.currentTarget.value : "")}
          />
          <output>{percent(filter.minConfidence)}</output>
        </label>
      </form>
      <p class="soft counted" role="status">
        {shown.length === review.documents.length ? `All ${plural(shown.length, "document")}` : `${count(shown.length)} of ${plural(review.documents.length, "document")}`}
        {[...search.keys()].length > 0 && <Button kind="quiet" label="Clear the filters" onClick={() => go(link.run(job), true)} />}
      </p>
      {shown.length === 0 && (
        <p class="empty">{review.documents.length === 0 ? (isRunning ? "Results come as soon as the first document is done." : "This run has no documents.") : "No document matches the filters."}</p>
      )}
      <div
        onKeyDown={(event) => {
          const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
          if (!step || focused.value < 0) return;
          event.preventDefault();
          focused.value = Math.min(Math.max(focused.value + step, 0), shown.length - 1);
          requestAnimationFrame(() => document.querySelector<HTMLElement>(`[data-row="${focused.value}"]`)?.focus({ preventScroll: true }));
        }}
      >
        <Virtual
          count={shown.length}
          rowHeight={isNarrow ? NARROW_ROW_PX : ROW_PX}
          label="Documents"
          class="documents"
          scrolls="window"
          keep={focused.value}
          reveal={focused.value}
          render={(index) => {
            const entry = shown[index];
            return entry && <Row job={job} entry={entry} index={index} review={review} search={search} onFocus={() => (focused.value = index)} />;
          }}
        />
      </div>
    </>
  );
}

function Toggle({ label, count: number, on, onChange }: { label: string; count: number; on: boolean; onChange: (on: boolean) => void }) {
  return (
    <button type="button" class="chip" aria-pressed={on} onClick={() => onChange(!on)}>
      {label} <small>{count(number)}</small>
    </button>
  );
}

function titleOf(review: Review, names: readonly string[]): string {
  if (about.value?.mode === "review") return about.value.run || "Run";
  const first = names[0] ?? review.documents[0]?.name ?? "Job";
  return names.length > 1 ? `${first} and ${plural(names.length - 1, "other document")}` : first;
}

interface RowProps {
  job: string;
  entry: DocumentSummary;
  index: number;
  review: Review;
  search: URLSearchParams;
  onFocus: () => void;
}

function Row({ job, entry, index, review, search, onFocus }: RowProps) {
  const pageSearch = new URLSearchParams(search);
  pageSearch.delete("text");
  const target = entry.first_page ? link.page(job, entry.first_page, pageSearch) : undefined;
  const isDone = entry.pages > 0 && entry.reviewed >= entry.pages;
  const lacking = entry.lacks.filter((category) => review.required.includes(category));
  const inside = (
    <>
      {entry.first_page && entry.status !== "failed" ? (
        <Picture path={api.imageUrl(job, entry.first_page, SMALL_PX)} alt="" />
      ) : (
        <span class="picture none">
          <Icon name="file" />
        </span>
      )}
      <span class="row-text">
        <span class="row-name" title={entry.name}>
          {entry.name}
        </span>
        <span class="soft row-facts">
          {entry.reason ? entry.reason : `${plural(entry.pages, "page")}${entry.max_confidence !== null ? `, confidence up to ${percent(entry.max_confidence)}` : ""}`}
        </span>
      </span>
      <span class="row-marks">
        {review.categories.map((category) => {
          const number = entry.counts[category] ?? 0;
          return number > 0 ? (
            <Category key={category} name={category} categories={review.categories}>
              {marksInWords(number, category)}
            </Category>
          ) : null;
        })}
        {lacking.map((category) => (
          <span key={category} class="badge bad">
            lacks {inSentence(categoryName(category))}
          </span>
        ))}
        {entry.check.map((category) => (
          <span key={category} class="badge check">
            check {inSentence(categoryName(category))}
          </span>
        ))}
      </span>
      <span class="row-state">
        {entry.status === "failed" ? (
          <span class="badge bad">failed</span>
        ) : isDone ? (
          <span class="badge good">
            <Icon name="check" size={14} /> reviewed
          </span>
        ) : (
          <span class="badge">
            {count(entry.reviewed)} of {count(entry.pages)}
          </span>
        )}
      </span>
    </>
  );
  const common = { class: `row ${entry.status}`, "data-row": index, onFocus };
  return target ? (
    <a {...common} href={target}>
      {inside}
    </a>
  ) : (
    <div {...common} tabIndex={0}>
      {inside}
    </div>
  );
}

function useNarrow(): boolean {
  const query = useMemo(() => window.matchMedia("(max-width: 760px)"), []);
  const narrow = useSignal(query.matches);
  useEffect(() => {
    const look = (): void => {
      narrow.value = query.matches;
    };
    query.addEventListener("change", look);
    return () => query.removeEventListener("change", look);
  }, []);
  return narrow.value;
}
