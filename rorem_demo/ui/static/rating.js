// "Is it gone?": a visitor's answer to the result on the stage, its reasons, and its receipt. One answer stands, what
// was tapped last; the page shows it at once, and takes it back where the server could not keep it.

import { copy, forget, onForgotten, pending, remember, sameThread, told, twice } from "./receipts.js";

const PAUSE = 400; // ms after the last tap
const TYPING = 1500; // the same for a comment, of which every pause would else be an answer of its own
const FIRST_LOOK = 3000;
const LOOK = 15_000;
const INVITATIONS = { own: "Only your answer is kept, not your photo.", shared: "They are kept with your answer: Yes or No?" };

export class Rating {
  constructor(stage) {
    Object.assign(this, { stage, at: null, asked: new Map() });
    this.root = stage.element.querySelector('[data-part="rating"]');
    this.part = (name) => this.root.querySelector(`[data-${name}]`);
    this.line = this.part("receipt-line");
    this.code = this.part("receipt");
    this.#connect();
  }

  /** A new run: what was asked about its forerunners will not be shown again. */
  begin() {
    this.leave();
    this.asked.clear();
  }

  /** Ask about a result, or go on asking; `isPublic` if its photo is anyway, `score` if it is told beside it already. */
  ask(result, isPublic, score) {
    this.leave();
    const known = this.asked.get(result);
    const at = known ?? { result, isPublic, meant: null, kept: null, receipt: null, trouble: "", timer: 0, looking: 0, sending: null, judge: "" };
    this.asked.set(result, (this.at = at));
    this.part("share").checked = at.meant?.share ?? false;
    this.part("comment").value = at.meant?.comment ?? "";
    this.part("share-label").hidden = isPublic;
    this.part("public").hidden = !isPublic;
    this.root.dataset.shown = true;
    this.#score(at, score ?? at);
    this.#show(at);
    if (!at.judge) this.#judge(at);
    if (at.receipt) this.#look(at, FIRST_LOOK);
  }

  /** The result is no longer looked at; what was tapped is still sent. */
  leave() {
    const { at } = this;
    if (!at) return;
    this.at = null;
    clearTimeout(at.looking);
    this.#send(at);
    delete this.root.dataset.shown;
  }

  // --- answering --------------------------------------------------------------------------------------------------

  answer(removed) {
    const { at } = this;
    if (!at || at.meant?.removed === removed) return;
    this.part("comment").value = "";
    this.#mean({ removed, reasons: [], comment: "", share: this.#shared(), judge: at.judge });
  }

  #reason(name) {
    const { meant } = this.at;
    const on = !meant.reasons.includes(name);
    const reasons = on ? [...meant.reasons, name].sort() : meant.reasons.filter((reason) => reason !== name);
    if (name === "other") this.part("comment").value = "";
    this.#mean({ ...meant, reasons, comment: reasons.includes("other") ? this.#comment() : "" });
    if (name === "other" && on) this.part("comment").focus();
  }

  #comment() {
    return this.part("comment").value.trim();
  }

  #shared() {
    return this.part("share").checked && !this.at.isPublic;
  }

  #mean(answer, pause = PAUSE) {
    const { at } = this;
    Object.assign(at, { meant: answer, failed: null, trouble: "" });
    clearTimeout(at.timer);
    at.timer = setTimeout(() => this.#send(at), pause);
    this.#show(at);
  }

  /** Sends what is meant until it is what is kept: one request at a time, so that the last tap wins. */
  async #send(at) {
    clearTimeout(at.timer);
    at.timer = 0;
    if (at.sending) return;
    try {
      while (at.meant && !same(at.meant, at.kept)) {
        at.sending = at.meant;
        this.#show(at);
        await this.#keep(at, at.sending);
      }
    } catch (error) {
      if (this.at !== at) this.stage.words.say(`Your answer was not kept. ${error.message}`);
      Object.assign(at, { failed: at.meant, meant: at.kept, trouble: error.message });
    }
    at.sending = null;
    if (at.receipt && !at.trouble) this.#look(at, FIRST_LOOK);
    this.#show(at);
  }

  async #keep(at, answer) {
    const old = at.receipt;
    at.receipt = await this.stage.server.rate(at.result, answer);
    at.kept = answer;
    if (old?.share && !answer.share) forget(old.text); // the server deleted it, with the pictures
    remember(at.receipt);
  }

  async #forget(at) {
    const sentence = await this.stage.server.deleteRating(at.receipt.text);
    const { text } = at.receipt;
    Object.assign(at, { receipt: null, kept: null });
    forget(text);
    return sentence;
  }

  /** The page may be closed now: nothing that was tapped is lost. The browser sends on, for requests are kept alive. */
  #leaving() {
    const { at } = this;
    if (!at?.meant || same(at.meant, at.sending ?? at.kept)) return;
    if (at.sending) this.stage.server.rate(at.result, at.meant).catch(() => {});
    else this.#send(at);
  }

  async #delete() {
    const { at } = this;
    clearTimeout(at.timer);
    clearTimeout(at.looking);
    try {
      at.trouble = await this.#forget(at);
      at.meant = null;
      this.part("share").checked = false;
      this.root.querySelector("[data-verdict]").focus();
    } catch (error) {
      at.trouble = error.message;
    }
    this.#show(at);
  }

  /** What a program thinks of it, shown when it is known; an answer says whether it was there before. */
  async #judge(at) {
    const { words, judge } = await this.stage.server.likely(at.result).catch(() => ({}));
    if (words && this.at === at) this.#score(at, { words, judge });
  }

  #score(at, { words = "", judge }) {
    Object.assign(at, { words, judge });
    const part = this.part("likely");
    part.textContent = words;
    part.title = words && `What the program ${judge} thinks; people know better. See About.`;
  }

  // --- what becomes of it -----------------------------------------------------------------------------------------

  #look(at, pause) {
    clearTimeout(at.looking);
    if (this.at !== at || at.receipt?.published) return;
    at.looking = setTimeout(async () => {
      const asked = at.receipt;
      if (asked && !document.hidden) await this.#asked(at, asked);
      if (at.receipt) this.#look(at, LOOK);
    }, pause);
  }

  async #asked(at, asked) {
    try {
      const found = await this.stage.server.receipt(asked.text);
      if (at.receipt === asked) at.receipt = found;
    } catch (error) {
      if (!error.refused || at.receipt !== asked || at.sending) return; // the next look may succeed
      Object.assign(at, { receipt: null, kept: null, meant: null, trouble: error.message });
    }
    this.#show(at);
  }

  // --- showing ----------------------------------------------------------------------------------------------------

  #show(at) {
    if (this.at !== at) return;
    const { meant, receipt } = at;
    for (const button of this.root.querySelectorAll("[data-verdict]")) {
      button.setAttribute("aria-pressed", meant?.removed === (button.dataset.verdict === "yes"));
    }
    this.part("reasons").hidden = meant?.removed !== false;
    for (const button of this.root.querySelectorAll("[data-reason]")) {
      button.setAttribute("aria-pressed", Boolean(meant?.reasons.includes(button.dataset.reason)));
    }
    this.part("comment-label").hidden = !meant?.reasons.includes("other");
    const settled = Boolean(receipt) && same(meant, at.kept);
    this.#say(this.line, this.#words(at, settled));
    this.#say(this.part("pending"), settled && !at.trouble ? pending(receipt) : "");
    this.#say(this.code, settled ? receipt.text : "");
    this.part("retry").hidden = !at.failed;
    for (const name of ["receipt-word", "copy", "take-back"]) this.part(name).hidden = !settled || Boolean(at.trouble);
  }

  #words(at, settled) {
    if (at.trouble) return at.trouble;
    if (settled) return `Kept · ${told(at.receipt)}`;
    if (at.meant) return "Saving…";
    if (at.isPublic) return "";
    return this.#shared() ? INVITATIONS.shared : INVITATIONS.own;
  }

  /** Only what is new, for a screen reader reads it out. */
  #say(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  #connect() {
    this.root.addEventListener("click", ({ target }) => {
      const button = target.closest("button");
      if (!this.at || !button) return;
      if (button.dataset.verdict) this.answer(button.dataset.verdict === "yes");
      if (button.dataset.reason) this.#reason(button.dataset.reason);
    });
    this.part("share").addEventListener("change", () => {
      const { at } = this;
      if (at?.meant) this.#mean({ ...at.meant, share: this.#shared() });
      else if (at) this.#show(at);
    });
    const comment = this.part("comment");
    for (const [name, pause] of [["input", TYPING], ["change", 0]]) {
      comment.addEventListener(name, () => this.at?.meant && this.#mean({ ...this.at.meant, comment: this.#comment() }, pause));
    }
    this.part("retry").addEventListener("click", () => {
      this.root.querySelector("[data-verdict]").focus();
      this.#mean(this.at.failed, 0);
    });
    twice(this.part("take-back"), () => this.#delete());
    this.part("copy").addEventListener("click", async () => this.#say(this.line, `${await copy(this.code)} · ${told(this.at.receipt)}`));
    this.#listen();
  }

  #listen() {
    this.stage.element.addEventListener("keydown", (event) => {
      const removed = { y: true, n: false }[event.key.toLowerCase()];
      if (!this.at || removed === undefined || event.ctrlKey || event.metaKey || event.altKey || isText(event.target)) return;
      event.preventDefault();
      event.stopPropagation(); // on the canvas N is also "new object"
      this.answer(removed);
    }, { capture: true });
    document.addEventListener("visibilitychange", () => document.hidden && this.#leaving());
    window.addEventListener("pagehide", () => this.#leaving());
    onForgotten((text) => {
      for (const at of this.asked.values()) {
        if (!at.receipt || !sameThread(at.receipt.text, text)) continue;
        Object.assign(at, { receipt: null, kept: null, meant: null, trouble: "Deleted." });
        this.#show(at);
      }
    });
  }
}

function same(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}

export function isText(target) {
  return target.matches("textarea, select, [contenteditable], input:not([type=range], [type=radio], [type=checkbox])");
}
