// The chosen search: head, tiles, both charts, failed trials and the table of the front.

import { getJson } from "./api.js";
import { byId, el, table } from "./dom.js";
import * as format from "./format.js";
import { FrontChart } from "./front_chart.js";
import { HypervolumeChart } from "./hypervolume_chart.js";
import { pointDetails, pointHelp } from "./point_details.js";
import { allPoints, axes } from "./points.js";
import { progressBar, stateText } from "./search_list.js";

const FAILED_SHOWN_MAX = 50;

export class SearchView {
  constructor() {
    this.front_chart = new FrontChart(byId("front-chart"), {
      show: (point) => this.pointAt(point.trial),
      leave: () => this.pointAt(null),
      keep: (point) => { this.kept = this.kept === point.trial ? null : point.trial; this.pointAt(point.trial); },
    });
    this.hypervolume_chart = new HypervolumeChart(byId("hypervolume-chart"));
    byId("halves").addEventListener("change", (event) => { this.half = event.target.value; this.draw(); });
    byId("failed").addEventListener("toggle", () => this.loadFailed());
    this.reset();
  }

  reset() {
    Object.assign(this, { front: null, half: "search", kept: null, under: null, axis_x: 0, axis_y: 1 });
    this.failed_known = -1;
    byId("halves").querySelector("[value=search]").checked = true;
    byId("failed").open = false;
    pointHelp();
  }

  /* front: the answer of /front; summary: the search's line in the list, null until the list is there. */
  show(front, summary) {
    if (!this.front || this.front.id !== front.id) this.reset();
    this.front = front;
    this.points = allPoints(front);
    this.showAxes();
    this.showHead(summary);
    const scored = this.points.some((point) => point.heldout);
    const heldout = byId("halves").querySelector("[value=heldout]");
    heldout.disabled = !scored;
    heldout.parentElement.title = scored ? "" : "Scored at the end of the search, for the front and the sweep";
    this.draw();
    this.showFailed();
    this.showTable();
  }

  draw() {
    this.front_chart.show({ front: this.front, points: this.points, x: this.axis_x, y: this.axis_y, half: this.half,
                            chosen: this.under ?? this.kept });
    this.hypervolume_chart.show(this.front);
    byId("front-note").textContent = this.half === "heldout"
      ? "Items that took no part in choosing the points: this is the half to report." : "";
    this.showPoint();
  }

  pointAt(trial) {
    this.under = trial;
    if (trial === null && this.kept === null) return; // the last one stays readable
    this.showPoint();
    this.front_chart.marks.selectAll("g").classed("chosen", (p) => p.trial === (this.under ?? this.kept));
  }

  showPoint() {
    const trial = this.under ?? this.kept ?? Number(byId("point-details").dataset.trial ?? NaN);
    const point = this.points.find((p) => p.trial === trial);
    const text = point && JSON.stringify([this.front.id, point]);
    if (point && text !== this.point_text) pointDetails(this.front, point);
    this.point_text = text;
  }

  showAxes() {
    const list = axes(this.front);
    const holder = byId("axes");
    const text = JSON.stringify(list.map((axis) => axis.label));
    if (text === this.axes_text) return;
    this.axes_text = text;
    if (this.axis_x >= list.length || this.axis_y >= list.length) [this.axis_x, this.axis_y] = [0, 1];
    holder.replaceChildren();
    if (list.length <= 2) return;
    for (const side of ["x", "y"]) {
      const select = el("select", { id: `axis-${side}` }, list.map((axis, i) =>
        el("option", { value: i, selected: i === this[`axis_${side}`] }, axis.label)));
      select.addEventListener("change", () => { this[`axis_${side}`] = Number(select.value); this.draw(); });
      holder.append(el("label", { class: "axis-choice" }, side, select));
    }
  }

  showHead(summary) {
    const front = this.front;
    byId("search-name").textContent = front.name || `search ${front.id}`;
    const chip = byId("search-state");
    chip.className = `chip ${front.state}`;
    chip.textContent = stateText(front);
    const facts = [`search ${front.id}`];
    const lives = ["running", "paused", "confirming"].includes(front.state);
    if (summary) facts.push(`strategy ${summary.strategy}`, `${format.duration(summary.seconds)}${lives ? " so far" : ""}`);
    byId("search-facts").textContent = facts.join(" · ");
    const reason = byId("search-reason");
    reason.hidden = !(summary && summary.reason);
    reason.textContent = summary && summary.reason ? summary.reason : "";
    byId("tiles").replaceChildren(...this.tiles());
  }

  tiles() {
    const { progress, confirm, eta_s, state } = this.front;
    const at_work = [progress.running ? `${progress.running} running` : null,
                     state === "confirming" ? `held-out ${confirm.done} of ${confirm.total}` : null,
                     eta_s !== null && ["running", "confirming"].includes(state) ? `about ${format.duration(eta_s)} left` : null];
    const tile = (id, name, value, note, extra) => el("div", { class: "tile", id },
      el("p", { class: "tile-name" }, name), el("p", { class: "tile-value" }, value), extra || null,
      el("p", { class: "tile-note muted" }, note || "\u00a0"));
    return [
      tile("tile-progress", "Trials", [String(progress.done), el("small", {}, ` of ${progress.total}`)],
        at_work.filter(Boolean).join(", "), progressBar(this.front)),
      this.volumeTile(tile, "tile-hypervolume", "Hypervolume", this.front.hypervolume, this.front.sweep_hypervolume),
      this.front.heldout
        ? this.volumeTile(tile, "tile-heldout", "Hypervolume, held-out", this.front.heldout.hypervolume, this.front.heldout.sweep_hypervolume)
        : tile("tile-heldout", "Hypervolume, held-out", "–", "scored when the search ends"),
      tile("tile-failed", "Failed trials", el("span", { class: progress.failed ? "bad" : "" }, String(progress.failed)),
        progress.failed ? "out of attempts" : "none"),
    ];
  }

  volumeTile(tile, id, name, volume, sweep) {
    if (volume === null || sweep === null) return tile(id, name, format.number(volume), "known after both endpoints");
    const gain = volume - sweep;
    return tile(id, name, format.number(volume, 4),
      [`averaging ${format.number(sweep, 4)}, `, el("span", { class: gain > 0 ? "good" : "" }, format.signed(gain, 4))]);
  }

  showFailed() {
    const n = this.front.progress.failed + this.front.confirm.failed;
    byId("failed").hidden = n === 0;
    byId("failed").querySelector("summary").textContent = `${format.count(n, "failed trial")}, with reasons`;
    this.loadFailed();
  }

  /* Only when somebody opened the list, and only when there are others than last time. */
  async loadFailed() {
    const n = this.front ? this.front.progress.failed + this.front.confirm.failed : 0;
    if (!byId("failed").open || n === this.failed_known) return;
    const id = this.front.id;
    this.failed_known = n;
    try {
      const rows = [];
      for (let after = null; rows.length < FAILED_SHOWN_MAX;) {
        const page = await getJson(`/v1/searches/${id}/trials?limit=500` + (after === null ? "" : `&after=${after}`));
        rows.push(...page.trials.filter((trial) => trial.reason && trial.state === "quarantined"));
        if (page.next === null) break;
        after = page.next;
      }
      if (this.front.id === id) this.fillFailed(rows.slice(0, FAILED_SHOWN_MAX));
    } catch {
      this.failed_known = -1; // the banner speaks for the lost daemon; the next change asks again
    }
  }

  fillFailed(trials) {
    byId("failed").querySelector(".scroll").replaceChildren(table("Failed trials", ["trial", "attempts", "worker", "reason"],
      trials.map((trial) => el("tr", { "data-trial": trial.number }, el("th", { scope: "row" }, trial.number),
        el("td", { class: "figure" }, trial.attempts), el("td", {}, trial.worker || "–"), el("td", {}, trial.reason)))));
  }

  showTable() {
    const { objectives, groups, points } = this.front;
    const heldout = points.some((point) => point.heldout);
    const heads = ["trial", "kind", ...groups, ...objectives.map((o) => o.name), ...(heldout ? objectives.map((o) => `${o.name}, held-out`) : [])];
    const cell = (text) => el("td", { class: "figure" }, text);
    const rows = points.map((point) => el("tr", { "data-trial": point.trial }, el("th", { scope: "row" }, point.trial),
      el("td", {}, format.kind(point.kind)), point.ratios.map((ratio) => cell(format.number(ratio))),
      point.scores.map((s) => cell(format.score(s))),
      heldout ? objectives.map((_, i) => cell(point.heldout ? format.score(point.heldout[i]) : "–")) : null));
    const csv = el("p", { class: "note" }, el("a", { href: `/v1/searches/${this.front.id}/trials.csv`, download: `search-${this.front.id}.csv` }, "All trials as CSV"));
    byId("table").querySelector(".scroll").replaceChildren(table("The front", heads, rows), csv);
  }
}
