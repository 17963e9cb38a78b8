// Numbers and times for people. Exact values stay in data attributes.

/* Four significant digits at most, a true minus sign, "–" for what is not known. */
export function number(x, digits = 3) {
  if (x === null || x === undefined) return "–";
  const size = Math.abs(x);
  const text = size >= 1e5 || (size > 0 && size < 1e-3) ? x.toExponential(2) : x.toFixed(size >= 100 ? 1 : digits);
  return text.replace("-", "−");
}

export const signed = (x, digits = 3) => (x > 0 ? "+" : "") + number(x, digits);

export function score(s) {
  if (!s) return "–";
  return s.stderr === null ? number(s.mean) : `${number(s.mean)} ± ${number(s.stderr)}`;
}

export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 36 * 3600) return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
  return `${(seconds / 86400).toFixed(1)} days`;
}

export const count = (n, one, many = one + "s") => `${n} ${n === 1 ? one : many}`;

const KINDS = { sweep: "model averaging", hma: "HMA", scalarize: "scalarisation", sobol: "Sobol",
                quadratic: "quadratic model", bayes: "Gaussian processes", identify: "identify", given: "given" };
export const kind = (name) => KINDS[name] || name;

/* Whether a search may still bring points. */
export function isOpen(front) {
  return ["running", "paused", "confirming"].includes(front.state);
}
