// What the sweep tells and what it cannot: how much of it is scored, where it has holes, whether its ends differ.

/* Points of the sweep that have scores in this half. */
export function sweepScored(front, half) {
  return front.sweep.filter((point) => (half === "heldout" ? point.heldout : point.scores)).length;
}

/* One step of the grid, in mean ratio: known when both ends are, else taken from the nearest two neighbours. */
function gridStep(front) {
  const ratios = front.sweep.map((point) => point.mean_ratio);
  if (ratios.length < 2) return Infinity;
  if (front.hypervolume !== null) return (ratios[ratios.length - 1] - ratios[0]) / (front.sweep_total - 1);
  return Math.min(...ratios.slice(1).map((ratio, i) => ratio - ratios[i]));
}

/* Points of the sweep (by ratio) as runs of neighbours on the grid: a line over a hole would claim what nobody scored. */
export function sweepRuns(front, points) {
  const step = gridStep(front);
  const runs = [];
  let before = null;
  for (const point of points) {
    if (before && point.mean_ratio - before.mean_ratio < 1.5 * step) runs[runs.length - 1].push(point);
    else runs.push([point]);
    before = point;
  }
  return runs;
}

const gains = (volumes) => Boolean(volumes) && volumes.hypervolume !== null && volumes.sweep_hypervolume !== null &&
  volumes.hypervolume > volumes.sweep_hypervolume;

/* Whether the gain over model averaging holds: in both halves, against a whole sweep. The search half alone chose the
 * points, so what it says of them is too good. */
export function gainHolds(front) {
  const whole = (half) => sweepScored(front, half) === front.sweep_total;
  return gains(front) && gains(front.heldout) && whole("search") && whole("heldout");
}

/* Objectives in which the two ends of the sweep differ by less than two standard errors of their difference, or not at
 * all: [{name, difference}]. The hypervolume is read against these ends. */
export function closeEnds(front) {
  if (front.hypervolume === null || front.sweep.length < 2) return [];
  const [low, high] = [front.sweep[0], front.sweep[front.sweep.length - 1]];
  return front.objectives
    .map(({ name }, i) => ({ name, difference: Math.abs(high.scores[i].mean - low.scores[i].mean),
                             error: Math.hypot(low.scores[i].stderr ?? NaN, high.scores[i].stderr ?? NaN) }))
    .filter(({ difference, error }) => difference === 0 || difference < 2 * error);
}
