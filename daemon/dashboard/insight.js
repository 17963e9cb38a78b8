// What a model says of the front, as the charts and the panel show it. Searches without a model say nothing, and nothing is
// shown then.

import { number } from "./format.js";

const PICKS = [["knee", "knee"], ["certain", "most certain"], ["least_tax", "least tax"]];

export const isDoubtful = (point) => point.verdict === "doubtful";

/* "knee", "knee, least tax" by trial. */
export function pickNames(front) {
  const names = new Map();
  for (const [key, word] of PICKS) {
    const trial = front.picks ? front.picks[key] : null;
    if (trial === null || trial === undefined) continue;
    names.set(trial, names.has(trial) ? `${names.get(trial)}, ${word}` : word);
  }
  return names;
}

/* "43 % sure to be on the front: doubtful"; null where it is not known. */
export function confidenceText(point) {
  if (point.confidence === null || point.confidence === undefined) return null;
  return `${Math.round(100 * point.confidence)} % sure to be on the front` +
    (isDoubtful(point) ? ": doubtful" : "");
}

/* How a model came to propose it; null for what goes without saying. */
export function pathText(point) {
  const words = { design: "spread evenly", model: "proposed by the model", fill: "filled in" };
  if (point.repeat_of !== null && point.repeat_of !== undefined) return `trial ${point.repeat_of} once more`;
  return words[point.path] || null;
}

/* {value, low, high} of the hypervolume by the model; null where it is not known. */
export function modelVolume(front) {
  const volume = front.insight && front.insight.hypervolume;
  return volume && volume.value !== null && volume.low !== null ? volume : null;
}

export function volumeText(front) {
  const volume = modelVolume(front);
  return volume ? `by the model ${number(volume.value, 4)}, 90 % between ${number(volume.low, 4)} and ${number(volume.high, 4)}` : null;
}
