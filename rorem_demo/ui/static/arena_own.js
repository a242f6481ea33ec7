// A round of the photo that is open on the Remove tab: two methods run on it through gradio's event, unnamed.

import { Runs } from "./runs.js";
import { opened } from "./opened.js";

const NOTHING_OPEN = "Open a photo on the Remove tab and mark what should go, then come back.";
const NOTHING_MARKED = "Mark what should go on the Remove tab, then come back.";
const ONE_METHOD = "Only one method runs here, and the Arena needs two.";

export class OwnPhoto {
  /** `host`: {runnable, visit, working(words, fraction), made(round, note), failed(sentence)}. */
  constructor(gradio, host) {
    this.host = host;
    this.runs = new Runs(gradio, (view) => this.#told(view));
  }

  /** Why it cannot be done now, in one sentence; "" if it can. */
  get trouble() {
    const found = opened.get();
    if (this.host.runnable < 2) return ONE_METHOD;
    if (!found) return NOTHING_OPEN;
    return found.marked ? "" : NOTHING_MARKED;
  }

  start() {
    const { photo, drawing } = opened.get();
    Object.assign(this, { began: null, held: null, view: null });
    this.runs.start({ photo, drawing, visit: this.host.visit });
    this.ticking = setInterval(() => this.#tick(), 250);
    this.#tick();
  }

  cancel() {
    clearInterval(this.ticking);
    this.runs.cancel();
  }

  #told(view) {
    if (view.ended) clearInterval(this.ticking);
    if (view.trouble) this.host.failed(view.trouble);
    else if (view.round) this.host.made(view.round, view.note);
    else {
      this.#time(view);
      this.view = view;
      this.#tick();
    }
  }

  /** While others are before the next of the two, the time of both stands still. */
  #time({ waiting }) {
    const now = performance.now();
    if (waiting) this.held ??= now;
    else {
      if (this.began && this.held) this.began += now - this.held;
      this.began ??= now;
      this.held = null;
    }
  }

  /** Gradio alone knows the place in the queue, and tells it as text in the element its progress is shown on. */
  #tick() {
    if (this.view?.waiting) return this.host.working(this.view.waiting, this.view.fraction);
    if (!this.began) {
      const place = /queue: (\d+)\/(\d+)/.exec(document.getElementById("arena-queue")?.textContent);
      return this.host.working(place ? `Waiting: number ${place[1]} of ${place[2]} in the queue` : "Waiting for a free place…", 0);
    }
    const { words, seconds, fraction } = this.view;
    const passed = (performance.now() - this.began) / 1000;
    const left = Math.ceil(Math.max(seconds - passed, 0));
    this.host.working(`${words}${seconds >= 2 ? ` · ${left ? `about ${left} s left` : "almost done"}` : ""}`, Math.max(fraction, Math.min(0.95, passed / Math.max(seconds, 0.1))));
  }
}
