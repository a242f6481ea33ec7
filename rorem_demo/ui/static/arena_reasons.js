// What is wrong with the worse one, said before the answer: afterwards the names are known.

import { REASONS } from "./reasons.js";

const LETTERS = ["v", "w", "b", "c", "g", "h", "x"];

export class Reasons {
  /** `say` is called with words for a screen reader. */
  constructor(root, say) {
    this.say = say;
    this.chosen = new Set();
    this.buttons = REASONS.map(([reason, words], at) => {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", innerHTML: `<kbd>${LETTERS[at].toUpperCase()}</kbd> ${words}` });
      button.dataset.reason = reason;
      return button;
    });
    root.querySelector("[data-reasons]").append(...this.buttons);
    this.clear();
  }

  clear() {
    this.chosen.clear();
    this.#show();
  }

  /** Whether a letter stands for a reason, which is then toggled. */
  key(letter) {
    const reason = REASONS[LETTERS.indexOf(letter)]?.[0];
    if (reason) this.toggle(reason);
    return Boolean(reason);
  }

  toggle(reason) {
    const had = this.chosen.delete(reason);
    if (!had) this.chosen.add(reason);
    this.#show();
    this.say(`${REASONS.find(([name]) => name === reason)[1]}: ${had ? "off" : "on"}.`);
  }

  /** Those that go with a choice: none where both are good. */
  with(choice) {
    return choice === "both-good" ? [] : [...this.chosen].sort();
  }

  #show() {
    for (const button of this.buttons) button.setAttribute("aria-pressed", String(this.chosen.has(button.dataset.reason)));
  }
}
