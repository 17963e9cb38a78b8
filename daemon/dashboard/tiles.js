// The four figures over the charts: trials, hypervolume of both halves (where there is a front), failed trials.

import { el } from "./dom.js";
import * as format from "./format.js";
import { progressBar } from "./search_list.js";
import { gainHolds, sweepScored } from "./sweep.js";

function tile(id, name, value, note, bar = null, title = null) {
  return el("div", { class: "tile", id, title },
    el("p", { class: "tile-name" }, name),
    el("p", { class: "tile-value" }, value),
    bar,
    el("p", { class: "tile-note muted" }, note || "\u00a0"));
}

/* What a hypervolume is measured in. */
export function units(front) {
  const own = front.objectives.some((objective) => objective.reference !== null);
  return `ends mapped to 0 and 1, reference ${own ? "as the search gives it" : format.number(-0.1, 1)}`;
}

/* A hypervolume beside the sweep's own: the gain over model averaging, green when it holds. */
function volume(id, name, front, half, unknown) {
  const volumes = half === "heldout" ? front.heldout : front;
  if (!volumes || volumes.hypervolume === null || volumes.sweep_hypervolume === null)
    return tile(id, name, format.number(volumes ? volumes.hypervolume : null), unknown, null, units(front));
  const gain = volumes.hypervolume - volumes.sweep_hypervolume;
  const scored = sweepScored(front, half);
  const note = scored < front.sweep_total ? `sweep incomplete: ${scored} of ${front.sweep_total}`
    : [`averaging ${format.number(volumes.sweep_hypervolume, 4)}, `,
       el("span", { class: gainHolds(front) ? "good" : "" }, format.signed(gain, 4))];
  return tile(id, name, format.number(volumes.hypervolume, 4), note, null, units(front));
}

function atWork({ progress, confirm, eta_s, state }) {
  const timed = eta_s !== null && ["running", "confirming"].includes(state);
  return [
    progress.running ? `${progress.running} running` : null,
    progress.stopped ? `${progress.stopped} stopped early` : null,
    state === "confirming" ? `held-out ${confirm.done} of ${confirm.total}` : null,
    timed ? `about ${format.duration(eta_s)} left` : null,
  ].filter(Boolean).join(", ");
}

export function tiles(front) {
  const { done, total, failed } = front.progress;
  const again = front.confirm.failed;
  const open = format.isOpen(front);
  const unknown = front.objectives.length > 3 ? "for up to three objectives"
    : open ? "known after both endpoints" : "an endpoint has no scores";
  const unscored = open ? "scored at the end, where asked for"
    : front.confirm.total ? "an endpoint has no scores" : "no held-out round";
  return [
    tile("tile-progress", "Trials", [String(done), el("small", {}, ` of ${total}`)], atWork(front), progressBar(front)),
    ...(front.note ? [] : [
      volume("tile-hypervolume", "Hypervolume", front, "search", unknown),
      volume("tile-heldout", "Hypervolume, held-out", front, "heldout", unscored)]),
    tile("tile-failed", "Failed trials", el("span", { class: failed ? "bad" : "" }, String(failed)),
      [failed ? "out of attempts" : null, again ? format.count(again, "held-out half", "held-out halves") : null]
        .filter(Boolean).join(", ") || "none"),
  ];
}
