/** Send documents, and the list of jobs. */

import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { about, api, messageOf } from "./api";
import { watch } from "./events";
import { bytes, categoryName, count, inSentence, marksInWords, moment, plural } from "./format";
import { Icon } from "./icons";
import { link } from "./routes";
import { Footer, Header } from "./shell";
import type { Job } from "./types";
import { Button, Category, Dialog, Progress, Trouble, say } from "./ui";
import { type Chosen, Upload, type UploadOptions, chosenFiles, droppedFiles } from "./uploads";

const LOOK_EVERY_MS = 4000;

export function Home() {
  const jobs = useSignal<Job[] | null>(null);
  const trouble = useSignal<unknown>(null);
  const uploads = useSignal<readonly Upload[]>([]);

  const refresh = (): Promise<void> =>
    api.jobs().then(
      (answer) => {
        jobs.value = answer;
        trouble.value = null;
      },
      (error: unknown) => {
        trouble.value = error;
      },
    );
  useEffect(() => {
    void refresh();
    const timer = window.setInterval(() => {
      if (document.visibilityState === "visible" && (trouble.value || jobs.value?.some(isOpen))) void refresh();
    }, LOOK_EVERY_MS);
    return () => window.clearInterval(timer);
  }, []);

  function send(files: Chosen[], options: UploadOptions): void {
    if (files.length === 0) {
      say("There was no file to send.");
      return;
    }
    const upload = new Upload(files, options, () => {
      uploads.value = uploads.value.filter((one) => one !== upload);
      void refresh();
    });
    uploads.value = [upload, ...uploads.value];
    upload.start();
  }

  const isServing = about.value?.mode !== "review";
  return (
    <>
      <Header view="home" />
      <main class="page home">
        {isServing && <Intake onFiles={send} />}
        {uploads.value.map((upload) => (
          <UploadCard
            key={upload.key}
            upload={upload}
            onCancel={() => {
              upload.cancel();
              uploads.value = uploads.value.filter((one) => one !== upload);
            }}
          />
        ))}
        <section aria-labelledby="jobs">
          <h2 id="jobs">Jobs</h2>
          {trouble.value !== null && <Trouble error={trouble.value} onRetry={() => void refresh()} />}
          {jobs.value?.length === 0 && <p class="soft">There is no job yet: send documents above.</p>}
          {jobs.value === null && !trouble.value && <p class="soft">Loading.</p>}
          <ul class="jobs">
            {jobs.value?.map((job) => <JobCard key={job.id} job={job} onChange={() => void refresh()} />)}
          </ul>
        </section>
      </main>
      <Footer />
    </>
  );
}

const isOpen = (job: Job): boolean => job.state === "queued" || job.state === "running";

function Intake({ onFiles }: { onFiles: (files: Chosen[], options: UploadOptions) => void }) {
  const over = useSignal(0);
  const picker = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  const required = useSignal<readonly string[]>([]);
  const conf = useSignal("");
  const options = (): UploadOptions => ({
    ...(required.value.length > 0 ? { require: [...required.value] } : {}),
    ...(conf.value ? { conf: Number(conf.value) } : {}),
  });
  const picked = (input: HTMLInputElement | null): void => {
    if (!input?.files) return;
    onFiles(chosenFiles(input.files), options());
    input.value = "";
  };
  // A file that is dropped beside the field must not replace the page.
  useEffect(() => {
    const stop = (event: DragEvent): void => event.preventDefault();
    window.addEventListener("dragover", stop);
    window.addEventListener("drop", stop);
    return () => {
      window.removeEventListener("dragover", stop);
      window.removeEventListener("drop", stop);
    };
  }, []);
  return (
    <section class="intake-section" aria-labelledby="intake">
      <h1 id="intake">Find QR codes, signatures and stamps</h1>
      <div
        class={`intake ${over.value > 0 ? "over" : ""}`}
        onDragEnter={() => (over.value += 1)}
        onDragLeave={() => (over.value -= 1)}
        onDrop={(event) => {
          event.preventDefault();
          over.value = 0;
          if (event.dataTransfer) void droppedFiles(event.dataTransfer).then((files) => onFiles(files, options()));
        }}
      >
        <Icon name="upload" size={40} />
        <p class="intake-title">Drop documents or folders here</p>
        <div class="actions">
          <Button kind="primary" icon="file" label="Choose documents" onClick={() => picker.current?.click()} />
          <Button label="Choose a folder" onClick={() => folder.current?.click()} />
        </div>
        <p class="soft">PDF, TIFF, PNG, JPEG and other pictures. They go to this service and nowhere else.</p>
        <input
          ref={picker}
          class="hidden"
          type="file"
          multiple
          tabIndex={-1}
          aria-label="Documents"
          data-input="documents"
          onChange={() => picked(picker.current)}
        />
        <input
          ref={(node) => {
            folder.current = node;
            node?.setAttribute("webkitdirectory", "");
          }}
          class="hidden"
          type="file"
          tabIndex={-1}
          aria-label="Folder"
          onChange={() => picked(folder.current)}
        />
      </div>
      <details class="options">
        <summary>Options</summary>
        <div class="options-body">
          <fieldset>
            <legend>Every document must have</legend>
            {(about.value?.categories ?? []).map((category) => (
              <label key={category} class="check">
                <input
                  type="checkbox"
                  checked={required.value.includes(category)}
                  onChange={(event) => {
                    const rest = required.value.filter((one) => one !== category);
                    required.value = event.currentTarget.checked ? [...rest, category] : rest;
                  }}
                />
                a {inSentence(categoryName(category))}
              </label>
            ))}
          </fieldset>
          <label class="field inline">
            <span>Confidence from</span>
            <input
              type="number"
              min="0.01"
              max="0.99"
              step="0.01"
              placeholder="as the service is set"
              value={conf.value}
              onInput={(event) => (conf.value = event.currentTarget.value)}
            />
          </label>
        </div>
      </details>
    </section>
  );
}

function UploadCard({ upload, onCancel }: { upload: Upload; onCancel: () => void }) {
  const state = upload.state.value;
  const others = upload.files.length - 1;
  return (
    <section class="card upload" aria-label="Being sent">
      <div class="card-head">
        <b class="card-title">{upload.title}</b>
        {others > 0 && <span class="soft">and {plural(others, "other file")}</span>}
      </div>
      {state.kind === "sending" && (
        <>
          <Progress value={state.sent} total={state.total} label="Bytes sent" />
          <div class="card-foot">
            <span class="soft" role="status">
              {state.sent < state.total ? `${bytes(state.sent)} of ${bytes(state.total)}` : "Sent; the service looks at the documents"}
            </span>
            <Button label="Cancel" onClick={onCancel} />
          </div>
        </>
      )}
      {state.kind === "failed" && (
        <div class="card-foot">
          <span role="alert" class="bad-text">
            {state.why} {state.remedy}
          </span>
          <Button label="Try again" kind="primary" onClick={() => upload.start()} />
          <Button label="Leave it" onClick={onCancel} />
        </div>
      )}
    </section>
  );
}

interface PageEvent {
  document?: string;
  page?: number;
  number?: number;
}

const STATES: Record<Job["state"], string> = {
  queued: "Waiting",
  running: "Running",
  done: "Done",
  failed: "Failed",
  cancelled: "Cancelled",
};

function JobCard({ job, onChange }: { job: Job; onChange: () => void }) {
  const details = useSignal<Job>(job);
  const last = useSignal("");
  const pages = useSignal(0);
  const asksDelete = useSignal(false);

  useEffect(() => {
    void api.job(job.id).then((answer) => (details.value = answer), () => undefined);
  }, [job.id]);
  useEffect(() => follow(job, last, pages, onChange), [job.id, job.state]);

  const files = details.value.files ?? [];
  const done = Math.max(job.pages.done, pages.value);
  const categories = about.value?.categories ?? [];
  const found = totalsOf(job, categories);
  return (
    <li class="card job" data-job={job.id} data-state={job.state}>
      <div class="card-head">
        <a class="card-title" href={link.run(job.id)}>
          {files[0]?.name ?? "Documents"}
        </a>
        {files.length > 1 && <span class="soft">and {plural(files.length - 1, "other document")}</span>}
        <span class={`state ${job.state}`}>{STATES[job.state]}</span>
      </div>
      {isOpen(job) && <Progress value={done} total={job.pages.total} label="Pages" />}
      <p class="soft facts" role={isOpen(job) ? "status" : undefined}>
        {job.state === "queued" && job.position ? `Number ${job.position} in the queue. ` : ""}
        {isOpen(job) ? `${count(done)} of ${plural(job.pages.total, "page")}. ` : `${plural(job.pages.total, "page")}, ${bytes(job.size_bytes)}, ${moment(job.created)}. `}
        {last.value}
        {job.state === "failed" && <span class="bad-text">{job.problem?.detail ?? ""}</span>}
        <span class="bad-text">{unreadOf(job)}</span>
      </p>
      <div class="card-foot">
        <span class="found">
          {found.map(([category, number]) => (
            <Category key={category} name={category} categories={categories}>
              {marksInWords(number, category)}
            </Category>
          ))}
        </span>
        {job.state !== "queued" && (
          <a class="button primary" href={link.run(job.id)}>
            {job.state === "running" ? "Look at results" : "Review"}
          </a>
        )}
        <a class="button" href={link.files(job.id)}>
          Downloads
        </a>
        {isOpen(job) ? (
          <Button label="Cancel" onClick={() => void api.cancelJob(job.id).then(onChange, (error: unknown) => say(messageOf(error), "bad"))} />
        ) : (
          <Button icon="trash" label="Delete the job" bare kind="quiet" onClick={() => (asksDelete.value = true)} />
        )}
      </div>
      {asksDelete.value && (
        <Dialog title="Delete this job?" onClose={() => (asksDelete.value = false)}>
          <p>Its documents, results and corrections are deleted from the service. This cannot be undone.</p>
          <div class="actions">
            <Button
              kind="danger"
              label="Delete"
              onClick={() => {
                asksDelete.value = false;
                void api.deleteJob(job.id).then(onChange, (error: unknown) => say(messageOf(error), "bad"));
              }}
            />
            <Button label="Keep it" onClick={() => (asksDelete.value = false)} />
          </div>
        </Dialog>
      )}
    </li>
  );
}

/** Reads the events of a job that runs: the last page, and how many are done. */
function follow(job: Job, last: Signal<string>, pages: Signal<number>, onChange: () => void): (() => void) | undefined {
  if (!isOpen(job)) {
    last.value = "";
    return undefined;
  }
  pages.value = 0;
  return watch(api.eventsUrl(job.id), (event) => {
    if (event.name === "page") {
      const data = event.data as PageEvent;
      pages.value += 1;
      last.value = `Last: ${data.document ?? ""}, page ${data.page ?? data.number ?? ""}.`;
    } else if (event.name === "end") {
      onChange();
    }
  });
}

/** How many documents could not be read, which a job that is done may have, too; "" for none. */
function unreadOf(job: Job): string {
  const counted = [
    [Number(job.totals?.failed ?? 0), "could not be read"],
    [Number(job.totals?.partial ?? 0), "could not be read completely"],
  ] as const;
  return counted.map(([number, what]) => (number > 0 ? `${plural(number, "document")} ${what}. ` : "")).join("");
}

/** Marks of each category, from the totals of the job; nothing where they are not there. */
function totalsOf(job: Job, categories: readonly string[]): [string, number][] {
  const marks = (job.totals?.marks ?? job.totals?.detections ?? {}) as Record<string, unknown>;
  return categories.flatMap((category) => {
    const number = typeof marks === "object" ? marks[category] : undefined;
    return typeof number === "number" ? [[category, number] as [string, number]] : [];
  });
}
