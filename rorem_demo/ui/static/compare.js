// The Compare tab: connects its parts. What is shown is a ready case, or a live comparison on the photo of the Remove tab.

import { Bench } from "./compare_bench.js";
import { Cases } from "./compare_cases.js";
import { listen } from "./compare_keys.js";
import { link } from "./compare_link.js";
import { Runs } from "./runs.js";
import { Setup } from "./compare_setup.js";
import { opened } from "./opened.js";

export function mount(gradio) {
  return new Compare(gradio);
}

class Compare {
  constructor({ element, props, trigger, watch, base }) {
    Object.assign(this, { element, base, live: null, view: null });
    this.find = (selector) => element.querySelector(selector);
    this.bench = new Bench(element, base, () => this.#lookChanged());
    this.runs = new Runs({ props, trigger, watch }, (view) => this.#told(view));
    this.setup = new Setup(element, { start: (value) => this.#start(value), cancel: () => this.#cancel() });
    this.cases = new Cases(element, base, (id) => (id ? this.#openCase(id) : this.#own()));
    this.do = {
      go: () => this.setup.goToRemove(), difference: () => this.bench.setDifference(!this.bench.difference),
      swap: () => this.bench.swap(), fit: () => this.bench.fit(), in: () => this.bench.zoom(1.25), out: () => this.bench.zoom(1 / 1.25),
      alternate: () => this.bench.setAlternating(!this.bench.alternating), copy: () => this.#copy(),
    };
    listen(this.bench, this.find("[data-handle]"), element);
    this.#connect();
    this.#enter();
  }

  // --- ready cases ----------------------------------------------------------------------------------------------------

  async #enter() {
    const linked = link.read();
    await this.#trying(async () => {
      const [first] = await this.cases.load();
      if (linked.case) await this.#openCase(linked.case, linked);
      else if (first && !opened.get()) await this.#openCase(first);
      else this.cases.mark("");
    });
  }

  async #openCase(id, linked = {}) {
    this.wanted = id;
    await this.#trying(async () => {
      const view = await this.cases.get(id);
      if (this.wanted !== id) return;
      this.#show(view, true);
      this.#restore(linked);
    });
  }

  #restore({ a, b, look, difference }) {
    if (a) this.bench.setSide("a", a);
    if (b) this.bench.setSide("b", b);
    if (difference) this.bench.setDifference(true);
    if (["slider", "flicker"].includes(look)) this.bench.setLook(look);
  }

  #own() {
    this.wanted = "";
    if (this.live) return this.#show(this.live, true);
    this.cases.mark("");
    this.find("[data-setup]").hidden = false;
    this.view = null;
    this.find("[data-shown]").hidden = true;
    this.#say("");
    this.#lookChanged();
  }

  // --- live -----------------------------------------------------------------------------------------------------------

  #start(value) {
    this.wanted = "";
    this.live = null;
    this.setup.busy = true;
    this.#say("Waiting for a free place…");
    this.runs.start(value);
  }

  #cancel() {
    this.runs.cancel();
    this.setup.busy = false;
    if (this.live) this.#told({ ...this.live, ended: true, tiles: this.live.tiles.map(cancelled) });
    this.#say("Cancelled. What is done stays.");
  }

  #told(view) {
    const another = !this.live && Boolean(view.size);
    if (view.ended) this.setup.busy = false;
    if (view.size) this.live = view;
    if (view.trouble) this.#say(view.trouble);
    else this.#say(view.ended ? ended(view) : working(view));
    if (view.size && !this.wanted) this.#show(view, another);
  }

  // --- what is shown --------------------------------------------------------------------------------------------------

  #show(view, another) {
    this.view = view;
    this.cases.mark(view.case);
    this.find("[data-setup]").hidden = Boolean(view.case);
    this.find("[data-shown]").hidden = false;
    if (another && !view.case) this.#reveal();
    this.find("[data-title]").textContent = view.title;
    this.find("[data-credit]").textContent = view.credit;
    if (view.case) this.#say("");
    this.bench.show(view, another);
    this.bench.resized();
    this.#files(view);
    this.#lookChanged();
  }

  /** On a small screen the pictures would be below it. */
  #reveal() {
    const shown = this.find("[data-shown]");
    if (shown.getBoundingClientRect().top > 0.6 * innerHeight) shown.scrollIntoView({ block: "start" });
  }

  #files({ case: id, tiles }) {
    const results = tiles.map(({ result }) => result).filter(Boolean);
    for (const anchor of this.element.querySelectorAll("[data-save]")) {
      const of = id ? `case=${encodeURIComponent(id)}` : `results=${results.join(",")}`;
      const any = Boolean(id || results.length);
      if (any) anchor.href = new URL(`compare/file?as=${anchor.dataset.save}&${of}`, this.base).href;
      else anchor.removeAttribute("href");
    }
    this.find('[data-do="copy"]').hidden = !id;
  }

  #state() {
    const { look, sides, difference } = this.bench;
    return { case: this.view?.case, look: look === "grid" ? "" : look, a: sides.a, b: sides.b, difference: difference ? "1" : "" };
  }

  #lookChanged() {
    if (!this.visible) return;
    if (this.view?.case) link.write(this.#state());
    else link.clear();
    this.find("[data-remark]").textContent = this.bench.difference
      ? "Difference from the original, four times as strong as it is. Black: not one pixel differs."
      : "";
  }

  async #copy() {
    const address = link.address(this.#state());
    try {
      await navigator.clipboard.writeText(address);
      this.#say("The link is copied.");
    } catch {
      this.#say(`Copy it from here: ${address}`); // a frame may not write to the clipboard
    }
  }

  #say(text) {
    this.find("[data-notice]").textContent = text;
  }

  async #trying(action) {
    try {
      await action();
    } catch (error) {
      this.#say(error.message);
    }
  }

  #connect() {
    this.element.addEventListener("click", ({ target }) => {
      const button = target.closest("button");
      if (button?.dataset.do) this.do[button.dataset.do]?.();
      if (button?.dataset.look) this.bench.setLook(button.dataset.look);
    });
    window.addEventListener("hashchange", () => {
      const linked = link.read();
      if (linked.case) this.#openCase(linked.case, linked);
    });
    // The address names a case only while this tab is open.
    new IntersectionObserver((entries) => {
      const { boundingClientRect } = entries.at(-1);
      this.visible = boundingClientRect.height > 0;
      if (this.visible) this.#lookChanged();
      else if (this.view) link.clear();
    }).observe(this.find("[data-compare]"));
  }
}

function cancelled(tile) {
  return ["waiting", "working"].includes(tile.state) ? { ...tile, state: "failed", sentence: "Cancelled.", facts: [] } : tile;
}

function working({ tiles, waiting }) {
  const runs = tiles.filter(({ method, state }) => method && state !== "none");
  const over = runs.filter(({ state }) => state === "done" || state === "failed").length;
  const now = runs.find(({ state }) => state === "working");
  if (waiting) return over ? `${over} of ${runs.length} done. ${waiting}` : waiting;
  return `${over} of ${runs.length} done${now ? `, ${now.title} at work` : ""}.`;
}

function ended({ tiles }) {
  const failed = tiles.filter(({ state }) => state === "failed").length;
  return failed ? `Done; ${failed} of ${tiles.filter(({ method }) => method).length} did not work.` : "Done.";
}
