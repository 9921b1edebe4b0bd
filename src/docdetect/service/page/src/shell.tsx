/** What stands around every view: where the reader is, settings, the source code. */

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { about, needsToken, setToken } from "./api";
import { Icon, type IconName } from "./icons";
import { link } from "./routes";
import { type Theme, reviewer, theme } from "./settings";
import { Button, Dialog } from "./ui";

const THEMES: Record<Theme, { icon: IconName; label: string; next: Theme }> = {
  system: { icon: "screen", label: "Colours of the system", next: "light" },
  light: { icon: "sun", label: "Light colours", next: "dark" },
  dark: { icon: "moon", label: "Dark colours", next: "system" },
};

interface HeaderProps {
  job?: string;
  view: "home" | "run" | "page" | "wall" | "files";
  search?: URLSearchParams;
  children?: ComponentChildren;
}

export function Header({ job, view, search, children }: HeaderProps) {
  const asksName = useSignal(false);
  const now = THEMES[theme.value];
  const entry = (name: HeaderProps["view"], href: string, icon: IconName, label: string) => (
    <a href={href} aria-current={view === name ? "page" : undefined}>
      <Icon name={icon} />
      <span>{label}</span>
    </a>
  );
  const isReview = about.value?.mode === "review";
  return (
    <header class={`top ${view === "page" ? "compact" : ""}`}>
      <a class="brand" href={isReview ? link.run("run") : link.home()} aria-label="docdetect: start">
        <Mark />
        <span>docdetect</span>
      </a>
      {job && (
        <nav aria-label="Run">
          {entry("run", link.run(job, search), "list", "Documents")}
          {entry("wall", link.wall(job), "grid", "Wall")}
          {entry("files", link.files(job), "download", "Downloads")}
        </nav>
      )}
      <div class="top-middle">{children}</div>
      <div class="top-end">
        <Button
          icon="person"
          label={reviewer.value ? `Reviewer: ${reviewer.value}` : "Your name"}
          bare
          kind="quiet"
          onClick={() => (asksName.value = true)}
        />
        <Button icon={now.icon} label={`${now.label}; change`} bare kind="quiet" onClick={() => (theme.value = now.next)} />
      </div>
      {asksName.value && <NameDialog onClose={() => (asksName.value = false)} />}
    </header>
  );
}

function Mark() {
  return (
    <svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
      <rect width="32" height="32" rx="8" class="mark-ground" />
      <path d="M9 6h9l5 5v15H9z" class="mark-paper" />
      <rect x="12" y="15" width="8" height="7" rx="1" class="mark-box" />
    </svg>
  );
}

function NameDialog({ onClose }: { onClose: () => void }) {
  const field = useRef<HTMLInputElement>(null);
  return (
    <Dialog title="Your name" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          reviewer.value = field.current?.value.trim().slice(0, 100) ?? "";
          onClose();
        }}
      >
        <label class="field">
          <span>Written beside your corrections, so that others know whom to ask. It may stay empty.</span>
          <input ref={field} name="reviewer" autocomplete="name" maxLength={100} defaultValue={reviewer.value} />
        </label>
        <div class="actions">
          <button type="submit" class="button primary">
            Keep
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** Asks for the token once; it is kept until the tab is closed. */
export function TokenDialog() {
  const field = useRef<HTMLInputElement>(null);
  if (!needsToken.value) return null;
  return (
    <Dialog title="Token" onClose={() => undefined} locked>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          setToken(field.current?.value ?? "");
          location.reload();
        }}
      >
        <label class="field">
          <span>This service asks for its token: the text in the token file that it was started with.</span>
          <input ref={field} type="password" name="token" autocomplete="current-password" required />
        </label>
        <div class="actions">
          <button type="submit" class="button primary">
            Go on
          </button>
        </div>
      </form>
    </Dialog>
  );
}

export function Footer() {
  const facts = about.value;
  return (
    <footer class="bottom">
      <span>docdetect {facts?.version}</span>
      <a href="docs">HTTP interface</a>
      <a href={facts?.source_url || "source"}>Source code (AGPL)</a>
    </footer>
  );
}
