// The fleet: which worker is alive and what it is doing.

import { byId, el, table } from "./dom.js";
import * as format from "./format.js";

const ORDER = { busy: 0, idle: 1, lost: 2 };

/* "trials 41, 42" of the search on the page, "search 5: trial 7" of another one. */
function atWork(leases, search) {
  const bySearch = new Map();
  for (const lease of leases) {
    const trial = lease.half === "heldout" ? `${lease.trial} (held-out)` : String(lease.trial);
    bySearch.set(lease.search, [...(bySearch.get(lease.search) || []), trial]);
  }
  return [...bySearch].map(([id, trials]) =>
    `${id === search ? "" : `search ${id}: `}${trials.length === 1 ? "trial" : "trials"} ${trials.join(", ")}`).join("; ");
}

/* Why the worker does nothing for the search on the page; null when it would. */
function refusal(worker, search) {
  const found = (worker.refused || []).find((refused) => refused.search === search);
  return found ? el("span", { class: "astray", title: found.reason }, "refuses this search") : null;
}

export function showWorkers(workers, search) {
  const alive = workers.filter((worker) => worker.state !== "lost");
  const slots = alive.reduce((sum, worker) => sum + worker.slots, 0);
  byId("fleet").textContent = alive.length
    ? `${format.count(alive.length, "worker")}, ${format.count(slots, "slot")}` : "no workers";
  const rows = [...workers].sort((a, b) => ORDER[a.state] - ORDER[b.state]).map((worker) =>
    el("tr", { class: worker.state, "data-worker": worker.worker },
      el("th", { scope: "row" }, worker.name),
      el("td", {}, el("span", { class: `dot ${worker.state}` }),
        worker.state === "lost" ? `lost, seen ${format.duration(worker.last_seen_s)} ago` : worker.state),
      el("td", {}, atWork(worker.leases, search) || refusal(worker, search) || "–"),
      el("td", { class: "figure" }, worker.done),
      el("td", { class: "figure" + (worker.failed ? " bad" : "") }, worker.failed)));
  byId("workers").replaceChildren(rows.length
    ? el("div", { class: "scroll" }, table("Workers", ["worker", "state", "at work on", "done", "failed"], rows))
    : el("p", { class: "muted" }, "No worker has registered. Start one: pareto-worker --daemon URL --slots 1"));
}
