/** The keys of the page view: one table for what they do and for the help that lists them. */

export interface Key {
  keys: string;
  does: string;
}

export const PAGE_KEYS: readonly Key[] = [
  { keys: "Enter", does: "The page is right as it stands: next page" },
  { keys: "U", does: "Unsure: left to somebody else; next page" },
  { keys: "Page Down, Page Up", does: "Next or previous page, without saying anything about this one" },
  { keys: "Tab, Shift Tab", does: "Next or previous box; behind the boxes come the possible marks and the buttons" },
  { keys: "1 to 9", does: "Category of the selected box, and of the boxes that are drawn next" },
  { keys: "Arrows", does: "Move the selected box by a pixel of the screen; with Shift by ten" },
  { keys: "Alt Arrows", does: "Resize the selected box at its right and lower border; with Shift by ten" },
  { keys: "Delete", does: "Delete the selected box" },
  { keys: "N", does: "New box in the middle of what is seen" },
  { keys: "Space", does: "Accept the possible mark that has the focus" },
  { keys: "G", does: "Show or hide possible marks: boxes below the threshold" },
  { keys: "Ctrl Z, Ctrl Shift Z", does: "Undo, redo" },
  { keys: "+, -, 0", does: "Zoom in, zoom out, whole page" },
  { keys: "W", does: "The page as wide as the window" },
  { keys: "Z", does: "Zoom to the selected box" },
  { keys: "R, Shift R", does: "Turn the view to the right or to the left, for all pages of the document; boxes stay where they are" },
  { keys: "D", does: "Whether dragging draws a box or moves the page" },
  { keys: "Click", does: "Select a box; dragged again, it moves. A drag that starts elsewhere draws, on other boxes too" },
  { keys: "Space and drag", does: "Move the page; so does the middle or right button of the mouse" },
  { keys: "Escape", does: "Nothing selected; once more: back to the documents" },
  { keys: "?", does: "This help" },
];

export const WALL_KEYS: readonly Key[] = [
  { keys: "Arrows", does: "Go from crop to crop" },
  { keys: "A or Enter", does: "Accept the crop, and go on" },
  { keys: "X or Delete", does: "Reject the crop, and go on" },
  { keys: "Shift A", does: "Accept all crops that are seen and not decided" },
  { keys: "Ctrl Z, Ctrl Shift Z", does: "Undo what was decided last, redo" },
  { keys: "O", does: "Open the page of the crop" },
];

export type Action =
  | { name: "confirm" | "unsure" | "next" | "previous" | "delete" | "new" | "accept" | "possibleMarks" | "undo" | "redo" }
  | { name: "zoomIn" | "zoomOut" | "fit" | "width" | "zoomToBox" | "turnRight" | "turnLeft" | "draws" | "escape" | "help" }
  | { name: "category"; index: number }
  | { name: "arrow"; dx: number; dy: number; resizes: boolean };

const ARROWS: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const LARGE_STEP = 10;

const PLAIN: Record<string, Action["name"]> = {
  Enter: "confirm",
  u: "unsure",
  PageDown: "next",
  PageUp: "previous",
  Delete: "delete",
  Backspace: "delete",
  n: "new",
  " ": "accept",
  a: "accept",
  g: "possibleMarks",
  "+": "zoomIn",
  "=": "zoomIn",
  "-": "zoomOut",
  "0": "fit",
  w: "width",
  z: "zoomToBox",
  r: "turnRight",
  d: "draws",
  Escape: "escape",
  "?": "help",
};

/** What a key asks for; null for keys that are the browser's. */
export function actionOf(event: KeyboardEvent): Action | null {
  const control = event.ctrlKey || event.metaKey;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (control) {
    if (key === "z") return { name: event.shiftKey ? "redo" : "undo" };
    return key === "y" ? { name: "redo" } : null;
  }
  const arrow = ARROWS[key];
  if (arrow) {
    const step = event.shiftKey ? LARGE_STEP : 1;
    return { name: "arrow", dx: arrow[0] * step, dy: arrow[1] * step, resizes: event.altKey };
  }
  if (event.altKey) return null;
  if (/^[1-9]$/.test(key)) return { name: "category", index: Number(key) - 1 };
  if (key === "r" && event.shiftKey) return { name: "turnLeft" };
  const name = PLAIN[key];
  return name ? ({ name } as Action) : null;
}

/** Keys that a focused button, link or field needs for itself. */
export function belongsTo(target: EventTarget | null, event: KeyboardEvent): boolean {
  if (!(target instanceof HTMLElement) || target.closest(".stage")) return false;
  if (target.matches("input:not([type=checkbox]):not([type=range]), textarea, select")) return true;
  const isControl = target.matches("button, a, summary, input, [role=option]");
  return isControl && ["Enter", " ", "ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key);
}
