/** Two people changed a page: both versions side by side, and the reviewer chooses. */

import { api } from "../api";
import { categoryClass, categoryName, moment, plural } from "../format";
import type { Box, Page } from "../types";
import { Button, Dialog, Picture, say } from "../ui";
import { difference, merged, sameBox } from "./geometry";
import type { PageSession } from "./session";

const PICTURE_PX = 1000;

export function Conflict({ session, current, categories }: { session: PageSession; current: Page; categories: readonly string[] }) {
  const mine = session.boxes.value;
  const theirs = current.boxes;
  const { added, removed, changed } = difference(theirs, mine);
  const parts = [
    added && plural(added, "box is", "boxes are") + " only in yours",
    removed && plural(removed, "box is", "boxes are") + " only in the other one",
    changed && plural(changed, "box differs", "boxes differ"),
  ].filter(Boolean);
  function takeTheirs(): void {
    session.adopt(current);
    say(`Page ${current.number} is as ${current.by || "somebody else"} left it.`, "plain", { label: "Back to mine", run: () => session.overrule(session.page.peek(), mine) });
  }
  return (
    <Dialog title={`Page ${current.number} was changed by somebody else`} onClose={() => undefined} locked wide>
      <p>
        While you corrected page {current.number} of <b>{current.document}</b>, {current.by || "somebody"} saved another version
        {current.at ? ` (${moment(current.at)})` : ""}. Nothing is overwritten until you choose.{" "}
        {parts.length > 0 ? `${parts.join(", ")}.` : "Both versions have the same boxes."}
      </p>
      <div class="versions">
        <Version title="Yours" page={current} boxes={mine} others={theirs} job={session.job} categories={categories} />
        <Version title={current.by ? `By ${current.by}` : "The other one"} page={current} boxes={theirs} others={mine} job={session.job} categories={categories} />
      </div>
      <div class="actions">
        {/* It has the focus, since nothing is written and nothing is lost when Enter is pressed in haste. */}
        <Button kind="primary" label="Take the other one" onClick={takeTheirs} />
        <Button label="Join both" onClick={() => session.overrule(current, merged(theirs, mine))} />
        <Button label="Keep mine" onClick={() => session.overrule(current, mine)} />
      </div>
    </Dialog>
  );
}

interface VersionProps {
  title: string;
  page: Page;
  boxes: readonly Box[];
  others: readonly Box[];
  job: string;
  categories: readonly string[];
}

function Version({ title, page, boxes, others, job, categories }: VersionProps) {
  const known = new Map(others.map((box) => [box.id, box]));
  const differs = (box: Box): boolean => {
    const other = known.get(box.id);
    return other === undefined || !sameBox(box, other);
  };
  return (
    <figure class="version">
      <figcaption>
        <b>{title}</b> <span class="soft">{plural(boxes.length, "box", "boxes")}</span>
      </figcaption>
      <div class="version-page" style={{ "aspect-ratio": `${page.width} / ${page.height}` }}>
        <Picture path={api.imageUrl(job, page.id, PICTURE_PX)} alt={`Page ${page.number}, ${title}`} />
        {boxes.map((box) => (
          <span
            key={box.id}
            class={`mini-box ${categoryClass(box.category, categories)} ${differs(box) ? "differs" : ""}`}
            title={categoryName(box.category)}
            style={{
              left: `${(box.xyxy[0] / page.width) * 100}%`,
              top: `${(box.xyxy[1] / page.height) * 100}%`,
              width: `${((box.xyxy[2] - box.xyxy[0]) / page.width) * 100}%`,
              height: `${((box.xyxy[3] - box.xyxy[1]) / page.height) * 100}%`,
            }}
          />
        ))}
      </div>
    </figure>
  );
}
