// The fleet: which worker is alive and what it is doing.

import { byId, el, table } from "./dom.js";
import * as format from "./format.js";

const ORDER = { busy: 0, idle: 1, lost: 2 };

function leaseText(lease, search) {
  const trial = lease.search === search ? `trial ${lease.trial}` : `search ${lease.search} trial ${lease.trial}`;
  return lease.half === "heldout" ? `${trial} held-out` : trial;
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
      el("td", {}, worker.leases.map((lease) => leaseText(lease, search)).join(", ") || "–"),
      el("td", { class: "figure" }, worker.done),
      el("td", { class: "figure" + (worker.failed ? " bad" : "") }, worker.failed)));
  byId("workers").replaceChildren(rows.length
    ? el("div", { class: "scroll" }, table("Workers", ["worker", "state", "at work on", "done", "failed"], rows))
    : el("p", { class: "muted" }, "No worker has registered. Start one: pareto-worker --daemon URL --slots 1"));
}
