/**
 * Requests to the service that this page comes from, and to no other host.
 *
 * Addresses are relative to the page, which may lie below a path of a reverse proxy, such as /docdetect/.
 */

import { signal } from "@preact/signals";
import type { About, Batch, Box, Crops, Job, Page, PageSummary, ResultFile, Review, ReviewState } from "./types";

const TOKEN_KEY = "docdetect.token";

/** What the service answered to a request that it refused (RFC 9457); status 0 where no answer came. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    detail: string,
    readonly remedy: string | null,
    readonly body: Record<string, unknown>,
  ) {
    super(detail);
  }

  /** Whether the same request may work later: no connection, or a service that is busy or starting. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

/** What is said of an error. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** True while the service asks for a token that the page does not have. */
export const needsToken = signal(false);
export const about = signal<About | null>(null);

let token = sessionStorage.getItem(TOKEN_KEY) ?? "";

export function setToken(value: string): void {
  token = value.trim();
  sessionStorage.setItem(TOKEN_KEY, token);
  needsToken.value = false;
}

export const hasToken = (): boolean => token !== "";

export function headers(more: Record<string, string> = {}): Record<string, string> {
  return token ? { Authorization: `Bearer ${token}`, ...more } : more;
}

/** Sends a request; a refusal becomes a `Problem`. */
export async function send(path: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    const given = (init.headers ?? {}) as Record<string, string>;
    response = await fetch(path, { ...init, headers: headers(given), credentials: "omit" });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem(0, "The service does not answer.", "Look whether it runs and whether this device is connected.", {});
  }
  if (response.ok) return response;
  throw await problemOf(response);
}

async function problemOf(response: Response): Promise<Problem> {
  if (response.status === 401) needsToken.value = true;
  const body = (await response.json().catch(() => ({}))) as Record<string, unknown>;
  const detail = typeof body.detail === "string" ? body.detail : `The service answered with status ${response.status}.`;
  return new Problem(response.status, detail, typeof body.remedy === "string" ? body.remedy : null, body);
}

async function json<T>(path: string, init: RequestInit = {}): Promise<T> {
  const accepted = { Accept: "application/json", ...((init.headers ?? {}) as Record<string, string>) };
  return (await (await send(path, { ...init, headers: accepted })).json()) as T;
}

/** A page whose size is always a number: the service answers null for a page without a result. */
export const sized = <T extends PageSummary>(page: T): T => ({ ...page, width: page.width ?? 0, height: page.height ?? 0 });

const segment = encodeURIComponent;
const base = (job: string): string => `v1/jobs/${segment(job)}`;
const review = (job: string): string => `${base(job)}/review`;
const query = (values: Record<string, string | number | boolean | null | undefined>): string => {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== null && value !== undefined && value !== "" && value !== false) search.set(name, String(value));
  }
  const text = search.toString();
  return text ? `?${text}` : "";
};

/** Which pages of a run are listed. */
export interface PageFilter {
  document?: string;
  category?: string;
  min_confidence?: number;
  lacks?: string;
  failed?: boolean;
  unreviewed?: boolean;
  queue?: boolean;
}

export interface CropDecisions {
  accept: { page: string; box: string }[];
  reject: { page: string; box: string }[];
  revisions: Record<string, number>;
  by?: string;
}

export const api = {
  about: () => json<About>("v1/about"),
  jobs: () => json<{ jobs: Job[] }>("v1/jobs").then((answer) => answer.jobs),
  job: (job: string) => json<Job>(base(job)),
  /** Cancels a job that waits or runs, and deletes nothing where it has ended meanwhile. */
  cancelJob: (job: string) => json<Job>(`${base(job)}?purge=false`, { method: "DELETE" }),
  /** Deletes a job that has ended, however it ended. */
  deleteJob: (job: string) => json<Job>(`${base(job)}?purge=true`, { method: "DELETE" }),
  results: (job: string) => json<{ files: ResultFile[] }>(`${base(job)}/results`).then((answer) => answer.files),
  eventsUrl: (job: string) => `${base(job)}/events`,
  /** The review with all of its documents, which come in several answers where there are thousands. */
  review: async (job: string): Promise<Review> => {
    const answer = await json<Review>(review(job));
    while (answer.next !== null) {
      const more = await json<Review>(`${review(job)}${query({ after: answer.next })}`);
      answer.documents.push(...more.documents);
      answer.next = more.next;
    }
    return answer;
  },
  pages: (
    job: string,
    filter: PageFilter,
    place: { after?: string; before?: string; around?: string; limit?: number } = {},
  ) => json<Batch>(`${review(job)}/pages${query({ ...filter, ...place })}`).then((batch) => ({ ...batch, pages: batch.pages.map(sized) })),
  page: (job: string, page: string) => json<Page>(`${review(job)}/pages/${segment(page)}`).then(sized),
  savePage: (job: string, page: string, revision: number, boxes: readonly Box[], reviewState: ReviewState, by: string) =>
    json<Page>(`${review(job)}/pages/${segment(page)}`, {
      method: "PUT",
      headers: { "Content-Type": "application/json", "If-Match": `"${revision}"` },
      body: JSON.stringify({
        boxes: boxes.map(({ id, category, xyxy, confidence, source }) => ({ id, category, xyxy, confidence, source })),
        review_state: reviewState,
        ...(by ? { by } : {}),
      }),
    }).then(sized),
  imageUrl: (job: string, page: string, maxPx: number, region?: readonly number[]) =>
    `${review(job)}/pages/${segment(page)}/image${query({ max_px: maxPx, region: region?.join(",") })}`,
  crops: (
    job: string,
    options: {
      category?: string;
      order?: "confidence" | "confidence-desc" | "page";
      possible_marks?: boolean;
      after?: string;
      limit?: number;
    },
  ) => json<Crops>(`${review(job)}/crops${query(options)}`),
  decideCrops: (job: string, decisions: CropDecisions) =>
    json<{ pages: { id: string; revision: number; review_state: ReviewState }[] }>(`${review(job)}/crops`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(decisions),
    }),
  correctionsUrl: (job: string) => `${review(job)}/annotations.json`,
  logUrl: (job: string) => `${review(job)}/reviews.jsonl`,
};
