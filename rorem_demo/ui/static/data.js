// The page "Your data": receipts of this browser, any receipt looked up or deleted, and the store in numbers.

import { clock, forget, pending, remember, remembered, said, sameThread, told, twice } from "./receipts.js";
import { Server } from "./server.js";

export function mount({ element, base }) {
  return new Data(element, new Server(base));
}

class Data {
  constructor(element, server) {
    Object.assign(this, { element, server });
    this.part = (name) => element.querySelector(`[data-${name}]`);
    this.text = this.part("text");
    this.part("lookup").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#lookUp(this.text.value);
    });
    twice(this.part("take-back"), () => this.#delete(this.text.value));
    new IntersectionObserver((seen) => seen.some((part) => part.isIntersecting) && this.#refresh()).observe(element);
  }

  #refresh() {
    this.#list();
    this.#status();
  }

  async #lookUp(text) {
    await this.#telling(text, async () => {
      const receipt = await this.server.receipt(text.trim());
      if (remembered().some((known) => sameThread(known.text, receipt.text))) remember(receipt);
      const kept = `${said(receipt)} · ${told(receipt)}.`;
      return [kept, pending(receipt)].filter(Boolean).join(" ");
    });
  }

  async #delete(text) {
    await this.#telling(text, async () => {
      const sentence = await this.server.deleteRating(text.trim());
      forget(text.trim());
      this.text.value = "";
      this.#refresh();
      return sentence;
    });
  }

  async #telling(text, act) {
    if (!text.trim()) {
      this.part("told").textContent = "Paste a receipt first.";
      this.text.focus();
      return;
    }
    try {
      this.part("told").textContent = await act();
    } catch (error) {
      this.part("told").textContent = error.message;
    }
  }

  #list() {
    const receipts = remembered();
    this.part("none").hidden = receipts.length > 0;
    this.part("receipts").replaceChildren(...receipts.map((receipt) => this.#row(receipt)));
  }

  #row(receipt) {
    const [row, label, code] = ["li", "span", "code"].map((name) => document.createElement(name));
    label.textContent = `${said(receipt)} · ${clock(receipt.saved)}`;
    code.textContent = receipt.text;
    label.append(code);
    const state = button("State", `State of the answer of ${clock(receipt.saved)}`);
    state.addEventListener("click", () => {
      this.text.value = receipt.text;
      this.#lookUp(receipt.text);
    });
    const drop = button("Delete");
    twice(drop, () => this.#delete(receipt.text));
    row.append(label, state, drop);
    return row;
  }

  async #status() {
    const line = this.part("status");
    try {
      line.textContent = inNumbers(await this.server.feedback());
    } catch (error) {
      line.textContent = error.message;
    }
  }
}

function inNumbers({ kept, published, waiting, in_review: review, last_published: last, last_error: error }) {
  const facts = [`kept ${kept}`, `published ${published}`, `waiting ${waiting}${review ? ` (${review} for a reviewer)` : ""}`];
  if (last) facts.push(`last published ${clock(last)}`);
  if (error) facts.push(`last error: ${error}`);
  return facts.join(" · ");
}

function button(text, label) {
  const made = Object.assign(document.createElement("button"), { type: "button", textContent: text });
  if (label) made.setAttribute("aria-label", label);
  return made;
}
