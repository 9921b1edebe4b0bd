/** What stands beside the page: the answer of the reviewer, categories, boxes and possible marks. */

import { categoryClass, categoryName, moment, percent } from "../format";
import { showsPossibleMarks } from "../settings";
import type { Box, ReviewState } from "../types";
import { Button, Category } from "../ui";
import type { PageSession } from "./session";

export interface PanelProps {
  session: PageSession;
  categories: readonly string[];
  /** The category of boxes that are drawn next. */
  category: string;
  onConfirm: () => void;
  onUnsure: () => void;
  onCategory: (category: string) => void;
  onSelect: (id: string) => void;
  onAccept: (possibleMark: Box) => void;
}

const ANSWERS: Record<ReviewState, string> = {
  unreviewed: "Not reviewed yet",
  right: "Right",
  corrected: "Corrected",
  unsure: "Unsure",
};

export function Panel(props: PanelProps) {
  const { session, categories } = props;
  const page = session.page.value;
  const reviewState = session.reviewState.value;
  const isDraft = reviewState === "unreviewed" && (session.isChanged || page.revision > 0);
  return (
    <aside class="panel" aria-label="Boxes of the page">
      <section class="answer">
        <Button class="wide" icon="check" label="Right, next" keys="Enter" kind="primary" onClick={props.onConfirm}>
          <kbd aria-hidden="true">Enter</kbd>
        </Button>
        <div class="answer-line">
          <p class={`review-state ${reviewState}`} data-review-state={reviewState}>
            <span class="dot" aria-hidden="true" />
            <b>{isDraft ? "Changed, not confirmed yet" : ANSWERS[reviewState]}</b>
            {page.at && (
              <span class="soft">
                {page.by ? `${page.by}, ` : ""}
                {moment(page.at)}
              </span>
            )}
          </p>
          <Button icon="unsure" label="Unsure" keys="U" onClick={props.onUnsure} />
        </div>
        {page.queue_reason && <p class="soft reason">In the queue because: {page.queue_reason}</p>}
      </section>
      <section>
        <h2>Category</h2>
        <div class="palette" role="group" aria-label="Category of the selected box, and of the boxes that are drawn next">
          {categories.map((category, index) => (
            <button
              key={category}
              type="button"
              class={`button ${categoryClass(category, categories)}`}
              aria-pressed={(session.selectedBox?.category ?? props.category) === category}
              aria-keyshortcuts={index < 9 ? String(index + 1) : undefined}
              onClick={() => props.onCategory(category)}
            >
              <span class="dot" aria-hidden="true" />
              <span>{categoryName(category)}</span>
              {index < 9 && <kbd aria-hidden="true">{index + 1}</kbd>}
            </button>
          ))}
        </div>
      </section>
      <section class="lists">
        <h2>
          Boxes <span class="soft">{session.boxes.value.length}</span>
        </h2>
        {session.boxes.value.length === 0 && <p class="soft">None. Drag on the page to draw one, or press N.</p>}
        <ul class="box-list">
          {session.boxes.value.map((box) => (
            <li key={box.id} class={box.id === session.selected.value ? "selected" : ""}>
              <button type="button" class="box-row" aria-current={box.id === session.selected.value} onClick={() => props.onSelect(box.id)}>
                <Category name={box.category} categories={categories}>
                  {categoryName(box.category)}
                </Category>
                <span class="soft">{box.confidence === null ? "by hand" : percent(box.confidence)}</span>
                {box.text && <span class="text">{box.text}</span>}
              </button>
              <Button icon="trash" label={`Delete ${categoryName(box.category)}`} bare kind="quiet" onClick={() => session.remove(box.id)} />
            </li>
          ))}
        </ul>
        {session.possibleMarks.value.length > 0 && (
          <>
            <h2>
              Below the threshold <span class="soft">{session.possibleMarks.value.length}</span>
              <Button
                icon="possible"
                label={showsPossibleMarks.value ? "Hide" : "Show"}
                keys="G"
                kind="quiet"
                onClick={() => {
                  showsPossibleMarks.value = !showsPossibleMarks.value;
                }}
              />
            </h2>
            {showsPossibleMarks.value && (
              <ul class="box-list">
                {session.possibleMarks.value.map((possibleMark) => (
                  <li key={possibleMark.id} class="possible-row">
                    <button type="button" class="box-row" onClick={() => props.onAccept(possibleMark)} aria-label={`Accept ${categoryName(possibleMark.category)}`}>
                      <Category name={possibleMark.category} categories={categories}>
                        {categoryName(possibleMark.category)}
                      </Category>
                      <span class="soft">{possibleMark.confidence === null ? "" : percent(possibleMark.confidence)}</span>
                      <span class="accept">Accept</span>
                    </button>
                  </li>
                ))}
              </ul>
            )}
          </>
        )}
      </section>
    </aside>
  );
}
