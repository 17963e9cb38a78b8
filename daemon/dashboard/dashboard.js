// The page: follows the hash (#/searches/3; without one, the newest search), keeps the polls, shows the banner.

import { Poll } from "./api.js";
import { byId } from "./dom.js";
import { showSearches } from "./search_list.js";
import { SearchView } from "./search_view.js";
import { showWorkers } from "./workers.js";

const page = { summaries: null, workers: null, chosen: null, front: null, polls: {}, lost: new Map() };
const view = new SearchView();

/* The first poll that reaches the daemon again hurries the others, so that the banner goes at once. */
function reached(name) {
  if (!page.lost.delete(name)) return;
  for (const other of page.lost.keys()) page.polls[other].hurry();
  banner();
}

function link(name) {
  return {
    reached: () => reached(name),
    lost: (sentence, retry_ms) => { page.lost.set(name, { sentence, retry_ms }); banner(); },
    missing: () => {},
  };
}

function banner() {
  const node = byId("banner");
  const lost = [...page.lost.values()][0];
  node.hidden = !lost;
  if (!lost) return;
  const plain = lost.sentence === "Failed to fetch" || lost.sentence.startsWith("NetworkError");
  const cause = plain ? "" : ` (${lost.sentence})`;
  node.textContent = `The daemon does not answer${cause}. What you see is its last word; ` +
    `trying again in ${Math.round(lost.retry_ms / 1000)} s.`;
}

function hashChoice() {
  const found = /^#\/searches\/(\d+)$/.exec(location.hash);
  if (found) return Number(found[1]);
  return page.summaries && page.summaries.length ? page.summaries[0].id : null;
}

function follow() {
  const id = hashChoice();
  if (id !== page.chosen) {
    if (page.polls.front) page.polls.front.stop();
    page.lost.delete("front");
    Object.assign(page, { chosen: id, front: null });
    section(null);
    if (id !== null) page.polls.front = new Poll(`/v1/searches/${id}/front`,
      { ...link("front"), data: takeFront, missing: () => section("missing") }, { wait_s: 20 });
  }
  showSearches(page.summaries || [], page.chosen);
  if (page.workers) showWorkers(page.workers, page.chosen);
  if (page.summaries && page.summaries.length === 0 && page.chosen === null) section("nothing");
}

function section(name) {
  for (const id of ["nothing", "missing", "search"]) byId(id).hidden = id !== name;
}

/* The front's answer is newer than the list's line of the same search, so the line follows it. */
function takeFront(front) {
  page.front = front;
  const summary = summaryOf(front.id);
  if (summary) {
    const shared = ["state", "progress", "confirm", "eta_s", "hypervolume", "sweep_hypervolume"];
    for (const key of shared) summary[key] = front[key];
    showSearches(page.summaries, page.chosen);
  }
  section("search"); // before drawing: charts measure their holders
  view.show(front, summary);
  document.title = `${front.name || `search ${front.id}`} – paretod`;
}

const summaryOf = (id) => (page.summaries || []).find((summary) => summary.id === id) || null;

function takeSearches(answer) {
  page.summaries = answer.searches;
  follow();
  if (page.front) view.showHead(summaryOf(page.front.id));
}

window.addEventListener("hashchange", follow);
page.polls.searches = new Poll("/v1/searches", { ...link("searches"), data: takeSearches }, { pause_ms: 3000, idle_ms: 15000 });
page.polls.workers = new Poll("/v1/workers", { ...link("workers"), data: (answer) => {
  page.workers = answer.workers;
  showWorkers(page.workers, page.chosen);
} }, { pause_ms: 5000, idle_ms: 20000 });
