// One line for all receipts of this tab: how many answers are kept, and a way to take them back.

import { receipts } from "./annotate_server.js";

export class ReceiptLine {
  /** `before` is awaited before anything is deleted; `deleted` is called with a sentence when that is over. */
  constructor(root, server, before, deleted) {
    Object.assign(this, { root, server, before, deleted });
    this.acts = { forget: () => this.#ask(true), keep: () => this.#ask(false), really: () => this.#forget() };
    this.show();
  }

  show() {
    const { length } = receipts.all;
    this.root.hidden = length === 0;
    const kept = numbered(length);
    this.root.querySelector("[data-kept]").textContent = this.asking ? `Delete ${kept} for good?` : `${kept} kept ·`;
    for (const [name, shown] of [["forget", !this.asking], ["really", this.asking], ["keep", this.asking]]) this.#button(name).hidden = !shown;
  }

  #ask(asking) {
    this.asking = asking;
    this.show();
    this.#button(asking ? "keep" : "forget").focus();
  }

  async #forget() {
    await this.before();
    let count = 0;
    let trouble = "";
    try {
      for (const receipt of receipts.all) {
        await this.server.forget(receipt);
        receipts.drop(receipt);
        count += 1;
      }
    } catch (error) {
      trouble = ` ${error.message}`;
    }
    this.asking = false;
    this.show();
    this.deleted(`${numbered(count)} deleted.${trouble}`);
  }

  #button(name) {
    return this.root.querySelector(`[data-do="${name}"]`);
  }
}

function numbered(count) {
  return `${count} answer${count === 1 ? "" : "s"}`;
}
