// The Annotate tab: one picture, two keys. Answers are sent while the next picture is already shown; one that the
// server did not keep brings its picture back.

import { ReceiptLine } from "./annotate_receipts.js";
import { Reasons } from "./annotate_reasons.js";
import { Server, receipts } from "./annotate_server.js";
import { View } from "./annotate_view.js";
import { onOpened } from "./tabs.js";

const AHEAD = 2; // items fetched before they are needed
const ASK_AGAIN = 1000; // ms, while the server is still reading
const AFTER_TROUBLE = 5000;
const WITHOUT = 400; // ids the server is told at most not to give again
const WITH_PICTURES = 6; // seen items that keep theirs, to go back to
const BLINK = 200; // ms in which nobody can have looked: a key pressed twice answers once
const SAID = { true: "gone", false: "still there" };
const KEYS = { 1: "gone", 0: "there", s: "skip", o: "outline", Backspace: "back" };

export function mount({ element, base }) {
  const tab = new Annotate(element, new Server(base));
  onOpened(element.querySelector("[data-view]"), () => tab.enter()); // nothing is issued until then
}

class Annotate {
  constructor(element, server) {
    this.find = (selector) => element.querySelector(selector);
    this.server = server;
    this.view = new View(this.find("canvas"));
    this.seen = []; // {item, addresses, pictures, removed, reasons, kept, skipped}, in the order shown
    this.at = 0;
    this.ahead = [];
    this.sending = Promise.resolve();
    this.reasons = new Reasons(this.find("[data-why]"), (entry) => this.#send(entry), (words) => this.#say(words));
    this.line = new ReceiptLine(this.find("[data-receipts]"), server, () => this.#settled(), (sentence) => this.#deleted(sentence));
    this.do = {
      gone: () => this.#answer(true), there: () => this.#answer(false), skip: () => this.#skip(), back: () => this.#back(),
      outline: () => this.#outline(), ...this.line.acts,
    };
    receipts.onDropped((text) => this.#dropped(text));
    this.#listen(element);
  }

  enter() {
    // A keyboard user finds the picture with Tab; whoever clicked the tab gets the keys at once.
    if (!document.activeElement?.matches(":focus-visible")) this.#focus();
    if (!this.seen.length) this.#fill();
  }

  get current() {
    return this.seen[this.at];
  }

  // --- what comes next -------------------------------------------------------------------------------------------

  async #fill() {
    if (this.filling) return;
    this.filling = true;
    clearTimeout(this.again);
    try {
      while (this.ahead.length < AHEAD && (await this.#fetchOne()));
    } catch (error) {
      this.#over({ sentence: error.message }, AFTER_TROUBLE);
    }
    this.filling = false;
    if (!this.current) this.#show();
  }

  /** Whether there was one. */
  async #fetchOne() {
    const known = [...this.seen, ...this.ahead].slice(-WITHOUT).map((entry) => entry.item);
    const told = await this.server.next(known);
    if (told.done) {
      this.#over(told, told.wait && ASK_AGAIN);
      return false;
    }
    const { item, pictures, source, mask, result, answered, left, more } = told;
    this.over = null;
    this.done ??= answered;
    Object.assign(this, { total: answered + left, more });
    this.ahead.push({ item, pictures, addresses: { source, mask, result }, reasons: [] });
    this.#count();
    if (!this.current) this.#show();
    return true;
  }

  #over(told, pause) {
    this.over = told;
    if (pause) this.again = setTimeout(() => this.#fill(), pause);
  }

  /** Show the item at `at`, taking it from those ahead if it is a new one. */
  async #show() {
    if (this.at === this.seen.length && this.ahead.length) this.seen.push(this.ahead.shift());
    const entry = this.current;
    if (entry && !entry.pictures && !(await this.#pictures(entry))) return;
    for (const old of this.seen.slice(0, -WITH_PICTURES)) if (old !== entry) old.pictures = null;
    this.view.original = false;
    this.view.show(entry?.pictures ?? null);
    this.shown = performance.now();
    this.find("[data-view]").dataset.item = entry?.item ?? "";
    this.#tag();
    this.#lead(entry);
  }

  /** Where the picture would be, what there is instead. */
  #lead(entry) {
    const stale = this.over && !entry && !this.confirmed; // the server was asked before the last answers
    const lead = entry ? "" : this.over && !stale ? this.over.sentence : "Fetching the next picture…";
    this.find("[data-lead]").textContent = lead;
    this.find("[data-panel]").toggleAttribute("data-idle", Boolean(lead));
    if (lead) this.#say(lead);
    this.confirmed = !entry && Boolean(this.over);
    if (stale) this.sending.then(() => this.#fill());
    else if (!this.over) this.#fill();
  }

  /** Whether the item's pictures could be had and it is still the one to show. */
  async #pictures(entry) {
    try {
      entry.pictures = await this.server.pictures(entry.addresses);
    } catch (error) {
      if (error.gone) this.#letGo();
      this.#notice(error.message);
      return false;
    }
    return entry === this.current;
  }

  /** The server forgot what it had issued: begin anew with what it has now. */
  #letGo() {
    Object.assign(this, { seen: [], at: 0, ahead: [], over: null });
    this.reasons.about(null);
    this.#show();
    this.#fill();
  }

  #on() {
    do this.at += 1;
    while (this.current?.kept);
    this.#show();
  }

  // --- answers ---------------------------------------------------------------------------------------------------

  #answer(removed) {
    const entry = this.current;
    const looked = (performance.now() - this.shown) / 1000;
    if (!entry?.pictures || looked < BLINK / 1000) return;
    this.reasons.settle();
    if (entry.removed !== removed) {
      Object.assign(entry, { removed, reasons: [], skipped: false, looked });
      this.#send(entry);
    }
    this.#notice("");
    this.#say(`Answered: ${SAID[removed]}.`);
    this.reasons.about(removed ? null : entry);
    this.#on();
  }

  #send(entry) {
    const { removed, looked } = entry;
    const answer = { removed, reasons: [...entry.reasons], looked };
    this.sending = this.sending.then(() => this.#rate(entry, answer)); // one after the other: the last one counts
  }

  async #rate(entry, answer) {
    try {
      const receipt = await this.server.rate(entry.item, answer);
      if (!entry.kept) this.done += 1;
      Object.assign(entry, { kept: true, receipt: receipt.text });
      receipts.add(receipt);
    } catch (error) {
      this.#notice(error.message);
      this.#say(error.message);
      if (error.gone) this.#letGo();
      else if (!entry.kept) this.#bringBack(entry);
    }
    this.#count();
  }

  /** An answer was not kept: its picture is asked about again. */
  #bringBack(entry) {
    entry.removed = undefined;
    if (this.reasons.entry === entry) this.reasons.about(null);
    const place = this.seen.indexOf(entry);
    if (place < 0 || place >= this.at) return;
    this.at = place;
    this.#show();
  }

  #skip() {
    const entry = this.current;
    if (!entry) return;
    this.reasons.settle();
    if (entry.removed === undefined) entry.skipped = true;
    this.reasons.about(null);
    this.#say("Skipped.");
    this.#count();
    this.#on();
  }

  #back() {
    if (this.at < 1) return;
    this.reasons.settle();
    this.at -= 1;
    const entry = this.current;
    const before = entry.removed === undefined ? "You skipped this one" : `You said ${SAID[entry.removed]}`;
    this.#say(`${before}. Press 1 or 0 to change, S to leave it.`);
    this.reasons.about(entry.removed === false ? entry : null);
    this.#show();
  }

  // --- taking answers back ---------------------------------------------------------------------------------------

  async #settled() {
    this.reasons.settle();
    await this.sending;
  }

  /** An answer was deleted, here or on the page of receipts. */
  #dropped(text) {
    const entry = this.seen.find((one) => one.receipt === text);
    if (entry) Object.assign(entry, { receipt: null, kept: false, removed: undefined, reasons: [], skipped: true });
    if (entry) this.done -= 1;
    if (entry && this.reasons.entry === entry) this.reasons.about(null);
    this.line.show();
    this.#count();
    this.#tag();
  }

  #deleted(sentence) {
    this.#notice(sentence);
    this.#say(sentence);
    this.#focus();
  }

  // --- words -----------------------------------------------------------------------------------------------------

  #count() {
    const skipped = this.seen.filter((entry) => entry.skipped).length;
    const left = Math.max(0, this.total - this.done - skipped);
    const words = [`done ${this.done}`, `left ${left}${this.more ? "+" : ""}`, ...(skipped ? [`skipped ${skipped}`] : [])];
    this.find("[data-progress]").textContent = this.total === undefined ? "" : words.join(" · ");
    this.line.show();
  }

  #tag() {
    const tag = this.find("[data-tag]");
    const said = this.current?.removed;
    tag.textContent = this.view.original ? "Original" : said === undefined ? "" : `You said: ${SAID[said]}`;
    tag.hidden = !tag.textContent;
  }

  #notice(text) {
    this.find("[data-notice]").textContent = text;
  }

  #say(text) {
    this.find("[data-said]").textContent = text;
  }

  // --- looking ---------------------------------------------------------------------------------------------------

  #original(held) {
    if (this.view.original === held || !this.current) return;
    this.view.original = held;
    this.view.draw();
    this.find('[data-do="original"]').setAttribute("aria-pressed", String(held));
    this.#tag();
  }

  #outline() {
    this.view.outlined = !this.view.outlined;
    this.view.draw();
    this.find('[data-do="outline"]').setAttribute("aria-pressed", String(this.view.outlined));
  }

  #focus() {
    this.find("[data-view]").focus({ preventScroll: true });
  }

  // --- keys, mouse, fingers --------------------------------------------------------------------------------------

  #listen(element) {
    element.addEventListener("keydown", (event) => this.#key(event) && event.preventDefault());
    element.addEventListener("keyup", (event) => event.key === " " && this.#original(false));
    element.addEventListener("focusout", () => this.#original(false));
    element.addEventListener("click", (event) => this.#click(event));
    for (const held of [this.find('[data-do="original"]'), this.find("canvas")]) {
      held.addEventListener("pointerdown", () => this.#original(true));
      for (const end of ["pointerup", "pointercancel", "pointerleave"]) held.addEventListener(end, () => this.#original(false));
      held.addEventListener("contextmenu", (event) => event.preventDefault()); // a long touch is a look
    }
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    const button = event.target.closest("button");
    if (event.key === " ") {
      if (button && button.dataset.do !== "original") return false; // Space presses a button that has the focus
      return this.#original(true), true;
    }
    const act = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (event.repeat && act) return true; // a key that something lies on answers once
    if (act) return this.do[act](), true;
    return this.reasons.key(event.key);
  }

  #click(event) {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.reason) this.reasons.toggle(button.dataset.reason);
    else this.do[button.dataset.do]?.();
    if (event.detail && !button.closest("[data-receipts]")) this.#focus(); // so that Space means the picture again
  }
}
