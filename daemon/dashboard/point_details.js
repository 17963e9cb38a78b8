// The panel beside the front: one trial with its ratios and scores, or how to read the chart.

import { byId, el } from "./dom.js";
import * as format from "./format.js";
import { confidenceText, pathText, pickNames } from "./insight.js";
import { anyStrays, ratioBars } from "./ratios.js";

/* What is far below the last digit of the mean need not be read. */
const fitText = ({ mean, sd }) => (sd < 0.001 && Math.abs(mean) >= 0.01 ? `${format.number(mean)} ± <0.001`
  : format.score({ mean, stderr: sd }));

function scoreRows(front, point) {
  const better = (goal) => (goal === "max" ? "higher is better" : "lower is better");
  return front.objectives.map((objective, i) => el("tr", { "data-objective": objective.name },
    el("th", { scope: "row", title: `${objective.metrics.join(", ")}: ${better(objective.goal)}` }, objective.name),
    el("td", { "data-mean": point.scores[i].mean }, format.score(point.scores[i])),
    point.posterior ? el("td", { "data-fit": point.posterior[i].mean }, fitText(point.posterior[i])) : null,
    point.heldout ? el("td", { "data-mean": point.heldout[i].mean }, format.score(point.heldout[i])) : null));
}

export function pointDetails(front, point) {
  const role = point.on_front ? "on the front" : "not on the front";
  const scores = el("table", { class: "scores" },
    el("caption", { class: "hidden" }, "Scores, ± one standard error"),
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "score"), el("th", { scope: "col" }, "search half"),
      point.posterior ? el("th", { scope: "col", title: "what the model takes it to be without its noise" }, "fit") : null,
      point.heldout ? el("th", { scope: "col" }, "held-out") : null)),
    el("tbody", {}, scoreRows(front, point)));
  const pick = pickNames(front).get(point.trial);
  const picked = pick ? `pick: ${pick}` : null;
  const panel = byId("point-details");
  panel.dataset.trial = point.trial;
  panel.replaceChildren(...[
    el("h4", {}, `Trial ${point.trial}`),
    el("p", { class: "muted" }, `${format.kind(point.kind)}, ${role}, mean ratio ${format.number(point.mean_ratio)}`),
    confidenceText(point) ? el("p", { class: "muted", id: "point-confidence" }, confidenceText(point)) : null,
    pathText(point) || picked ? el("p", { class: "muted" }, [picked, pathText(point)].filter(Boolean).join(" · ")) : null,
    anyStrays(point) ? el("p", { class: "badge", role: "note",
      title: "The stored dtype rounds part of the update away. Stochastic rounding or F32 output keep it." },
      "Ratios came out otherwise than asked for") : null,
    ratioBars(front.groups, point),
    scores,
    el("p", { class: "muted" }, "Ship it:"),
    el("pre", { tabindex: 0 }, `paretoctl export ${front.id} ${point.trial} --out DIR`),
  ].filter(Boolean));
}

export function pointHelp() {
  const panel = byId("point-details");
  delete panel.dataset.trial;
  panel.replaceChildren(
    el("h4", {}, "One point, one merged model"),
    el("p", {}, "Point at one, or walk with Tab and the arrow keys, to see its ratios and scores. A click keeps it."),
    el("p", {}, "A ratio is the weight of the tuned checkpoint in a group of layers: 0 is base, 1 is tuned."),
    el("p", {}, "The steps bound what the front reaches. Where they pass beyond the model averaging curve, " +
      "unequal ratios pay."));
}
