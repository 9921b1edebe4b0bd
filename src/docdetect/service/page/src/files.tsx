/** Everything that a run has written, to be taken home: results, and the corrections of the reviewers. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { api, hasToken, messageOf, send } from "./api";
import { bytes, count, plural } from "./format";
import { Icon } from "./icons";
import { Footer, Header } from "./shell";
import type { ResultFile } from "./types";
import { Trouble, say } from "./ui";
import { Virtual } from "./virtual";

const ROW_PX = 48;

/** What the files are, for those who have never seen them. */
const MEANINGS: Record<string, string> = {
  "detections.json": "every page with its marks, in the format that can be corrected and trained on",
  "detections.csv": "a row for each mark",
  "detections.jsonl": "the journal: a line for each page",
  "documents.csv": "a row for each document",
  "summary.json": "counts, settings, times",
  "results.xlsx": "the same as a workbook",
  "index.html": "a page to look at the results without this service",
  "config.yaml": "the settings of the run",
  "detections_coco.json": "COCO",
};

export function FilesView({ job }: { job: string }) {
  const files = useSignal<ResultFile[] | null>(null);
  const trouble = useSignal<unknown>(null);
  const load = (): void => {
    api.results(job).then(
      (answer) => {
        files.value = answer;
        trouble.value = null;
      },
      (error: unknown) => {
        trouble.value = error;
      },
    );
  };
  useEffect(load, [job]);
  const all = files.value ?? [];
  const main = all.filter((file) => !file.name.includes("/"));
  const others = all.filter((file) => file.name.includes("/"));
  return (
    <>
      <Header job={job} view="files" />
      <main class="page files">
        <h1>Downloads</h1>
        <section class="card" aria-labelledby="corrections">
          <h2 id="corrections">Corrections</h2>
          <ul class="file-list">
            <FileRow name="annotations.json" url={api.correctionsUrl(job)} about="the pages that are reviewed, in the format that docdetect prepare takes; pages without marks too" />
            <FileRow name="reviews.jsonl" url={api.logUrl(job)} about="the log of corrections: a line for each change, with time and reviewer" />
          </ul>
        </section>
        <section class="card" aria-labelledby="results">
          <h2 id="results">Results</h2>
          {trouble.value !== null && <Trouble error={trouble.value} onRetry={load} />}
          {files.value?.length === 0 && <p class="soft">There are no results yet.</p>}
          <ul class="file-list">
            {main.map((file) => (
              <FileRow key={file.name} name={file.name} url={file.url} size={file.size_bytes} about={MEANINGS[file.name] ?? ""} />
            ))}
          </ul>
        </section>
        {others.length > 0 && (
          <section class="card" aria-labelledby="pictures">
            <h2 id="pictures">
              Pictures and copies <span class="soft">{plural(others.length, "file")}, {bytes(others.reduce((sum, file) => sum + file.size_bytes, 0))}</span>
            </h2>
            <Virtual
              count={others.length}
              rowHeight={ROW_PX}
              label={`${count(others.length)} files`}
              class="file-list"
              scrolls="window"
              render={(index) => {
                const file = others[index];
                return file && <FileRow name={file.name} url={file.url} size={file.size_bytes} about="" />;
              }}
            />
          </section>
        )}
      </main>
      <Footer />
    </>
  );
}

function FileRow({ name, url, size, about }: { name: string; url: string; size?: number; about: string }) {
  const short = name.slice(name.lastIndexOf("/") + 1);
  const inside = (
    <>
      <Icon name="download" />
      <span class="file-name">{name}</span>
      <span class="soft file-about">{about}</span>
      <span class="soft file-size">{size === undefined ? "" : bytes(size)}</span>
    </>
  );
  // A link cannot send a token; then the file is fetched first.
  const row = hasToken() ? (
    <button type="button" class="file-row" onClick={() => void fetched(url, short)}>
      {inside}
    </button>
  ) : (
    <a class="file-row" href={url} download={short}>
      {inside}
    </a>
  );
  return <li class="file-item">{row}</li>;
}

async function fetched(url: string, name: string): Promise<void> {
  try {
    const blob = await (await send(url)).blob();
    const made = URL.createObjectURL(blob);
    const anchor = document.createElement("a");
    anchor.href = made;
    anchor.download = name;
    anchor.click();
    window.setTimeout(() => URL.revokeObjectURL(made), 60_000);
  } catch (error) {
    say(messageOf(error), "bad");
  }
}

