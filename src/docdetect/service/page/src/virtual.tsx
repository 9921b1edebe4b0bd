/** Long lists of which only what is seen is made: rows of one height, one or several cells in a row. */

import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

const SPARE_ROWS = 4;

export interface VirtualProps {
  count: number;
  /** Height of a row in CSS px, with the gap below it. */
  rowHeight: number;
  /** Cells in a row. */
  columns?: number;
  label: string;
  class?: string;
  /** "window" scrolls with the window; "self" is a box that scrolls by itself. */
  scrolls: "window" | "self";
  /** This cell is made even where it is not seen, so that it keeps the focus. */
  keep?: number;
  /** This cell is brought into view when it changes. */
  reveal?: number;
  render: (index: number) => ComponentChildren;
  onRange?: (first: number, last: number) => void;
}

export function Virtual(props: VirtualProps) {
  const { count, rowHeight, columns = 1, keep = -1, reveal = -1 } = props;
  const outer = useRef<HTMLDivElement>(null);
  const [range, setRange] = useState<[number, number]>([0, 12]);
  const rows = Math.ceil(count / columns);

  useLayoutEffect(() => {
    const node = outer.current;
    if (!node) return;
    const look = (): void => {
      const top = props.scrolls === "self" ? node.scrollTop : -node.getBoundingClientRect().top;
      const height = props.scrolls === "self" ? node.clientHeight : window.innerHeight;
      const first = Math.max(0, Math.floor(top / rowHeight) - SPARE_ROWS);
      const last = Math.min(rows, Math.ceil((top + height) / rowHeight) + SPARE_ROWS);
      setRange((old) => (old[0] === first && old[1] === last ? old : [first, Math.max(first, last)]));
    };
    look();
    const target: EventTarget = props.scrolls === "self" ? node : window;
    target.addEventListener("scroll", look, { passive: true });
    window.addEventListener("resize", look);
    const observer = new ResizeObserver(look);
    observer.observe(props.scrolls === "self" ? node : document.body);
    return () => {
      target.removeEventListener("scroll", look);
      window.removeEventListener("resize", look);
      observer.disconnect();
    };
  }, [rows, rowHeight, columns, props.scrolls]);

  useLayoutEffect(() => {
    const node = outer.current;
    if (!node || reveal < 0) return;
    const top = Math.floor(reveal / columns) * rowHeight;
    if (props.scrolls === "self") {
      if (top < node.scrollTop) node.scrollTop = top;
      else if (top + rowHeight > node.scrollTop + node.clientHeight) node.scrollTop = top + rowHeight - node.clientHeight;
    } else {
      const start = node.getBoundingClientRect().top + top;
      const room = 140;
      if (start < room) window.scrollBy(0, start - room);
      else if (start + rowHeight > window.innerHeight) window.scrollBy(0, start + rowHeight - window.innerHeight + 8);
    }
  }, [reveal, columns, rowHeight]);

  const [firstRow, lastRow] = range;
  const first = firstRow * columns;
  const last = Math.min(count, lastRow * columns) - 1;
  useEffect(() => {
    if (last >= first) props.onRange?.(first, last);
  }, [first, last, count]);

  const shown: number[] = [];
  if (keep >= 0 && keep < count && keep < first) shown.push(keep);
  for (let index = first; index <= last; index += 1) shown.push(index);
  if (keep > last && keep < count) shown.push(keep);
  return (
    <div ref={outer} class={`virtual ${props.class ?? ""}`} role="list" aria-label={props.label}>
      <div class="virtual-inner" style={{ height: `${rows * rowHeight}px` }}>
        {shown.map((index) => (
          <div
            key={index}
            class="virtual-cell"
            role="listitem"
            aria-posinset={index + 1}
            aria-setsize={count}
            style={{
              top: `${Math.floor(index / columns) * rowHeight}px`,
              height: `${rowHeight}px`,
              left: `${((index % columns) / columns) * 100}%`,
              width: `${100 / columns}%`,
            }}
          >
            {props.render(index)}
          </div>
        ))}
      </div>
    </div>
  );
}
