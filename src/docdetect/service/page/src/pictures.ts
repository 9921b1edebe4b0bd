/** Pictures, fetched with the token and kept as blobs: the least recently used go first when they take too much. */

import { send } from "./api";

const MOST_BYTES = 96 << 20;
const MOST_AT_ONCE = 6;

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

async function slot<T>(work: () => Promise<T>): Promise<T> {
  if (running >= MOST_AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
  running += 1;
  try {
    return await work();
  } finally {
    running -= 1;
    waiting.shift()?.();
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

function entryOf(path: string): Entry {
  const known = entries.get(path);
  if (known) {
    entries.delete(path);
    entries.set(path, known);
    return known;
  }
  const stop = new AbortController();
  const entry: Entry = { url: Promise.resolve(""), bytes: 0, made: null, users: 0, stop };
  entry.url = slot(async () => {
    const blob = await (await send(path, { signal: stop.signal })).blob();
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

/** Holds a picture while it is shown. `release` lets it go; a picture that nobody waits for is not fetched further. */
export function hold(path: string): { url: Promise<string>; ready: string | null; release: () => void } {
  const entry = entryOf(path);
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
  const entry = entryOf(path);
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
