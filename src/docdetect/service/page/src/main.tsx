/** The review page of docdetect: starts it and shows the view that the address names. */

import { effect, useSignal } from "@preact/signals";
import { render } from "preact";
import { useEffect } from "preact/hooks";
import "./css/app.css";
import { about, api, hasToken, needsToken } from "./api";
import { PageView } from "./editor/page-view";
import { FilesView } from "./files";
import { Home } from "./home";
import { link, go, route } from "./routes";
import { RunView } from "./run";
import { Header, TokenDialog } from "./shell";
import { Notices, Trouble } from "./ui";
import { WallView } from "./wall";

function App() {
  const trouble = useSignal<unknown>(null);
  const load = (): void => {
    api.about().then(
      (facts) => {
        about.value = facts;
        if (facts.token_required && !hasToken()) needsToken.value = true;
        if (facts.mode === "review" && route.value.view === "home") go(link.run("run"), true);
      },
      (error: unknown) => {
        trouble.value = error;
      },
    );
  };
  useEffect(load, []);
  return (
    <>
      {trouble.value !== null && !about.value ? (
        <>
          <Header view="home" />
          <main class="page">
            <Trouble
              error={trouble.value}
              onRetry={() => {
                trouble.value = null;
                load();
              }}
            />
          </main>
        </>
      ) : (
        about.value && !needsToken.value && <View />
      )}
      <TokenDialog />
      <Notices />
    </>
  );
}

function View() {
  const now = route.value;
  switch (now.view) {
    case "home":
      return <Home />;
    case "run":
      return <RunView key={now.job} job={now.job} search={now.search} />;
    case "page":
      return <PageView key={now.job} job={now.job} page={now.page} search={now.search} />;
    case "wall":
      return <WallView key={now.job} job={now.job} search={now.search} />;
    case "files":
      return <FilesView key={now.job} job={now.job} />;
  }
}

const TITLES = { home: "docdetect", run: "Documents, docdetect", page: "Review, docdetect", wall: "Wall, docdetect", files: "Downloads, docdetect" };
effect(() => {
  document.title = TITLES[route.value.view];
});

const root = document.getElementById("app");
if (root) render(<App />, root);
