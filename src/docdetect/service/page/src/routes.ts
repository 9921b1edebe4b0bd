/** Where the page is, in the part of the address behind `#`, so that back, forward, reload and links work. */

import { signal } from "@preact/signals";
import type { PageFilter } from "./api";

export type Route =
  | { view: "home" }
  | { view: "run"; job: string; search: URLSearchParams }
  | { view: "page"; job: string; page: string; search: URLSearchParams }
  | { view: "wall"; job: string; search: URLSearchParams }
  | { view: "files"; job: string };

export function parse(hash: string): Route {
  const [path = "", text = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const search = new URLSearchParams(text);
  const parts = path.split("/").map(decoded);
  const job = parts[1];
  if (parts[0] !== "jobs" || !job) return { view: "home" };
  if (parts[2] === "pages" && parts[3]) return { view: "page", job, page: parts[3], search };
  if (parts[2] === "wall") return { view: "wall", job, search };
  if (parts[2] === "files") return { view: "files", job };
  return { view: "run", job, search };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const withSearch = (path: string, search?: URLSearchParams): string => {
  const text = search?.toString() ?? "";
  return text ? `${path}?${text}` : path;
};

export const link = {
  home: () => "#/",
  run: (job: string, search?: URLSearchParams) => withSearch(`#/jobs/${encodeURIComponent(job)}`, search),
  page: (job: string, page: string, search?: URLSearchParams) =>
    withSearch(`#/jobs/${encodeURIComponent(job)}/pages/${encodeURIComponent(page)}`, search),
  wall: (job: string, search?: URLSearchParams) => withSearch(`#/jobs/${encodeURIComponent(job)}/wall`, search),
  files: (job: string) => `#/jobs/${encodeURIComponent(job)}/files`,
};

export const route = signal<Route>(parse(location.hash));

window.addEventListener("hashchange", () => {
  route.value = parse(location.hash);
});

/** Goes to an address; `replace` leaves no step in the history. */
export function go(hash: string, replace = false): void {
  if (replace) {
    history.replaceState(null, "", hash);
    route.value = parse(hash);
  } else {
    location.hash = hash;
  }
}

/** The filter of pages that stands in an address. */
export function filterOf(search: URLSearchParams): PageFilter {
  const filter: PageFilter = {};
  const document = search.get("document");
  const category = search.get("category");
  const lacks = search.get("lacks");
  const confidence = Number(search.get("min_confidence") ?? 0);
  if (document) filter.document = document;
  if (category) filter.category = category;
  if (confidence > 0) filter.min_confidence = confidence;
  if (lacks) filter.lacks = lacks;
  if (search.get("failed")) filter.failed = true;
  if (search.get("unreviewed")) filter.unreviewed = true;
  if (search.get("queue")) filter.queue = true;
  return filter;
}
