// Hypervolume by trials done, with the sweep's own as the line to beat.

import { isOpen, number } from "./format.js";
import { modelVolume } from "./insight.js";

const MARGIN = { top: 16, right: 84, bottom: 34, left: 52 };

/* [low, high] of the y axis. The first trials start far below, so the axis shows the stretch around the sweep's value,
 * at least a fiftieth of it, and the line enters from beneath. */
function domain(history, sweep, model) {
  const values = [...history.map((entry) => entry[1]), ...(model ? [model.low, model.high] : [])];
  const high = Math.max(...values, sweep ?? -Infinity);
  const lowest = Math.min(...values, sweep ?? Infinity);
  if (sweep === null || sweep === undefined) return [lowest, high];
  const stretch = Math.max(high - sweep, 0.02 * Math.abs(sweep));
  return [Math.max(lowest, Math.min(sweep - 2.5 * stretch, model ? model.low : Infinity)), high];
}

/* Two labels at the right end, moved apart when they would overlap. */
function apart(a, b, least = 15) {
  if (b === null || Math.abs(a - b) >= least) return [a, b];
  const middle = (a + b) / 2;
  return a <= b ? [middle - least / 2, middle + least / 2] : [middle + least / 2, middle - least / 2];
}

export class HypervolumeChart {
  constructor(holder) {
    this.holder = holder;
    this.svg = d3.select(holder).append("svg").attr("role", "img");
    this.clip = this.svg.append("defs").append("clipPath").attr("id", "hypervolume-clip").append("rect");
    this.plot = this.svg.append("g").attr("transform", `translate(${MARGIN.left},${MARGIN.top})`);
    for (const name of ["grid-y", "axis-x axis", "axis-y axis"]) this.plot.append("g").attr("class", name);
    const drawn = this.plot.append("g").attr("clip-path", "url(#hypervolume-clip)");
    this.sweep = drawn.append("path").attr("class", "sweep-line reference").attr("id", "hypervolume-sweep");
    this.line = drawn.append("path").attr("class", "front-line").attr("id", "hypervolume-line");
    this.band = this.plot.append("path").attr("class", "model-band").attr("id", "hypervolume-band");
    this.dot = this.plot.append("circle").attr("class", "mark-front").attr("r", 4);
    this.label = this.plot.append("text").attr("class", "end-label front");
    this.sweep_label = this.plot.append("text").attr("class", "end-label sweep");
    this.empty = this.plot.append("text").attr("class", "chart-empty").attr("text-anchor", "middle");
    new ResizeObserver(() => this.front && this.draw()).observe(holder);
  }

  show(front) {
    this.front = front;
    this.draw();
  }

  draw() {
    const sweep = this.front.sweep_hypervolume;
    const history = this.front.hypervolume_history.filter((entry) => entry[1] !== null);
    const width = Math.max(280, this.holder.clientWidth);
    const height = 230;
    const [w, h] = [width - MARGIN.left - MARGIN.right, height - MARGIN.top - MARGIN.bottom];
    this.svg.attr("viewBox", `0 0 ${width} ${height}`).attr("width", width).attr("height", height);
    const none = history.length === 0;
    this.plot.selectAll("g,path,circle,.end-label").style("display", none ? "none" : null);
    this.empty.attr("x", w / 2).attr("y", h / 2).text(none ? this.unknown() : "");
    this.svg.attr("aria-label", none ? `Hypervolume: ${this.unknown()}`
      : `Hypervolume after ${history[history.length - 1][0]} trials: ${number(history[history.length - 1][1])}, ` +
        `model averaging alone: ${number(sweep)}`);
    if (!none) this.drawHistory(history, sweep, w, h);
  }

  unknown() {
    if (this.front.objectives.length > 3) return "For up to three objectives";
    return isOpen(this.front) ? "Known when both endpoints are scored" : "Not known: an endpoint has no scores";
  }

  drawHistory(history, sweep, w, h) {
    const last = history[history.length - 1];
    const model = modelVolume(this.front);
    const [low, high] = domain(history, sweep, model);
    const pad = (high - low || 0.1) * 0.08;
    const total = Math.max(this.front.progress.total, last[0]);
    const x = d3.scaleLinear().domain([0, total]).range([0, w]);
    const y = d3.scaleLinear().domain([low - pad, high + pad]).range([h, 0]);
    this.clip.attr("x", 0).attr("y", -MARGIN.top).attr("width", w).attr("height", h + MARGIN.top);
    this.plot.select(".grid-y").call(d3.axisLeft(y).ticks(5).tickSize(-w).tickFormat(""));
    this.plot.select(".axis-y").call(d3.axisLeft(y).ticks(5).tickSize(0).tickPadding(8));
    const whole = Math.min(total, Math.max(2, Math.round(w / 70)));
    this.plot.select(".axis-x").attr("transform", `translate(0,${h})`)
      .call(d3.axisBottom(x).ticks(whole, "d").tickSize(0).tickPadding(8));
    const line = d3.line().x((e) => x(e[0])).y((e) => y(e[1])).curve(d3.curveStepAfter);
    this.line.attr("d", line(history));
    this.sweep.attr("d", sweep === null ? null : `M0 ${y(sweep)}H${w}`);
    const at_x = x(last[0]);
    this.band.attr("d", model ? `M${at_x - 5} ${y(model.low)}H${at_x + 5}V${y(model.high)}H${at_x - 5}Z` +
      `M${at_x - 5} ${y(model.value)}H${at_x + 5}` : null);
    this.dot.attr("cx", x(last[0])).attr("cy", y(last[1]));
    const [at, sweep_at] = apart(y(last[1]), sweep === null ? null : y(sweep));
    this.label.attr("x", x(last[0]) + 10).attr("y", at + 4).text(number(last[1], 4));
    this.sweep_label.attr("x", w + 10).attr("y", sweep === null ? 0 : sweep_at + 4)
      .text(sweep === null ? "" : `sweep ${number(sweep, 4)}`);
  }
}
