// The daemon's JSON over fetch. A Poll asks one address again and again with the ETag it has, so that an unchanged
// answer is a 304 without a body, and with wait_s it is a long poll: nothing changed, nothing done.

const LEAST_PAUSE_MS = 400; // between two answers of one address: fast searches must not spin the page
const LONGEST_RETRY_MS = 8000;
const MISSING_PAUSE_MS = 5000; // a 404 may become a search that is being submitted

export async function getJson(url, signal) {
  const response = await fetch(url, { cache: "no-store", signal });
  if (!response.ok) throw new Error(await sentence(response));
  return response.json();
}

async function sentence(response) {
  try {
    return (await response.json()).error || `HTTP ${response.status}`;
  } catch {
    return `HTTP ${response.status}`;
  }
}

/* Resolves early when the signal aborts. */
const sleep = (ms, signal) => new Promise((resolve) => {
  const timer = setTimeout(resolve, ms);
  signal.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
});

export class Poll {
  /* on: {data(json), missing(), reached(), lost(sentence, retry_ms)}. pause_ms is the rest after a changed answer; it
   * doubles up to idle_ms while answers are unchanged. */
  constructor(url, on, { wait_s = 0, pause_ms = 0, idle_ms = 0 } = {}) {
    Object.assign(this, { url, on, wait_s, pause_ms, idle_ms, etag: null, body: null, stopper: null, lost: false });
    this.onVisibility = () => (document.hidden ? this.rest() : this.wake());
    document.addEventListener("visibilitychange", this.onVisibility);
    if (!document.hidden) this.wake();
  }

  stop() {
    document.removeEventListener("visibilitychange", this.onVisibility);
    this.rest();
  }

  /* A hidden tab holds no connection and no timer. */
  rest() {
    if (this.stopper) this.stopper.abort();
    this.stopper = null;
  }

  /* Asks now instead of at the end of a pause. */
  hurry() {
    if (!this.stopper) return;
    this.rest();
    this.wake();
  }

  wake() {
    if (this.stopper) return;
    this.stopper = new AbortController();
    this.loop(this.stopper.signal);
  }

  async loop(signal) {
    let retry_ms = 1000;
    let idle = this.pause_ms;
    while (!signal.aborted) {
      const begun = performance.now();
      try {
        const changed = await this.ask(signal);
        if (signal.aborted) return;
        this.lost = false;
        this.on.reached();
        retry_ms = 1000;
        idle = changed ? this.pause_ms : Math.min(idle * 2, this.idle_ms);
        // A 304 that came at once means the wait was not honoured: do not spin on it.
        const least = changed ? LEAST_PAUSE_MS : 2 * LEAST_PAUSE_MS;
        await sleep(Math.max(idle, least - (performance.now() - begun), 0), signal);
      } catch (error) {
        if (signal.aborted) return;
        this.lost = true;
        this.on.lost(error.message, retry_ms);
        await sleep(retry_ms, signal);
        retry_ms = Math.min(retry_ms * 2, LONGEST_RETRY_MS);
      }
    }
  }

  /* True when the answer is new. The ETag is kept across failures: the daemon's revisions survive its restarts. */
  async ask(signal) {
    const waits = this.wait_s > 0 && this.etag !== null && !this.lost; // after a loss, first a sign of life
    const limit = new AbortController();
    const relay = () => limit.abort();
    signal.addEventListener("abort", relay, { once: true });
    const timer = setTimeout(relay, ((waits ? this.wait_s : 0) + 15) * 1000);
    try {
      const response = await fetch(waits ? `${this.url}?wait=${this.wait_s}` : this.url, {
        cache: "no-store", signal: limit.signal, headers: this.etag ? { "If-None-Match": this.etag } : {},
      });
      if (response.status === 304) return false;
      if (response.status === 404) {
        if (!signal.aborted) this.on.missing();
        await sleep(MISSING_PAUSE_MS, signal);
        return false;
      }
      if (!response.ok) throw new Error(await sentence(response));
      return await this.take(response, signal);
    } catch (error) {
      if (limit.signal.aborted && !signal.aborted) throw new Error("no answer in time");
      throw error;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", relay);
    }
  }

  async take(response, signal) {
    const text = await response.text();
    if (signal.aborted) return false;
    this.etag = response.headers.get("ETag");
    if (text === this.body) return false; // an address without ETags
    this.body = text;
    this.on.data(JSON.parse(text));
    return true;
  }
}
