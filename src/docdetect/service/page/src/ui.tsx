/** Small parts that every view uses: buttons, dialogs, notices, pictures. */

import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { messageOf } from "./api";
import { categoryClass } from "./format";
import { Icon, type IconName } from "./icons";
import { hold } from "./pictures";

interface ButtonProps {
  icon?: IconName;
  label: string;
  keys?: string;
  /** Shows the icon alone; the label stays the button's name and its tooltip. */
  bare?: boolean;
  kind?: "plain" | "primary" | "danger" | "quiet";
  pressed?: boolean;
  disabled?: boolean;
  class?: string;
  onClick: () => void;
  children?: ComponentChildren;
}

export function Button({ icon, label, keys, bare, kind = "plain", pressed, disabled, onClick, children, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      class={`button ${kind} ${bare ? "bare" : ""} ${rest.class ?? ""}`}
      aria-label={bare ? label : undefined}
      aria-pressed={pressed}
      aria-keyshortcuts={keys}
      aria-disabled={disabled || undefined}
      title={keys ? `${label} (${keys})` : bare ? label : undefined}
      onClick={() => {
        if (!disabled) onClick();
      }}
    >
      {icon && <Icon name={icon} />}
      {!bare && <span>{label}</span>}
      {children}
    </button>
  );
}

/** A modal dialog: focus goes in, stays in, and comes back to where it was. */
export function Dialog(props: { title: string; onClose: () => void; children: ComponentChildren; wide?: boolean; locked?: boolean }) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = ref.current;
    const before = document.activeElement;
    dialog?.showModal();
    dialog?.querySelector<HTMLElement>("input, .button.primary")?.focus();
    return () => {
      dialog?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
    };
  }, []);
  return (
    <dialog
      ref={ref}
      class={props.wide ? "wide" : ""}
      aria-labelledby="dialog-title"
      onCancel={(event) => {
        event.preventDefault();
        if (!props.locked) props.onClose();
      }}
      onClick={(event) => {
        if (event.target === ref.current && !props.locked) props.onClose();
      }}
    >
      <div class="dialog-body">
        <header>
          <h2 id="dialog-title">{props.title}</h2>
          {!props.locked && <Button icon="cross" label="Close" keys="Esc" bare kind="quiet" onClick={props.onClose} />}
        </header>
        {props.children}
      </div>
    </dialog>
  );
}

interface Notice {
  id: number;
  text: string;
  kind: "good" | "bad" | "plain";
  action?: { label: string; run: () => void };
}

const notices = signal<readonly Notice[]>([]);
let lastNotice = 0;

/** Says something at the border of the window for a while; problems stay until they are closed. */
export function say(text: string, kind: Notice["kind"] = "plain", action?: Notice["action"]): void {
  lastNotice += 1;
  const id = lastNotice;
  const notice: Notice = action ? { id, text, kind, action } : { id, text, kind };
  notices.value = [...notices.value.slice(-2), notice];
  if (kind !== "bad") window.setTimeout(() => close(id), action ? 8000 : 3500);
}

const close = (id: number): void => {
  notices.value = notices.value.filter((notice) => notice.id !== id);
};

export function Notices() {
  return (
    <div class="notices" role="status" aria-live="polite">
      {notices.value.map((notice) => (
        <div key={notice.id} class={`notice ${notice.kind}`}>
          <span>{notice.text}</span>
          {notice.action && (
            <Button
              label={notice.action.label}
              onClick={() => {
                close(notice.id);
                notice.action?.run();
              }}
            />
          )}
          <Button icon="cross" label="Close" bare kind="quiet" onClick={() => close(notice.id)} />
        </div>
      ))}
    </div>
  );
}

export function Progress({ value, total, label }: { value: number; total: number; label: string }) {
  const share = total > 0 ? Math.min(1, value / total) : 0;
  return (
    <div class="progress" role="progressbar" aria-label={label} aria-valuemin={0} aria-valuemax={total} aria-valuenow={value}>
      <div style={{ width: `${share * 100}%` }} />
    </div>
  );
}

/** A picture of the service; nothing is fetched for one that is gone before its turn. */
export function Picture({ path, alt, class: name = "" }: { path: string; alt: string; class?: string }) {
  const [url, setUrl] = useState<string | null>(null);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    const held = hold(path);
    let gone = false;
    setFailed(false);
    setUrl(held.ready);
    held.url.then(
      (made) => !gone && setUrl(made),
      () => !gone && setFailed(true),
    );
    return () => {
      gone = true;
      held.release();
    };
  }, [path]);
  if (failed) return <span class={`picture none ${name}`}><Icon name="file" /><span class="hidden">{alt} (no picture)</span></span>;
  return url ? <img class={`picture ${name}`} src={url} alt={alt} draggable={false} /> : <span class={`picture ${name}`} aria-hidden="true" />;
}

/** A category as a coloured dot with its text. */
export function Category({ name, categories, children }: { name: string; categories: readonly string[]; children?: ComponentChildren }) {
  return (
    <span class={`dotted ${categoryClass(name, categories)}`}>
      <span class="dot" aria-hidden="true" />
      {children}
    </span>
  );
}

/** What is shown in place of something that could not be had. */
export function Trouble({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const message = messageOf(error);
  const remedy = error instanceof Error && "remedy" in error && typeof error.remedy === "string" ? error.remedy : "";
  return (
    <div class="trouble" role="alert">
      <Icon name="unsure" size={28} />
      <p>{message}</p>
      {remedy && <p class="soft">{remedy}</p>}
      {onRetry && <Button label="Try again" onClick={onRetry} />}
    </div>
  );
}
