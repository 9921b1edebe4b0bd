/** Whether the service has what is on the screen. */

import { useEffect, useState } from "preact/hooks";
import { Button } from "../ui";
import { Icon } from "../icons";
import { type SaveState, type Saver, unsaved } from "./saving";

export function SaveStatus({ saver }: { saver: Saver }) {
  const others = [...unsaved.value].filter((one) => one !== saver && one.state.value.kind !== "saving");
  const state = saver.state.value.kind === "saved" && others[0] ? others[0].state.value : saver.state.value;
  const retry = (): void => {
    for (const one of unsaved.value) one.retryNow();
  };
  return (
    <div class={`save-status ${state.kind}`} role="status" data-save={state.kind}>
      <Words state={state} />
      {(state.kind === "waiting" || state.kind === "refused") && <Button label="Try now" onClick={retry} />}
    </div>
  );
}

function Words({ state }: { state: SaveState }) {
  const [now, setNow] = useState(Date.now());
  const waits = state.kind === "waiting";
  useEffect(() => {
    if (!waits) return;
    const timer = window.setInterval(() => setNow(Date.now()), 1000);
    return () => window.clearInterval(timer);
  }, [waits]);
  switch (state.kind) {
    case "saved":
      return (
        <>
          <Icon name="check" size={16} />
          <span class="words">Saved</span>
        </>
      );
    case "saving":
      return (
        <>
          <Icon name="cloud" size={16} />
          <span class="words">Saving</span>
        </>
      );
    case "waiting": {
      const seconds = Math.max(0, Math.ceil((state.retryAt - now) / 1000));
      return (
        <>
          <Icon name="unsure" size={16} />
          <span title={state.why}>Not saved: no answer{seconds > 0 ? `, next try in ${seconds} s` : ""}</span>
        </>
      );
    }
    case "refused":
      return (
        <>
          <Icon name="unsure" size={16} />
          <span>Not saved: {state.why}</span>
        </>
      );
    case "conflict":
      return (
        <>
          <Icon name="unsure" size={16} />
          <span>Changed by somebody else</span>
        </>
      );
  }
}
