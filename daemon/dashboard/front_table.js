// The front as a table: for reading exact figures, and for people who do not see the chart.

import { byId, el, table } from "./dom.js";
import * as format from "./format.js";
import { strays } from "./ratios.js";

const cell = (text) => el("td", { class: "figure" }, text);

/* "0.400 → 0.006" where another ratio came out than was asked for. */
function ratioCell(point, i) {
  const asked = format.number(point.ratios[i]);
  if (!strays(point, i)) return cell(asked);
  return el("td", { class: "figure astray", title: "asked for → came out" }, `${asked} → ${format.number(point.effective[i])}`);
}

function row(point, objectives, heldout) {
  return el("tr", { "data-trial": point.trial },
    el("th", { scope: "row" }, point.trial),
    el("td", {}, format.kind(point.kind)),
    point.ratios.map((_, i) => ratioCell(point, i)),
    point.scores.map((score) => cell(format.score(score))),
    heldout ? objectives.map((_, i) => cell(point.heldout ? format.score(point.heldout[i]) : "–")) : null);
}

export function showFrontTable({ id, objectives, groups, points }) {
  const heldout = points.some((point) => point.heldout);
  const names = objectives.map((objective) => objective.name);
  const heads = ["trial", "kind", ...groups, ...names, ...(heldout ? names.map((name) => `${name}, held-out`) : [])];
  const csv = el("a", { href: `/v1/searches/${id}/trials.csv`, download: `search-${id}.csv` }, "All trials as CSV");
  byId("table").querySelector(".scroll").replaceChildren(
    table("The front", heads, points.map((point) => row(point, objectives, heldout))),
    el("p", { class: "note" }, csv));
}
