/** Server-sent events read with `fetch`, which can send a token; goes on behind the last event when it was cut off. */

import { headers } from "./api";

export interface ServerEvent {
  id: string;
  name: string;
  data: unknown;
}

const LONGEST_WAIT_MS = 15_000;

/** Takes text as it comes and gives the events that are whole. */
export class EventParser {
  private rest = "";

  feed(text: string): ServerEvent[] {
    const blocks = (this.rest + text).replaceAll("\r\n", "\n").split("\n\n");
    this.rest = blocks.pop() ?? "";
    return blocks.flatMap((block) => {
      const event = { id: "", name: "message", data: "" };
      for (const line of block.split("\n")) {
        const colon = line.indexOf(":");
        if (colon <= 0) continue;
        const value = line.slice(colon + 1).replace(/^ /, "");
        const field = line.slice(0, colon);
        if (field === "id") event.id = value;
        else if (field === "event") event.name = value;
        else if (field === "data") event.data += (event.data ? "\n" : "") + value;
      }
      return event.data ? [{ id: event.id, name: event.name, data: JSON.parse(event.data) as unknown }] : [];
    });
  }
}

/** Calls `onEvent` for every event of a job until its end. The answer stops it. */
export function watch(url: string, onEvent: (event: ServerEvent) => void): () => void {
  const stop = new AbortController();
  void follow(url, onEvent, stop.signal);
  return () => stop.abort();
}

async function follow(url: string, onEvent: (event: ServerEvent) => void, stop: AbortSignal): Promise<void> {
  let last = "";
  let waitMs = 500;
  while (!stop.aborted) {
    try {
      const wanted = headers({ Accept: "text/event-stream", ...(last ? { "Last-Event-ID": last } : {}) });
      const response = await fetch(url, { headers: wanted, signal: stop, credentials: "omit" });
      if (response.status === 404 || response.status === 401) return;
      if (response.ok && response.body) {
        const parser = new EventParser();
        const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
        for (;;) {
          const { done, value } = await reader.read();
          if (done) break;
          waitMs = 500;
          for (const event of parser.feed(value)) {
            if (event.id) last = event.id;
            onEvent(event);
            if (event.name === "end") return;
          }
        }
      }
    } catch {
      if (stop.aborted) return;
    }
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
  }
}
