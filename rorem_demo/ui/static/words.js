// What the stage says: notices, offers, progress in words, and the state of its buttons.

export class Words {
  constructor(stage) {
    this.stage = stage;
    this.notice = stage.part("notice");
    this.offering = stage.part("offer");
    this.meter = stage.element.querySelector('[role="progressbar"]');
    this.offering.addEventListener("click", () => {
      const act = this.act;
      this.withdraw();
      act?.();
    });
  }

  say(text) {
    this.withdraw();
    this.notice.textContent = text;
  }

  /** A sentence with one button that does something about it. */
  offer(text, label, act) {
    this.notice.textContent = text;
    this.act = act;
    this.offered = true;
    this.offering.textContent = label;
    this.offering.hidden = false;
  }

  withdraw() {
    if (this.offered) this.notice.textContent = "";
    this.offered = false;
    this.offering.hidden = true;
  }

  /** In the queue. Only gradio knows the place in it, and tells it as text in the element its progress is shown on. */
  waiting() {
    this.say("");
    this.held = null;
    clearInterval(this.ticking);
    const told = document.getElementById("queue-status");
    const tell = () => {
      const place = /queue: (\d+)\/(\d+)/.exec(told?.textContent);
      this.#progress(place ? `Waiting: number ${place[1]} of ${place[2]} in the queue` : "Waiting for a free place…", null);
    };
    this.ticking = setInterval(tell, 250);
    tell();
  }

  /** Others are before the removal, or before its next attempt: so long its own time stands still. */
  waits({ sentence }) {
    clearInterval(this.ticking);
    this.held ??= performance.now();
    this.#progress(sentence, null);
  }

  started({ seconds, title }) {
    Object.assign(this, { title, expected: seconds, since: performance.now(), held: null });
    this.#begin();
  }

  #begin() {
    clearInterval(this.ticking);
    this.ticking = setInterval(() => this.#tick(), 250);
    this.#tick();
  }

  /** A remover that reports steps is believed over the estimate; of several, it says which is at work. */
  fraction(fraction, title) {
    if (title) this.title = title;
    if (this.held) {
      this.since += performance.now() - this.held;
      this.held = null;
      this.#begin();
    }
    if (fraction > 0.02 && fraction < 1) this.expected = (performance.now() - this.since) / 1000 / fraction;
  }

  #tick() {
    const passed = (performance.now() - this.since) / 1000;
    const left = Math.ceil(this.expected - passed);
    this.#progress(left > 0 ? `${this.title}: about ${left} s left` : `${this.title}: almost done`, Math.min(0.97, passed / this.expected));
  }

  #progress(text, fraction) {
    this.stage.part("words").textContent = text;
    this.meter.classList.toggle("unknown", fraction === null);
    this.meter.firstElementChild.style.width = `${100 * (fraction ?? 1)}%`;
    if (fraction === null) this.meter.removeAttribute("aria-valuenow");
    else this.meter.setAttribute("aria-valuenow", Math.round(100 * fraction));
  }

  done({ seconds, changed_outside: changed, title, seed, photo, notes }, more, { format }, server) {
    const pixels = `${changed} ${changed === 1 ? "pixel" : "pixels"} changed outside the grown selection`;
    const facts = [pixels, `${seconds.toFixed(1)} s`, title, ...(seed === null ? [] : [`seed ${seed}`])];
    const told = [...notes, ...more].join(" ");
    this.say(facts.join(" · ") + (told && `. ${told}`));
    const [png, same] = [this.stage.part("png"), this.stage.part("same")];
    png.href = server.address(photo, "png");
    same.href = server.address(photo, "original");
    same.hidden = format === "PNG";
    same.textContent = `Download ${format}`;
  }

  /** How long removing will take by the chosen method, where anybody would mind: two seconds and more. */
  estimate(seconds) {
    const method = document.querySelector("#method input:checked")?.value;
    const tries = Number(document.querySelector("#tries input:checked")?.value ?? 1);
    const expected = tries > 1 ? longest(seconds, method, tries) : (seconds[method] ?? 0);
    const time = expected < 90 ? `${Math.round(expected)} s` : `${Math.round(expected / 60)} min`;
    this.stage.part("estimate").textContent = expected < 2 ? "" : `${tries > 1 ? "At most about" : "About"} ${time}`;
  }

  mode(mode) {
    const { stage } = this;
    if (mode !== "working") clearInterval(this.ticking);
    stage.element.querySelector('[data-part="view"]').dataset.mode = mode;
    stage.part("working").hidden = mode !== "working";
    for (const name of ["result", "handle", "before", "after"]) stage.part(name).hidden = mode !== "result";
    this.buttons();
  }

  buttons() {
    const { stage } = this;
    const { mode } = stage.scene;
    const button = stage.element.querySelector('.remove[data-do="remove"]');
    const labels = { working: "Cancel", result: "Remove again", empty: "Open a photo first" };
    button.textContent = labels[mode] ?? (stage.marked ? "Remove" : "Mark something first");
    button.disabled = mode === "empty" || (mode !== "working" && !stage.marked);
    button.classList.toggle("cancel", mode === "working");
    const { history } = stage;
    this.#enable("undo", mode !== "working" && (history.past.length || mode === "result"));
    this.#enable("redo", mode !== "working" && history.future.length);
    for (const name of ["grow", "shrink", "clear", "save-mask"]) this.#enable(name, mode !== "working" && stage.marked);
    this.#enable("other", mode === "select" && stage.pointing.choices > 1);
    for (const name of ["invert", "load-mask", "fit"]) this.#enable(name, mode !== "empty");
    stage.element.querySelector('[data-do="invert"]').setAttribute("aria-pressed", stage.doc.invert);
  }

  #enable(name, enabled) {
    this.stage.element.querySelector(`:is(.tools, .options, .entries) [data-do="${name}"]`).disabled = !enabled;
  }
}

/** The chosen method once, and the others as long as the slowest of all would take, but no longer than there is time. */
function longest(seconds, method, tries) {
  const one = seconds[method] ?? 0;
  const all = one + (tries - 1) * Math.max(0, ...Object.values(seconds));
  const time = Number(document.querySelector("[data-best-of-seconds]")?.dataset.bestOfSeconds ?? 0);
  return Math.max(one, Math.min(all, time));
}
