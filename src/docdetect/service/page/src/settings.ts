/** What a reviewer chose, kept in this browser. */

import { type Signal, effect, signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";

function kept<T>(key: string, initial: T): Signal<T> {
  const name = `docdetect.${key}`;
  let first = initial;
  try {
    first = JSON.parse(localStorage.getItem(name) ?? "null") ?? initial;
  } catch {
    // What another version has kept is left aside.
  }
  const value = signal(first);
  effect(() => {
    try {
      localStorage.setItem(name, JSON.stringify(value.value));
    } catch {
      // A browser that keeps nothing is no reason not to work.
    }
  });
  return value;
}

export const theme = kept<Theme>("theme", "system");
/** Name of the person who reviews, as it is written into the log of corrections; "" for none. */
export const reviewer = kept("reviewer", "");
export const showsPossibleMarks = kept("possible-marks", true);
export const showsStrip = kept("strip", true);

effect(() => {
  if (theme.value === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.value;
});
