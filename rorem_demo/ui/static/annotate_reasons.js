// Why the last one was not gone: optional, tapped while the next picture is already shown.

import { REASONS } from "./reasons.js";

const SETTLED = 1200; // ms after which reasons are sent: one row for several taps
const FIRST_KEY = 2;

export class Reasons {
  /** `send` is called with an entry whose reasons have changed, `say` with words for a screen reader. */
  constructor(root, send, say) {
    Object.assign(this, { root, send, say });
    this.buttons = REASONS.map(([reason, words], number) => {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", innerHTML: `<kbd>${FIRST_KEY + number}</kbd> ${words}` });
      button.dataset.reason = reason;
      return button;
    });
    root.querySelector("[data-reasons]").append(...this.buttons);
    this.about(null);
    addEventListener("pagehide", () => this.settle());
    document.addEventListener("visibilitychange", () => document.hidden && this.settle());
  }

  /** Ask about an entry that was answered with no, or about nothing. */
  about(entry) {
    this.entry = entry;
    this.root.toggleAttribute("data-on", Boolean(entry));
    for (const button of this.buttons) {
      button.disabled = !entry;
      button.setAttribute("aria-pressed", String(Boolean(entry?.reasons.includes(button.dataset.reason))));
    }
  }

  /** Whether a key stands for a reason; it is toggled if one is asked for. */
  key(key) {
    const reason = REASONS[Number(key) - FIRST_KEY]?.[0];
    if (reason) this.toggle(reason);
    return Boolean(reason);
  }

  toggle(reason) {
    const { entry } = this;
    if (!entry) return;
    const had = entry.reasons.includes(reason);
    entry.reasons = had ? entry.reasons.filter((other) => other !== reason) : [...entry.reasons, reason];
    this.about(entry);
    this.say(`${REASONS.find(([key]) => key === reason)[1]}: ${had ? "off" : "on"}.`);
    clearTimeout(this.timer);
    this.changed = entry;
    this.timer = setTimeout(() => this.settle(), SETTLED);
  }

  /** Send what was tapped, now. */
  settle() {
    clearTimeout(this.timer);
    const entry = this.changed;
    this.changed = null;
    if (entry?.removed === false) this.send(entry);
  }
}
