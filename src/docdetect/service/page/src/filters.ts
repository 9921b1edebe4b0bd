/** Which documents of a run are listed. The filter stands in the address, so that it can be kept and sent on. */

import type { DocumentSummary } from "./types";

export interface DocumentFilter {
  text: string;
  category: string;
  minConfidence: number;
  lacks: string;
  failed: boolean;
  unreviewed: boolean;
}

export function documentFilter(search: URLSearchParams): DocumentFilter {
  return {
    text: search.get("text") ?? "",
    category: search.get("category") ?? "",
    minConfidence: Number(search.get("min_confidence") ?? 0) || 0,
    lacks: search.get("lacks") ?? "",
    failed: search.has("failed"),
    unreviewed: search.has("unreviewed"),
  };
}

/** The address with one part of the filter changed; "" takes the part away. */
export function changed(search: URLSearchParams, name: string, value: string): URLSearchParams {
  const next = new URLSearchParams(search);
  if (value) next.set(name, value);
  else next.delete(name);
  return next;
}

export function matches(entry: DocumentSummary, filter: DocumentFilter): boolean {
  const hasFailed = entry.status !== "ok";
  if (filter.text && !entry.name.toLowerCase().includes(filter.text.toLowerCase())) return false;
  if (filter.failed && !hasFailed) return false;
  if (filter.unreviewed && entry.reviewed >= entry.pages) return false;
  if (filter.category && !(entry.counts[filter.category] ?? 0)) return false;
  if (filter.minConfidence > 0 && (entry.max_confidence ?? 0) < filter.minConfidence) return false;
  return !filter.lacks || entry.lacks.includes(filter.lacks);
}
