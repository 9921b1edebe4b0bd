/** Pictures, fetched with the token and kept as blobs: the least recently used go first when they take too much. */

import { Problem, send } from "./api";

const MOST_BYTES = 96 << 20;
const MOST_AT_ONCE = 6;
const LONGEST_WAIT_MS = 8_000;

interface Entry {
  url: Promise<string>;
  bytes: number;
  made: string | null;
  users: number;
  stop: AbortController;
}

const entries = new Map<string, Entry>();
const waiting: (() => void)[] = [];
let running = 0;
let bytesHeld = 0;

async function slot<T>(isUrgent: boolean, work: () => Promise<T>): Promise<T> {
  if (running >= MOST_AT_ONCE) {
    await new Promise<void>((resolve) => (isUrgent ? waiting.unshift(resolve) : waiting.push(resolve)));
  }
  running += 1;
  try {
    return await work();
  } finally {
    running -= 1;
    waiting.shift()?.();
  }
}

/** Asks again where the service has too much to do at the moment. */
async function sendPatiently(path: string, signal: AbortSignal): Promise<Response> {
  for (let waitMs = 400; ; waitMs *= 2) {
    try {
      return await send(path, { signal });
    } catch (error) {
      const isBusy = error instanceof Problem && (error.status === 429 || error.status === 503);
      if (!isBusy || waitMs > LONGEST_WAIT_MS) throw error;
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }
}

function makeRoom(): void {
  for (const [path, entry] of entries) {
    if (bytesHeld <= MOST_BYTES) return;
    if (entry.users > 0 || entry.made === null) continue;
    drop(path, entry);
  }
}

function drop(path: string, entry: Entry): void {
  entries.delete(path);
  entry.stop.abort();
  if (entry.made !== null) URL.revokeObjectURL(entry.made);
  bytesHeld -= entry.bytes;
}

function entryOf(path: string, isUrgent: boolean): Entry {
  const known = entries.get(path);
  if (known) {
    entries.delete(path);
    entries.set(path, known);
    return known;
  }
  const stop = new AbortController();
  const entry: Entry = { url: Promise.resolve(""), bytes: 0, made: null, users: 0, stop };
  entry.url = slot(isUrgent, async () => {
    const blob = await (await sendPatiently(path, stop.signal)).blob();
    entry.made = URL.createObjectURL(blob);
    entry.bytes = blob.size;
    bytesHeld += blob.size;
    makeRoom();
    return entry.made;
  });
  entry.url.catch(() => {
    if (entries.get(path) === entry) entries.delete(path);
  });
  entries.set(path, entry);
  return entry;
}

/**
 * Holds a picture while it is shown. `release` lets it go; a picture that nobody waits for is not fetched further.
 * An urgent picture, such as the page that the reviewer waits for, comes before small ones.
 */
export function hold(path: string, isUrgent = false): { url: Promise<string>; ready: string | null; release: () => void } {
  const entry = entryOf(path, isUrgent);
  entry.users += 1;
  let held = true;
  return {
    url: entry.url,
    ready: entry.made,
    release: () => {
      if (!held) return;
      held = false;
      entry.users -= 1;
      if (entry.users === 0 && entry.made === null && entries.get(path) === entry) drop(path, entry);
    },
  };
}

/** Fetches a picture ahead, and decodes it, so that it is there at once when it is shown. */
export async function preload(path: string): Promise<void> {
  const entry = entryOf(path, true);
  entry.users += 1;
  try {
    const picture = new Image();
    picture.src = await entry.url;
    await picture.decode();
  } catch {
    // The page that shows the picture tells what is wrong with it.
  } finally {
    entry.users -= 1;
  }
}
