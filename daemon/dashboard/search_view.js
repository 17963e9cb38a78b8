// The chosen search: head, tiles, both charts, failed trials and the table of the front.

import { byId, el } from "./dom.js";
import { FailedTrials } from "./failed_trials.js";
import * as format from "./format.js";
import { FrontChart } from "./front_chart.js";
import { HypervolumeChart } from "./hypervolume_chart.js";
import { isDoubtful, pickNames, volumeText } from "./insight.js";
import { pointDetails, pointHelp } from "./point_details.js";
import { allPoints, axes } from "./points.js";
import { stateText } from "./search_list.js";
import { showFrontTable } from "./front_table.js";
import { closeEnds } from "./sweep.js";
import { tiles, units } from "./tiles.js";

export class SearchView {
  constructor() {
    this.front_chart = new FrontChart(byId("front-chart"), {
      show: (point) => this.pointAt(point.trial),
      leave: () => this.pointAt(null),
      keep: (point) => { this.kept = this.kept === point.trial ? null : point.trial; this.pointAt(point.trial); },
    });
    this.hypervolume_chart = new HypervolumeChart(byId("hypervolume-chart"));
    byId("halves").addEventListener("change", (event) => { this.half = event.target.value; this.draw(); });
    this.failed = new FailedTrials();
    this.reset();
  }

  reset() {
    Object.assign(this, { front: null, half: "search", kept: null, shown: null, axis_x: 0, axis_y: 1 });
    this.axes_text = this.point_text = this.warnings_text = null;
    this.failed.reset();
    byId("halves").querySelector("[value=search]").checked = true;
    pointHelp();
  }

  /* front: the answer of /front; summary: the search's line in the list, null until the list is there. */
  show(front, summary) {
    if (!this.front || this.front.id !== front.id) this.reset();
    this.front = front;
    this.points = allPoints(front);
    this.showAxes();
    this.showHead(summary);
    this.showNote();
    const scored = this.points.some((point) => point.heldout);
    const heldout = byId("halves").querySelector("[value=heldout]");
    heldout.disabled = !scored;
    heldout.parentElement.title = scored ? "" : "Scored at the end of the search, for the front and the sweep";
    this.draw();
    this.failed.show(front);
    showFrontTable(front);
  }

  /* A search without a front has its sentence instead of charts that would stay empty. */
  showNote() {
    const { id, note } = this.front;
    for (const card of ["front-card", "hypervolume-card", "table"]) byId(card).hidden = Boolean(note);
    const node = byId("no-front");
    node.hidden = !note;
    node.replaceChildren(...(note ? [`${note[0].toUpperCase()}${note.slice(1)}. `,
      el("a", { href: `/v1/searches/${id}/trials.csv`, download: `search-${id}.csv` }, "All trials as CSV")] : []));
  }

  draw() {
    if (this.front.note) return;
    this.front_chart.show({ front: this.front, points: this.points, x: this.axis_x, y: this.axis_y,
                            half: this.half, chosen: this.shown });
    this.hypervolume_chart.show(this.front);
    byId("front-note").textContent = this.half === "heldout"
      ? "Items that took no part in choosing the points: this is the half to report." : "";
    this.showPoint();
  }

  /* The trial under the pointer or the keyboard; null: the one that is kept, else the last one stays readable. */
  pointAt(trial) {
    this.shown = trial ?? this.kept ?? this.shown;
    this.showPoint();
    this.front_chart.choose(this.shown);
  }

  showPoint() {
    const point = this.points.find((p) => p.trial === this.shown);
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
    const so_far = format.isOpen(front) ? " so far" : "";
    if (summary) facts.push(`strategy ${summary.strategy}`, format.duration(summary.seconds) + so_far);
    byId("search-facts").textContent = facts.join(" · ");
    const reason = byId("search-reason");
    reason.hidden = !(summary && summary.reason);
    reason.textContent = summary && summary.reason ? summary.reason : "";
    this.showWarnings(summary ? summary.warnings || [] : []);
    byId("tiles").replaceChildren(...tiles(this.front));
    byId("hypervolume-units").textContent = [`search half, by trials done; ${units(this.front)}`, volumeText(front)]
      .filter(Boolean).join("; ");
    byId("legend-doubtful").hidden = !this.points.some(isDoubtful);
    byId("legend-picks").hidden = pickNames(front).size === 0;
    this.showEnds();
  }

  /* What stands in the way now in full; what the preflight found folded, when it is more than a line or two. Left
   * alone while it is the same, so that what somebody opened stays open. */
  showWarnings(warnings) {
    const text = JSON.stringify(warnings);
    if (text === this.warnings_text) return;
    this.warnings_text = text;
    const list = (items) => el("ul", {}, items.map(({ field, text }) =>
      el("li", { "data-field": field }, el("span", { class: "badge" }, field), ` ${text}`)));
    const now = warnings.filter(({ field }) => field === "workers");
    const found = warnings.filter(({ field }) => field !== "workers");
    const holder = byId("search-warnings");
    holder.hidden = warnings.length === 0;
    holder.replaceChildren(list(now), found.length > 2
      ? el("details", {}, el("summary", {}, `${found.length} warnings of the preflight`), list(found)) : list(found));
  }

  showEnds() {
    const note = byId("ends-note");
    const close = closeEnds(this.front);
    note.hidden = close.length === 0;
    note.textContent = close.map(({ name, difference }) => `${name}: the ends differ by ${format.number(difference)}, ` +
      "within 2 standard errors: hypervolume mostly measures noise").join(". ");
  }
}
