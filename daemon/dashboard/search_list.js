// The list of searches: one link a search, with its state, strategy, progress and hypervolume.

import { byId, el } from "./dom.js";
import * as format from "./format.js";

/* The bar of done, stopped, running and failed trials. In the confirming state it is the held-out half's. */
export function progressBar(summary) {
  const confirming = summary.state === "confirming" && summary.confirm.total > 0;
  const { total, done, failed } = confirming ? summary.confirm : summary.progress;
  const { running, stopped } = confirming ? { running: 0, stopped: 0 } : summary.progress;
  const part = (name, n) => {
    const node = el("span", { class: `part ${name}` });
    node.style.width = `${total ? (100 * n) / total : 0}%`;
    return node;
  };
  return el("div", {
    class: "progress", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": total, "aria-valuenow": done + failed + stopped,
    "aria-label": `${done} of ${total} ${confirming ? "held-out scorings" : "trials"} done`,
  }, part("done", done), part("stopped", stopped), part("failed", failed), part("running", running));
}

export function stateText(summary) {
  return summary.state === "confirming" ? "scoring held-out" : summary.state;
}

function row(summary, chosen) {
  const { total, done } = summary.progress;
  const left = summary.state === "running" && summary.eta_s !== null ? `, ${format.duration(summary.eta_s)} left` : "";
  const volume = summary.hypervolume === null ? "" : `hv ${format.number(summary.hypervolume)}`;
  return el("li", { "data-search": summary.id },
    el("a", { href: `#/searches/${summary.id}`, "aria-current": summary.id === chosen ? "page" : null },
      el("span", { class: "row-name" }, el("span", { class: "row-number" }, `#${summary.id}`), " ", summary.name),
      el("span", { class: `chip ${summary.state}` }, stateText(summary)),
      progressBar(summary),
      el("span", { class: "row-facts muted" }, el("span", {}, `${summary.strategy}, ${done} of ${total}${left}`),
        el("span", { title: "hypervolume" }, volume))));
}

/* Scrolls the list alone, so that the page stays where it is. */
function reveal(list, node) {
  const [box, at] = [list.getBoundingClientRect(), node.getBoundingClientRect()];
  if (at.top < box.top) list.scrollTop -= box.top - at.top;
  else if (at.bottom > box.bottom) list.scrollTop += at.bottom - box.bottom;
}

/* Rebuilt in place; keyboard focus stays on the same search. */
export function showSearches(summaries, chosen) {
  const list = byId("searches");
  const before = list.querySelector("[aria-current]");
  const focused = list.contains(document.activeElement) ? document.activeElement.closest("li").dataset.search : null;
  const top = list.scrollTop;
  list.replaceChildren(...summaries.map((summary) => row(summary, chosen)));
  list.scrollTop = top;
  const now = list.querySelector("[aria-current]");
  if (now && (!before || before.getAttribute("href") !== now.getAttribute("href"))) reveal(list, now);
  if (focused !== null) {
    const again = list.querySelector(`li[data-search="${focused}"] a`);
    if (again) again.focus();
  }
}
