// The live front: objective against objective, error bars, the front's steps, the sweep's curve.
// d3 is a classic script (Debian's node-d3), so a global here.

import { axes, corners, placed } from "./points.js";
import { count, isOpen, number, score } from "./format.js";
import { confidenceText, isDoubtful, pickNames } from "./insight.js";
import { anyStrays } from "./ratios.js";
import { sweepRuns } from "./sweep.js";

const MARGIN = { top: 18, right: 52, bottom: 46, left: 62 }; // left: at least
const SWEEP_MARK = d3.symbol().type(d3.symbolDiamond).size(50)();
const calm = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

/* Where the name of an end may stand, from its mark: dx, dy of the text's start on its base line (w: its width). */
const PLACES = [() => [9, 17], () => [9, -9], (w) => [-9 - w, -9], (w) => [-9 - w, 17], () => [12, 4], (w) => [-12 - w, 4]];

function extent(points, side) {
  const low = d3.min(points, (p) => p[side].mean - (p.role === "dominated" ? 0 : p[side].stderr || 0));
  const high = d3.max(points, (p) => p[side].mean + (p.role === "dominated" ? 0 : p[side].stderr || 0));
  const pad = (high - low || Math.abs(high) || 1) * 0.06;
  return [low - pad, high + pad];
}

/* Pixels of the longest of about n tick labels, in digits of 12 px. */
function labelWidth(scale, n) {
  return Math.ceil(7.6 * (d3.max(scale.ticks(n).map(scale.tickFormat(n)), (text) => text.length) || 0));
}

/* room: pixels; a letter takes about seven. What is cut is the name, never the sense. */
function axisTitle(axis, arrows, room) {
  const letters = Math.max(8, Math.floor(room / 7) - 24);
  const name = axis.label.length > letters ? `${axis.label.slice(0, letters - 1)}…` : axis.label;
  if (!axis.goal) return name;
  return axis.goal === "max" ? `${name}, higher is better ${arrows[1]}` : `${arrows[0]} ${name}, lower is better`;
}

export class FrontChart {
  /* on: {show(point), leave(), keep(point)} */
  constructor(holder, on) {
    this.holder = holder;
    this.on = on;
    this.current = null; // trial that has the keyboard
    this.svg = d3.select(holder).append("svg").attr("role", "group");
    this.plot = this.svg.append("g");
    for (const name of ["grid-y", "grid-x", "axis-x axis", "axis-y axis"]) this.plot.append("g").attr("class", name);
    this.sweep_line = this.plot.append("path").attr("class", "sweep-line").attr("id", "sweep-line");
    this.front_line = this.plot.append("path").attr("class", "front-line").attr("id", "front-line");
    this.ends = this.plot.append("g").attr("class", "ends").attr("aria-hidden", "true");
    this.bars = this.plot.append("g").attr("class", "bars").attr("aria-hidden", "true");
    this.fit = this.plot.append("path").attr("class", "error-bar fit").attr("aria-hidden", "true");
    this.rings = this.plot.append("g").attr("class", "rings").attr("aria-hidden", "true");
    this.marks = this.plot.append("g").attr("class", "marks");
    this.title_x = this.plot.append("text").attr("class", "axis-title").attr("text-anchor", "end");
    this.title_y = this.plot.append("text").attr("class", "axis-title").attr("text-anchor", "end");
    this.empty = this.plot.append("text").attr("class", "chart-empty").attr("text-anchor", "middle");
    new ResizeObserver(() => this.view && this.draw()).observe(holder);
  }

  /* view: {front, points, x: axis number, y: axis number, half, chosen: trial or null} */
  show(view) {
    this.view = view;
    this.draw();
  }

  choose(trial) {
    this.view.chosen = trial;
    this.drawBars();
    this.marks.selectAll("g").classed("chosen", (p) => p.trial === trial);
  }

  draw() {
    const { front, points, half } = this.view;
    const list = axes(front);
    this.x_axis = list[this.view.x];
    this.y_axis = list[this.view.y];
    this.width = Math.max(320, this.holder.clientWidth);
    this.height = Math.max(320, Math.min(470, this.width * 0.66));
    this.inner_h = this.height - MARGIN.top - MARGIN.bottom;
    this.placed = placed(points, this.x_axis, this.y_axis, half);
    this.scale();
    this.svg.attr("viewBox", `0 0 ${this.width} ${this.height}`).attr("width", this.width).attr("height", this.height);
    this.plot.attr("transform", `translate(${this.left},${MARGIN.top})`);
    this.label();
    this.empty.attr("x", this.inner_w / 2).attr("y", this.inner_h / 2)
      .text(this.placed.length ? "" : this.nothing());
    this.drawAxes();
    this.drawLines();
    this.drawEnds();
    this.drawBars();
    this.drawMarks();
  }

  nothing() {
    const open = isOpen(this.view.front);
    if (this.view.half === "heldout") return open ? "No held-out scores yet" : "No held-out scores";
    return open ? "Waiting for the first trial" : "No trial was scored";
  }

  label() {
    const leading = this.placed.filter((p) => p.role === "front").length;
    this.svg.attr("aria-label", `Front: ${this.y_axis.label} against ${this.x_axis.label}, ` +
      `${count(this.placed.length, "trial")}, ${leading} on the front. Arrow keys move between trials.`);
  }

  scale() {
    const [x, y] = this.placed.length ? [extent(this.placed, "x"), extent(this.placed, "y")] : [[0, 1], [0, 1]];
    this.y = d3.scaleLinear().domain(y).range([this.inner_h, 0]);
    const rows = this.rows = Math.max(3, Math.round(this.inner_h / 65));
    this.left = Math.max(MARGIN.left, 34 + labelWidth(this.y, rows)); // the axis title and a gap
    this.inner_w = this.width - this.left - MARGIN.right;
    this.x = d3.scaleLinear().domain(x).range([0, this.inner_w]);
  }

  drawAxes() {
    const rows = this.rows;
    const columns = Math.max(3, Math.round(this.inner_w / 100));
    const none = this.placed.length === 0;
    const put = (name, axis, down) => this.plot.select(name).style("display", none ? "none" : null)
      .attr("transform", down ? `translate(0,${this.inner_h})` : null).call(axis);
    put(".grid-x", d3.axisBottom(this.x).ticks(columns).tickSize(-this.inner_h).tickFormat(""), true);
    put(".grid-y", d3.axisLeft(this.y).ticks(rows).tickSize(-this.inner_w).tickFormat(""), false);
    put(".axis-x", d3.axisBottom(this.x).ticks(columns).tickSize(0).tickPadding(8).tickFormat(this.sparse(columns)), true);
    put(".axis-y", d3.axisLeft(this.y).ticks(rows).tickSize(0).tickPadding(8), false);
    this.title_x.attr("x", this.inner_w).attr("y", this.inner_h + 40).text(axisTitle(this.x_axis, ["←", "→"], this.inner_w + this.left));
    this.title_y.attr("transform", "rotate(-90)").attr("x", 0).attr("y", -this.left + 14)
      .text(axisTitle(this.y_axis, ["←", "→"], this.inner_h + MARGIN.bottom));
  }

  /* Labels of the x axis, so few that they stand apart. */
  sparse(columns) {
    const format = this.x.tickFormat(columns);
    const every = Math.ceil((labelWidth(this.x, columns) + 12) * this.x.ticks(columns).length / this.inner_w);
    return (tick, i) => (i % every ? "" : format(tick));
  }

  /* The steps bound what the front dominates: between two corners the worse y of the two holds on the worse side of
   * the better x, hence before for a maximised x and after for a minimised one. */
  drawLines() {
    const steps = this.x_axis.goal === "min" ? d3.curveStepAfter : d3.curveStepBefore;
    const line = d3.line().x((p) => this.x(p.x.mean)).y((p) => this.y(p.y.mean));
    const sweep = this.placed.filter((p) => p.kind === "sweep").sort((a, b) => a.mean_ratio - b.mean_ratio);
    const runs = sweepRuns(this.view.front, sweep).filter((run) => run.length > 1);
    this.sweep_line.attr("d", runs.map(line).join("") || null);
    const leading = corners(this.placed, this.x_axis, this.y_axis);
    this.leading = new Set(leading.map((p) => p.trial));
    this.front_line.attr("d", line.curve(steps)(leading));
  }

  drawEnds() {
    const all = (p, ratio) => p.ratios.every((r) => r === ratio); // frozen and bounded groups may keep the sweep from it
    const ends = this.placed.filter((p) => p.kind === "sweep" && (all(p, 0) || all(p, 1)));
    const ink = this.ink();
    const picks = pickNames(this.view.front);
    const picked = this.placed.filter((p) => picks.has(p.trial));
    this.rings.selectAll("circle").data(picked, (p) => p.trial).join("circle").attr("class", "pick-ring").attr("r", 8.5)
      .attr("data-pick", (p) => picks.get(p.trial)).attr("cx", (p) => this.x(p.x.mean)).attr("cy", (p) => this.y(p.y.mean));
    const words = [...ends.map((p) => ({ p, text: all(p, 0) ? "base" : "tuned", sort: "end" })),
                   ...picked.map((p) => ({ p, text: picks.get(p.trial), sort: "pick" }))];
    this.ends.selectAll("text").data(words, (w) => `${w.sort} ${w.p.trial}`).join("text").text((w) => w.text)
      .attr("class", (w) => w.sort).each((w, i, nodes) => {
        const width = 7 * w.text.length;
        const [x, y] = this.freePlace(w.p, width, ink);
        for (let along = 0; along <= width; along += 6) ink.push({ x: x + along, y: y - 4 }); // the next word keeps off it
        d3.select(nodes[i]).attr("x", x).attr("y", y);
      });
  }

  /* Points of everything a word should not stand on: both lines, every four pixels, and the marks. */
  ink() {
    const lines = [this.front_line, this.sweep_line].map((line) => line.node()).filter((path) => path.getAttribute("d"));
    const along = lines.flatMap((path) => d3.range(0, path.getTotalLength(), 4).map((at) => path.getPointAtLength(at)));
    return [...along, ...this.placed.map((p) => ({ x: this.x(p.x.mean), y: this.y(p.y.mean) }))];
  }

  /* Where a word of this width beside p covers least. */
  freePlace(p, width, ink) {
    const covered = ([x, y]) => {
      const outside = x < 2 || x + width > this.inner_w + MARGIN.right || y < 10 || y > this.inner_h - 3;
      return (outside ? 1000 : 0) +
        ink.filter((at) => at.x > x - 3 && at.x < x + width + 3 && at.y > y - 13 && at.y < y + 5).length;
    };
    const places = PLACES.map((place) => place(width)).map(([dx, dy]) => [this.x(p.x.mean) + dx, this.y(p.y.mean) + dy]);
    return places.reduce((best, place) => (covered(place) < covered(best) ? place : best));
  }

  drawBars() {
    const path = (p) => {
      const [x, y] = [this.x(p.x.mean), this.y(p.y.mean)];
      const [dx, dy] = [Math.abs(this.x(p.x.stderr || 0) - this.x(0)), Math.abs(this.y(p.y.stderr || 0) - this.y(0))];
      return (dx ? `M${x - dx} ${y}H${x + dx}` : "") + (dy ? `M${x} ${y - dy}V${y + dy}` : "");
    };
    const shown = this.placed.filter((p) => p.role !== "dominated" || p.trial === this.view.chosen);
    this.bars.selectAll("path").data(shown, (p) => p.trial).join("path")
      .attr("class", (p) => `error-bar ${p.role}`).attr("d", path);
    this.drawFit();
  }

  /* Of the trial in hand: its posterior, mean and one standard deviation, as a cross with an open centre. */
  drawFit() {
    const list = axes(this.view.front);
    const p = this.view.half === "search" && this.placed.find((q) => q.trial === this.view.chosen);
    const side = (axis) => p.posterior[this.view.front.objectives.findIndex((o) => o.name === axis.label)];
    const known = p && p.posterior && list[this.view.x].goal && list[this.view.y].goal;
    if (!known) {
      this.fit.attr("d", null);
      return;
    }
    const [a, b] = [side(this.x_axis), side(this.y_axis)];
    const [x, y] = [this.x(a.mean), this.y(b.mean)];
    const [dx, dy] = [Math.abs(this.x(a.sd) - this.x(0)), Math.abs(this.y(b.sd) - this.y(0))];
    this.fit.attr("d", `M${x - dx} ${y}H${x + dx}M${x} ${y - dy}V${y + dy}M${x - 3} ${y}A3 3 0 1 1 ${x + 3} ${y}A3 3 0 1 1 ${x - 3} ${y}Z`);
  }

  drawMarks() {
    const enter = (selection) => {
      const g = selection.append("g").attr("role", "img").style("opacity", calm() ? 1 : 0)
        .on("mouseenter", (p) => this.on.show(p)).on("mouseleave", () => this.on.leave())
        .on("focus", (p) => { this.current = p.trial; this.on.show(p); }).on("blur", () => this.on.leave())
        .on("click", (p) => this.on.keep(p)).on("keydown", (p) => this.key(p));
      g.append("circle").attr("class", "hit").attr("r", 10);
      g.append("path").attr("class", "mark");
      g.transition().duration(calm() ? 0 : 400).style("opacity", 1);
      return g;
    };
    const reachable = this.walk();
    const first = reachable.find((p) => p.trial === this.current) || reachable[0];
    const marks = this.marks.selectAll("g").data(this.placed, (p) => p.trial).join(enter)
      .attr("class", (p) => `point ${p.role} ${p.kind === "sweep" ? "kind-sweep" : "kind-free"}`)
      .classed("behind", (p) => p.role === "front" && !this.leading.has(p.trial))
      .classed("doubtful", isDoubtful)
      .classed("chosen", (p) => p.trial === this.view.chosen)
      .attr("data-trial", (p) => p.trial).attr("tabindex", (p) => (p === first ? 0 : -1))
      .attr("aria-label", (p) => this.describe(p))
      .attr("transform", (p) => `translate(${this.x(p.x.mean)},${this.y(p.y.mean)})`);
    marks.select(".mark").attr("d", (p) => (p.kind === "sweep" ? SWEEP_MARK : circle(p.role === "front" ? 4.2 : 3.3)));
    marks.order();
  }

  describe(p) {
    const role = { front: "on the front", sweep: "model averaging", dominated: "dominated" }[p.role];
    return `Trial ${p.trial}, ${role}, ${this.x_axis.label} ${score(p.x)}, ${this.y_axis.label} ${score(p.y)}, ` +
      `ratios ${p.ratios.map((r) => number(r, 2)).join(", ")}${anyStrays(p) ? ", others came out" : ""}` +
      (confidenceText(p) ? `, ${confidenceText(p)}` : "");
  }

  /* The order of the arrow keys: left to right. */
  walk() {
    return [...this.placed].sort((a, b) => a.x.mean - b.x.mean || a.trial - b.trial);
  }

  key(point) {
    const event = d3.event;
    const walk = this.walk();
    const at = walk.findIndex((p) => p.trial === point.trial);
    const to = { ArrowRight: at + 1, ArrowUp: at + 1, ArrowLeft: at - 1, ArrowDown: at - 1,
                 Home: 0, End: walk.length - 1 }[event.key];
    if (event.key === "Enter" || event.key === " ") this.on.keep(point);
    else if (to === undefined) return;
    event.preventDefault();
    const next = walk[to];
    if (!next) return;
    this.marks.selectAll("g").attr("tabindex", (p) => (p.trial === next.trial ? 0 : -1))
      .filter((p) => p.trial === next.trial).node().focus();
  }
}

const circle = (r) => `M${-r} 0A${r} ${r} 0 1 1 ${r} 0A${r} ${r} 0 1 1 ${-r} 0Z`;
