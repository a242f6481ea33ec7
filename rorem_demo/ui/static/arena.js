// The Arena tab: two pictures, four answers, and then the names. The next pair is fetched while one is looked at.

import { OwnPhoto } from "./arena_own.js";
import { Reasons } from "./arena_reasons.js";
import { Server, release } from "./arena_server.js";
import { View } from "./arena_view.js";
import { onForgotten, pending, remember, sameThread, told } from "./receipts.js";
import { onOpened, showTab } from "./tabs.js";

const BLINK = 200; // ms in which nobody can have looked: a key pressed twice answers once
const DOUBLE = 450; // ms after an answer in which a second click is the end of a double click
const SAID = { left: "You chose A.", right: "You chose B.", "both-good": "You said both are good.", "both-bad": "You said both are bad." };
const CHOICES = { 1: "left", 2: "right", 3: "both-good", 4: "both-bad" };
const ACTS = { s: "skip", n: "next", Enter: "next" };
const OPERATOR = "Whoever runs this page makes ready cases with: python -m rorem_demo compare\nand names their folder in ROREM_CASES.";

export function mount(gradio) {
  const { element, base } = gradio;
  const tab = new Arena(gradio, new Server(base));
  onOpened(element.querySelector("[data-view]"), () => tab.enter()); // nothing is issued until then
}

class Arena {
  constructor(gradio, server) {
    const { element } = gradio;
    this.find = (selector) => element.querySelector(selector);
    this.panel = this.find("[data-panel]");
    this.server = server;
    this.view = new View(this.find("[data-view]"));
    this.reasons = new Reasons(this.find("[data-why]"), (words) => this.#say(words));
    this.own = new OwnPhoto(gradio, this.#ownHost());
    Object.assign(this, { round: null, aside: null, ahead: null, count: 0, receipt: null });
    this.do = {
      next: () => this.#next(), skip: () => this.#skip(), own: () => this.#useMine(), data: () => showTab("Your data"),
      cancel: () => (this.own.cancel(), this.#go()), original: () => {},
    };
    onForgotten((text) => this.receipt && sameThread(this.receipt.text, text) && this.#receipt(null));
    this.#listen(element);
  }

  enter() {
    // A keyboard user finds the pictures with Tab; whoever clicked the tab gets the keys at once.
    if (!document.activeElement?.matches(":focus-visible")) this.#focus();
    this.#about();
    if (this.entered) return;
    this.entered = true;
    this.#go();
  }

  get mode() {
    return this.panel.dataset.mode;
  }

  set mode(mode) {
    this.panel.dataset.mode = mode;
    const working = mode === "working";
    this.find("[data-meter]").hidden = !working;
    this.find('[data-do="cancel"]').hidden = !working;
  }

  // --- which pair is shown ----------------------------------------------------------------------------------------

  /** Show what was set aside or fetched ahead, or what is fetched now. */
  async #go() {
    const turn = (this.turn = {});
    if (this.aside) return this.#show(this.aside);
    this.#lead("Fetching the next pair…", "loading");
    let found = await this.#fetched();
    if (found.done && found.early) found = await this.#fetched(); // it was asked while another pair was open
    if (this.turn !== turn) return this.#keepForLater(found);
    if (found.done) this.#over(found);
    else this.#show(found);
  }

  async #fetched() {
    const asked = this.ahead ?? this.#fetch(false);
    this.ahead = null;
    try {
      return await asked;
    } catch (error) {
      return { done: true, sentence: error.message, trouble: true };
    }
  }

  async #fetch(early) {
    const found = await this.server.next([this.round, this.aside].filter(Boolean).map(({ round }) => round));
    return { ...found, early };
  }

  #keepForLater(found) {
    if (!found.done && !this.ahead) this.ahead = Promise.resolve(found);
  }

  #show(round) {
    release(this.round === round ? null : this.round);
    Object.assign(this, { round, aside: null });
    this.reasons.clear();
    this.view.show(round);
    this.view.original = false;
    this.find("[data-view]").dataset.round = round.round;
    this.find("[data-share-row]").hidden = !round.own;
    this.find("[data-share-label]").hidden = round.public;
    this.find("[data-public]").hidden = !round.public;
    this.find("[data-share]").checked = false;
    this.mode = "asking";
    this.shown = performance.now();
    this.#say(`${round.own ? "Two results of your photo." : "The next pair."} Which is better?`);
    if (!this.ahead) {
      this.ahead = this.#fetch(true);
      this.ahead.catch(() => { this.ahead = null; }); // asked again when it is needed, and told then
    }
  }

  #over({ sentence, empty, trouble }) {
    const mine = this.own.host.runnable > 1 ? "\nOr use your own photo." : "";
    this.#lead(empty ? `${sentence}\n${OPERATOR}${mine}` : sentence, "over");
    this.find("[data-verdict]").textContent = "";
    this.find("[data-next]").textContent = trouble ? "Try again" : "Look again";
    this.#say(sentence);
  }

  #lead(text, mode) {
    release(this.aside ? null : this.round);
    this.round = null;
    this.find("[data-view]").dataset.round = "";
    this.find("[data-lead]").textContent = text;
    this.find("[data-share-row]").hidden = true;
    this.mode = mode;
  }

  #next() {
    if (this.mode === "over") return this.#go();
    if (this.mode !== "told" || performance.now() - this.told < DOUBLE) return;
    this.#notice("");
    this.#go();
  }

  #skip() {
    if (this.mode !== "asking") return;
    this.server.skip(this.round.round).catch(() => {}); // not answered either way
    this.#notice("");
    this.#say("Skipped.");
    this.#go();
  }

  // --- answers ----------------------------------------------------------------------------------------------------

  async #vote(choice) {
    const { round } = this;
    const looked = (performance.now() - this.shown) / 1000;
    if (this.mode !== "asking" || looked < BLINK / 1000) return;
    this.mode = "sending";
    this.#pressed(choice);
    const share = this.find("[data-share]").checked && round.own && !round.public;
    try {
      const answer = await this.server.vote(round.round, { choice, reasons: this.reasons.with(choice), share, looked });
      if (this.round === round) this.#told(answer);
    } catch (error) {
      if (this.round === round) this.#refused(error);
    }
  }

  #refused(error) {
    this.#pressed(null);
    this.mode = "asking";
    this.#notice(error.message);
    this.#say(error.message);
    if (error.gone) this.#go();
  }

  #told({ receipt, choice, left, right, check }) {
    this.told = performance.now();
    this.mode = "told";
    this.#pressed(null);
    for (const [side, told] of [["left", left], ["right", right]]) {
      this.view.name(side, told);
      if (told.result) this.#likely(side, told);
    }
    const words = check ? `${SAID[choice]} ${check}` : SAID[choice];
    this.find("[data-verdict]").textContent = words;
    this.find("[data-next]").textContent = "Next pair";
    this.find("[data-share-row]").hidden = true;
    this.count += 1;
    this.find("[data-progress]").textContent = `${this.count} judged`;
    this.#notice("");
    this.#say(`${words} A: ${spoken(left)}. B: ${spoken(right)}. N for the next pair.`);
    remember(receipt);
    this.#receipt(receipt);
    window.dispatchEvent(new CustomEvent("rorem-voted")); // the Leaderboard then asks sooner whether it moved
    this.#about(); // its numbers have changed
  }

  /** What a program thinks of one's own result comes a moment later. */
  async #likely(side, told) {
    const { round } = this;
    const likely = await this.server.likely(told.result).catch(() => "");
    if (likely && this.round === round) this.view.name(side, { ...told, likely });
  }

  #receipt(receipt) {
    this.receipt = receipt;
    this.find("[data-receipt]").hidden = !receipt;
    this.find("[data-receipt-line]").textContent = receipt ? ["Kept", told(receipt), pending(receipt)].filter(Boolean).join(" · ") : "";
    if (!receipt) this.#notice("Your vote was deleted.");
  }

  #pressed(choice) {
    for (const button of this.panel.querySelectorAll("[data-choice]")) button.setAttribute("aria-pressed", String(button.dataset.choice === choice));
  }

  // --- one's own photo --------------------------------------------------------------------------------------------

  #ownHost() {
    return {
      runnable: Number(this.panel.dataset.runnable),
      visit: this.server.visit,
      working: (words, fraction) => {
        this.find("[data-lead]").textContent = words;
        this.find("[data-meter] i").style.width = `${100 * fraction}%`;
        this.find("[data-meter]").setAttribute("aria-valuenow", Math.round(100 * fraction));
      },
      made: async (round, note) => {
        const turn = this.turn;
        try {
          const whole = await this.server.withPictures(round);
          if (this.turn !== turn) return;
          this.#showMine(whole, note);
        } catch (error) {
          this.#failed(error.message);
        }
      },
      failed: (sentence) => this.#failed(sentence),
    };
  }

  #useMine() {
    if (this.mode === "working" || this.mode === "sending") return;
    const { trouble } = this.own;
    this.#notice(trouble);
    this.#say(trouble || "Two methods are at work.");
    if (trouble) return;
    this.turn = {};
    if (this.mode === "asking" && !this.round.own) this.aside = this.round; // comes again afterwards
    this.#lead("", "working");
    this.own.start();
  }

  #showMine(round, note) {
    const { aside } = this;
    this.#show(round);
    this.aside = aside;
    this.#notice(note);
  }

  #failed(sentence) {
    this.#go();
    this.#notice(sentence);
    this.#say(sentence);
  }

  // --- words ------------------------------------------------------------------------------------------------------

  async #about() {
    const { policy, missing } = await this.server.about().catch(() => ({}));
    if (policy) this.find("[data-about]").textContent = [policy, missing].filter(Boolean).join(" ");
  }

  #notice(text) {
    this.find("[data-notice]").textContent = text;
  }

  #say(text) {
    this.find("[data-said]").textContent = text;
  }

  #focus() {
    this.find("[data-view]").focus({ preventScroll: true });
  }

  // --- keys, mouse, fingers ---------------------------------------------------------------------------------------

  #original(held) {
    if (this.view.original === held || (held && !this.round)) return;
    this.view.original = held;
    this.find('[data-do="original"]').setAttribute("aria-pressed", String(held));
  }

  #listen(element) {
    element.addEventListener("keydown", (event) => this.#key(event) && event.preventDefault());
    element.addEventListener("keyup", ({ key }) => (key === " " || key.toLowerCase() === "o") && this.#original(false));
    element.addEventListener("focusout", ({ relatedTarget }) => element.contains(relatedTarget) || this.#original(false));
    element.addEventListener("click", (event) => this.#click(event));
    for (const held of [this.find('[data-do="original"]'), ...element.querySelectorAll(".fit")]) {
      held.addEventListener("pointerdown", ({ button }) => button === 0 && this.#original(true));
      for (const end of ["pointerup", "pointercancel", "pointerleave"]) held.addEventListener(end, () => this.#original(false));
      held.addEventListener("contextmenu", (event) => event.preventDefault()); // a long touch is a look
    }
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    const button = event.target.closest("button, input");
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (button && (key === "Enter" || (key === " " && button.dataset.do !== "original"))) return false; // presses it
    if (key === " " || key === "o") return this.#original(true), true;
    const act = CHOICES[key] ? () => this.#vote(CHOICES[key]) : this.do[ACTS[key]];
    if (act) return event.repeat || act(), true; // a key that something lies on answers once
    return this.mode === "asking" && !event.repeat && this.reasons.key(key);
  }

  #click(event) {
    const button = event.target.closest("button");
    if (!button) return;
    const { choice, reason, do: act } = button.dataset;
    if (choice) this.#vote(choice);
    else if (reason) this.reasons.toggle(reason);
    else this.do[act]?.();
    if (event.detail && act !== "data") this.#focus(); // so that the keys mean the pictures again
  }
}

function spoken({ title, likely }) {
  return likely ? `${title}, ${likely}` : title;
}
