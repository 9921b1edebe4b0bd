/** Which pictures make a page sharp: one of the whole page, and one of the part that is seen when it is enlarged. */

import type { Xyxy } from "../types";
import type { Size } from "./geometry";

const WHOLE_PX = [1000, 1600, 2400, 3200] as const;
const MOST_DETAIL_PX = 4000;
/** A picture that is stretched by less than this looks sharp enough. */
const STRETCH = 1.15;
/** How much more than what is seen is asked for at each side, as a share, so that panning stays sharp. */
const MARGIN = 0.25;

/** Long side of the picture of the whole page for a stage, in px. */
export function wholePx(page: Size, fitScale: number, density: number): number {
  const needed = Math.max(page.width, page.height) * fitScale * density;
  return WHOLE_PX.find((px) => px * STRETCH >= needed) ?? WHOLE_PX[WHOLE_PX.length - 1]!;
}

export interface Region {
  xyxy: Xyxy;
  maxPx: number;
  /** Px of the picture for one px of the page. */
  scale: number;
}

/** The part that needs a picture of its own now, or null where what is there is sharp enough. */
export function regionFor(page: Size, visible: Xyxy, scale: number, wholeLongPx: number, now: Region | null): Region | null {
  const have = Math.min(wholeLongPx, Math.max(page.width, page.height)) / Math.max(page.width, page.height);
  const [x0, y0, x1, y1] = visible;
  if (scale <= have * STRETCH || x1 - x0 < 1 || y1 - y0 < 1) return null;
  const isCovered =
    now !== null &&
    now.xyxy[0] <= x0 && now.xyxy[1] <= y0 && now.xyxy[2] >= x1 && now.xyxy[3] >= y1 &&
    now.scale * STRETCH >= scale && now.scale <= scale * 4;
  if (isCovered) return now;
  const wide = (x1 - x0) * MARGIN;
  const high = (y1 - y0) * MARGIN;
  const xyxy: Xyxy = [
    Math.max(0, Math.floor(x0 - wide)),
    Math.max(0, Math.floor(y0 - high)),
    Math.min(page.width, Math.ceil(x1 + wide)),
    Math.min(page.height, Math.ceil(y1 + high)),
  ];
  const long = Math.max(xyxy[2] - xyxy[0], xyxy[3] - xyxy[1]);
  const maxPx = Math.min(MOST_DETAIL_PX, Math.ceil((long * scale) / 100) * 100);
  return { xyxy, maxPx, scale: maxPx / long };
}
