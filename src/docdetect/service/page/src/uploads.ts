/** Documents on their way to the service, with the share that has arrived; a request that failed can be repeated. */

import { type Signal, signal } from "@preact/signals";
import { headers, needsToken } from "./api";
import type { Job } from "./types";

export interface Chosen {
  file: File;
  /** Name with its folders, as the service keeps it. */
  name: string;
}

export interface UploadOptions {
  conf?: number;
  require?: string[];
}

export type UploadState =
  | { kind: "sending"; sent: number; total: number }
  | { kind: "failed"; why: string; remedy: string }
  | { kind: "done"; job: Job };

export class Upload {
  readonly state: Signal<UploadState> = signal({ kind: "sending", sent: 0, total: 0 });
  /** The same for every try, so that a repeated request makes no second job. */
  readonly key = `page-${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
  private request: XMLHttpRequest | null = null;

  constructor(
    readonly files: readonly Chosen[],
    private readonly options: UploadOptions,
    private readonly onDone: (job: Job) => void,
  ) {}

  get title(): string {
    return this.files[0]?.name ?? "";
  }

  start(): void {
    const form = new FormData();
    if (Object.keys(this.options).length > 0) form.append("options", JSON.stringify(this.options));
    for (const { file, name } of this.files) form.append("files", file, name);
    const total = this.files.reduce((sum, { file }) => sum + file.size, 0);
    this.state.value = { kind: "sending", sent: 0, total };
    const request = new XMLHttpRequest();
    this.request = request;
    request.open("POST", "v1/jobs");
    request.responseType = "text";
    for (const [name, value] of Object.entries(headers({ "Idempotency-Key": this.key, Accept: "application/json" }))) {
      request.setRequestHeader(name, value);
    }
    request.upload.onprogress = (event) => {
      this.state.value = { kind: "sending", sent: Math.min(event.loaded, total), total };
    };
    request.onload = () => this.answered(request);
    request.onerror = () => {
      this.state.value = { kind: "failed", why: "The connection broke off.", remedy: "Try again: nothing is sent twice." };
    };
    request.send(form);
  }

  cancel(): void {
    this.request?.abort();
  }

  private answered(request: XMLHttpRequest): void {
    let body: Record<string, unknown> = {};
    try {
      body = JSON.parse(request.responseText) as Record<string, unknown>;
    } catch {
      // The status says enough.
    }
    if (request.status === 401) needsToken.value = true;
    if (request.status >= 200 && request.status < 300) {
      const job = body as unknown as Job;
      this.state.value = { kind: "done", job };
      this.onDone(job);
    } else {
      const why = typeof body.detail === "string" ? body.detail : `The service answered with status ${request.status}.`;
      this.state.value = { kind: "failed", why, remedy: typeof body.remedy === "string" ? body.remedy : "" };
    }
  }
}

/** The files that were dropped, those in dropped folders too. */
export async function droppedFiles(data: DataTransfer): Promise<Chosen[]> {
  const entries = [...data.items].flatMap((item) => (item.kind === "file" ? [item.webkitGetAsEntry()] : []));
  if (entries.some((entry) => entry?.isDirectory)) {
    const lists = await Promise.all(entries.map((entry) => (entry ? filesBelow(entry) : [])));
    return lists.flat();
  }
  return chosenFiles(data.files);
}

export const chosenFiles = (files: Iterable<File>): Chosen[] =>
  [...files].filter((file) => !isHidden(file.name)).map((file) => ({ file, name: file.webkitRelativePath || file.name }));

const isHidden = (name: string): boolean => name.startsWith(".") || name === "Thumbs.db";

async function filesBelow(entry: FileSystemEntry): Promise<Chosen[]> {
  if (isHidden(entry.name)) return [];
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    return [{ file, name: entry.fullPath.replace(/^\//, "") }];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const found: Chosen[] = [];
  for (;;) {
    // A reader gives at most a hundred entries at a time.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return found;
    for (const one of some) found.push(...(await filesBelow(one)));
  }
}
