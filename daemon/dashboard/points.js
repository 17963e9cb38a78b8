// The answer of /front as the charts want it: each trial once, with what it looks like and where it stands.

/* Every point of the answer once: {…point, role}, role "front", "sweep" or "dominated", drawn in ascending order of
 * importance. The sweep's points that lead are in `points` and in `sweep`. */
export function allPoints(front) {
  const byTrial = new Map();
  const put = (points, role) => {
    for (const point of points) byTrial.set(point.trial, { ...point, role });
  };
  put(front.dominated, "dominated");
  put(front.sweep, "sweep");
  put(front.points, "front");
  const order = { dominated: 0, sweep: 1, front: 2 };
  return [...byTrial.values()].sort((a, b) => order[a.role] - order[b.role] || a.trial - b.trial);
}

/* What can stand on an axis: the objectives, and with only one of them the mean ratio as well. */
export function axes(front) {
  const list = front.objectives.map((objective, i) => ({
    label: objective.name, goal: objective.goal,
    value: (point, half) => (half === "heldout" ? point.heldout && point.heldout[i] : point.scores[i]),
  }));
  const mean = { label: "mean ratio", goal: null, value: (point) => ({ mean: point.mean_ratio, stderr: null }) };
  return list.length === 1 ? [mean, ...list] : list;
}

/* Points with a place: x, y = {mean, stderr}. Those without scores in this half are left out. */
export function placed(points, x_axis, y_axis, half) {
  return points
    .filter((point) => half === "search" || point.heldout)
    .map((point) => ({ ...point, x: x_axis.value(point, half), y: y_axis.value(point, half) }))
    .filter((point) => point.x && point.y);
}

/* The corners of the front in these two axes, by ascending x: with more than two objectives a front point may be
 * behind another one in the plane that is shown. */
export function corners(points, x_axis, y_axis) {
  if (!x_axis.goal || !y_axis.goal) return [];
  const gain = (goal, value) => (goal === "max" ? value : -value);
  const best_first = points
    .filter((point) => point.role === "front")
    .sort((a, b) => gain(x_axis.goal, b.x.mean) - gain(x_axis.goal, a.x.mean) ||
                    gain(y_axis.goal, b.y.mean) - gain(y_axis.goal, a.y.mean));
  let best = -Infinity;
  const leading = best_first.filter((point) => {
    const y = gain(y_axis.goal, point.y.mean);
    if (y <= best) return false;
    best = y;
    return true;
  });
  return leading.sort((a, b) => a.x.mean - b.x.mean);
}
