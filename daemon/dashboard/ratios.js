// A ratio vector as one bar a group: empty is the base checkpoint (0), full the tuned one (1).

import { el } from "./dom.js";
import { number } from "./format.js";

/* Where 0 … 1 lies on the bar: wider than the vector's own range only when ratios leave [0, 1]. */
function range(ratios) {
  return [Math.min(0, ...ratios), Math.max(1, ...ratios)];
}

function bar(name, ratio, low, high) {
  const fill = el("span", { class: "ratio-fill" });
  const zero = (0 - low) / (high - low);
  const at = (ratio - low) / (high - low);
  fill.style.left = `${100 * Math.min(zero, at)}%`;
  fill.style.width = `${100 * Math.abs(at - zero)}%`;
  const track = el("span", {
    class: "ratio-track", role: "meter", "aria-label": `ratio of ${name}`,
    "aria-valuemin": low, "aria-valuemax": high, "aria-valuenow": ratio,
  }, fill);
  return el("li", { "data-group": name, "data-ratio": ratio },
    el("span", { class: "ratio-name", title: name }, name), track, el("span", { class: "ratio-value" }, number(ratio)));
}

export function ratioBars(groups, ratios) {
  const [low, high] = range(ratios);
  return el("div", { class: "ratios" + (ratios.length > 10 ? " many" : "") },
    el("ol", { tabindex: ratios.length > 10 ? 0 : null, "aria-label": "Ratios by group" },
      ratios.map((ratio, i) => bar(groups[i] || `group ${i + 1}`, ratio, low, high))),
    el("p", { class: "ratio-scale muted", "aria-hidden": "true" },
      el("span", {}, low < 0 ? number(low, 1) : "0 base"), el("span", {}, high > 1 ? number(high, 1) : "1 tuned")));
}
