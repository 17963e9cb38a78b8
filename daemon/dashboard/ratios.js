// A ratio vector as one bar a group: empty is the base checkpoint (0), full the tuned one (1). Where another ratio came
// out than was asked for, a tick on the bar and a word under it say which.

import { el } from "./dom.js";
import { number } from "./format.js";

const APART = 0.02; // as the daemon warns

/* Whether group i came out otherwise than asked for. Unknown, or without an update, it did not. */
export function strays(point, i) {
  const came_out = point.effective ? point.effective[i] : null;
  return came_out !== null && came_out !== undefined && Math.abs(came_out - point.ratios[i]) > APART;
}

export const anyStrays = (point) => point.ratios.some((_, i) => strays(point, i));

/* Where 0 … 1 lies on the bar: wider than the vector's own range only when ratios leave [0, 1]. */
function range(values) {
  return [Math.min(0, ...values), Math.max(1, ...values)];
}

function tick(at) {
  const mark = el("span", { class: "ratio-tick" });
  mark.style.left = `${100 * at}%`;
  return mark;
}

function bar(name, ratio, came_out, astray, low, high) {
  const place = (x) => (x - low) / (high - low);
  const fill = el("span", { class: "ratio-fill" });
  fill.style.left = `${100 * Math.min(place(0), place(ratio))}%`;
  fill.style.width = `${100 * Math.abs(place(ratio) - place(0))}%`;
  const track = el("span", {
    class: "ratio-track", role: "meter", "aria-label": `ratio of ${name}`,
    "aria-valuemin": low, "aria-valuemax": high, "aria-valuenow": ratio,
  }, fill, astray ? tick(place(came_out)) : null);
  const known = came_out !== null && came_out !== undefined;
  return el("li", { "data-group": name, "data-ratio": ratio, "data-effective": known ? came_out : null,
                    title: known ? `asked for ${ratio}, came out ${came_out}` : null },
    el("span", { class: "ratio-name", title: name }, name), track, el("span", { class: "ratio-value" }, number(ratio)),
    astray ? el("span", { class: "ratio-astray" }, `came out ${number(came_out)}`) : null);
}

export function ratioBars(groups, point) {
  const { ratios, effective } = point;
  const [low, high] = range([...ratios, ...ratios.map((ratio, i) => (strays(point, i) ? effective[i] : ratio))]);
  return el("div", { class: "ratios" + (ratios.length > 10 ? " many" : "") },
    el("ol", { tabindex: ratios.length > 10 ? 0 : null, "aria-label": "Ratios by group" },
      ratios.map((ratio, i) => bar(groups[i] || `group ${i + 1}`, ratio, effective ? effective[i] : null,
                                   strays(point, i), low, high))),
    el("p", { class: "ratio-scale muted", "aria-hidden": "true" },
      el("span", {}, low < 0 ? number(low, 1) : "0 base"), el("span", {}, high > 1 ? number(high, 1) : "1 tuned")));
}
