// The list of trials that were given up, with the reason of each. Asked for only when somebody opens it.

import { getJson } from "./api.js";
import { byId, el, table } from "./dom.js";
import * as format from "./format.js";

const SHOWN_MAX = 50;

/* unscored: trials that are done and have no held-out scores, when some held-out half ran out of attempts. */
async function load(search, unscored) {
  const failed = (trial) => trial.state === "quarantined" || (trial.reason && unscored.has(trial.number));
  const found = [];
  for (let after = null; found.length < SHOWN_MAX;) {
    const more = after === null ? "" : `&after=${after}`;
    const page = await getJson(`/v1/searches/${search}/trials?limit=500${more}`);
    found.push(...page.trials.filter(failed));
    if (page.next === null) break;
    after = page.next;
  }
  return found.slice(0, SHOWN_MAX);
}

function row(trial) {
  return el("tr", { "data-trial": trial.number }, el("th", { scope: "row" }, trial.number),
    el("td", {}, trial.state === "done" ? "held-out half failed" : trial.state), el("td", { class: "figure" }, trial.attempts),
    el("td", {}, trial.worker || "–"), el("td", {}, trial.reason));
}

export class FailedTrials {
  constructor() {
    this.node = byId("failed");
    this.node.addEventListener("toggle", () => this.fill());
  }

  reset() {
    Object.assign(this, { search: null, n: 0, shown_n: -1 });
    this.node.open = false;
  }

  show(front) {
    this.search = front.id;
    this.n = front.progress.failed + front.confirm.failed;
    const asked = front.confirm.failed ? [...front.points, ...front.sweep] : [];
    this.unscored = new Set(asked.filter((point) => !point.heldout).map((point) => point.trial));
    this.node.hidden = this.n === 0;
    this.node.querySelector("summary").textContent = `${format.count(this.n, "failed trial")}, with reasons`;
    this.fill();
  }

  async fill() {
    if (!this.node.open || this.n === 0 || this.n === this.shown_n) return;
    const search = this.search;
    this.shown_n = this.n;
    try {
      const trials = await load(search, this.unscored);
      if (search !== this.search) return;
      this.node.querySelector(".scroll").replaceChildren(
        table("Failed trials", ["trial", "state", "attempts", "worker", "last reason"], trials.map(row)));
    } catch {
      this.shown_n = -1; // the banner speaks for a lost daemon; the next change asks again
    }
  }
}
