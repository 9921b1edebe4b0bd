/** The JSON that the service answers with. Boxes are in px of the page as displayed, origin top left. */

export type Xyxy = readonly [number, number, number, number];
export type ReviewState = "unreviewed" | "right" | "corrected" | "unsure";
export type JobState = "queued" | "running" | "done" | "failed" | "cancelled";

export interface About {
  version: string;
  mode: "serve" | "review";
  categories: string[];
  token_required: boolean;
  source_url: string;
  run?: string | null;
}

export interface Job {
  id: string;
  state: JobState;
  position: number | null;
  created: string;
  started: string | null;
  ended: string | null;
  documents: number;
  size_bytes: number;
  pages: { done: number; total: number };
  totals: Record<string, unknown> | null;
  problem: { detail?: string; remedy?: string } | null;
  files?: { name: string; size_bytes: number }[];
}

export interface DocumentSummary {
  name: string;
  status: string;
  reason: string | null;
  pages: number;
  reviewed: number;
  counts: Record<string, number>;
  max_confidence: number | null;
  lacks: string[];
  check: string[];
  first_page: string | null;
}

export interface Review {
  job: string;
  categories: string[];
  thresholds: Record<string, number>;
  required: string[];
  documents: DocumentSummary[];
  /** Where the documents that follow begin; null at the end. */
  next: string | null;
  pages: number;
  reviewed: number;
  queue: boolean;
}

export interface PageSummary {
  id: string;
  document: string;
  number: number;
  /** px that boxes refer to; 0 for a page without a result. */
  width: number;
  height: number;
  status: string;
  reason: string | null;
  reviewed: boolean;
  revision: number;
  review_state: ReviewState;
  counts: Record<string, number>;
  max_confidence: number | null;
  queue_reason: string | null;
}

export interface Box {
  id: string;
  category: string;
  xyxy: Xyxy;
  confidence: number | null;
  source: "network" | "person";
  text?: string | null;
  checked?: boolean;
}

export interface Page extends PageSummary {
  boxes: Box[];
  possible_marks: Box[];
  image: string;
  by: string | null;
  at: string | null;
}

export interface Batch {
  pages: PageSummary[];
  next: string | null;
  total: number;
  offset: number;
}

export interface Crop {
  page: PageSummary;
  box: Box;
  reviewed: boolean;
  image: string;
}

export interface Crops {
  crops: Crop[];
  next: string | null;
  total: number;
}

export interface ResultFile {
  name: string;
  size_bytes: number;
  url: string;
}
