/** Small pictures of the pages of the list, at the left of the page. */

import { api } from "../api";
import type { PageQueue } from "../queue";
import { link } from "../routes";
import { Picture } from "../ui";
import { Virtual } from "../virtual";

const ROW_PX = 148;
export const SMALL_PX = 160;

const WORDS = { unreviewed: "not reviewed", right: "right", corrected: "corrected", unsure: "unsure" } as const;

export function Strip({ queue, page, job, search }: { queue: PageQueue; page: string; job: string; search: URLSearchParams }) {
  const index = queue.indexOf(page);
  return (
    <nav class="strip" aria-label="Pages">
      <Virtual
        count={queue.total.value}
        rowHeight={ROW_PX}
        label="Pages"
        scrolls="self"
        keep={index}
        reveal={index}
        onRange={(first, last) => void queue.need(first, last).catch(() => undefined)}
        render={(at) => {
          const entry = queue.at(at);
          if (!entry) return <span class="strip-page" />;
          const draft = entry.review_state === "unreviewed" && entry.revision > 0;
          return (
            <a
              class="strip-page"
              href={link.page(job, entry.id, search)}
              aria-current={entry.id === page ? "page" : undefined}
              title={`${entry.document}, page ${entry.number}`}
              tabIndex={entry.id === page ? 0 : -1}
              onClick={(event) => {
                event.preventDefault();
                location.replace(link.page(job, entry.id, search));
              }}
            >
              {entry.status === "failed" ? (
                <span class="picture none">failed</span>
              ) : (
                <Picture path={api.imageUrl(job, entry.id, SMALL_PX)} alt="" />
              )}
              <span class="strip-line">
                <span class={`review-dot ${entry.review_state} ${draft ? "draft" : ""}`} aria-hidden="true" />
                {entry.number}
                <span class="hidden">{`of ${entry.document}, ${WORDS[entry.review_state]}`}</span>
              </span>
            </a>
          );
        }}
      />
    </nav>
  );
}
