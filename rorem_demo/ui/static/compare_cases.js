// The strip of ready cases: a button each, the photo of the Remove tab first.

import { ask } from "./server.js";

export class Cases {
  /** @param choose (id) => void; "" is the photo of the Remove tab */
  constructor(element, base, choose) {
    Object.assign(this, { base, choose, ids: [], shown: "" });
    this.root = element.querySelector("[data-cases]");
    this.strip = element.querySelector("[data-strip]");
    this.strip.addEventListener("click", ({ target }) => {
      const button = target.closest("button");
      if (button?.dataset.more !== undefined) this.#more();
      else if (button) choose(button.dataset.case);
    });
  }

  /** Ids of the first cases. */
  async load() {
    const own = tile("own", "");
    own.append(words("Your photo"));
    this.strip.replaceChildren(own);
    await this.#more();
    this.root.hidden = this.ids.length === 0;
    this.mark(this.shown);
    return this.ids;
  }

  /** Everything of one, as the bench shows it. */
  async get(id) {
    return (await ask(new URL(`compare/cases/${encodeURIComponent(id)}`, this.base), {})).json();
  }

  mark(id) {
    this.shown = id;
    for (const button of this.strip.querySelectorAll("[data-case]")) button.setAttribute("aria-pressed", button.dataset.case === id);
  }

  async #more() {
    const { cases, total } = await (await ask(new URL(`compare/cases?from=${this.ids.length}`, this.base), {})).json();
    this.strip.querySelector("[data-more]")?.remove();
    for (const { id, title, credit } of cases) this.strip.append(this.#button(id, title, credit));
    this.ids.push(...cases.map(({ id }) => id));
    if (this.ids.length < total && cases.length) {
      const more = tile("more");
      more.dataset.more = "";
      more.append(words("More"));
      this.strip.append(more);
    }
    this.mark(this.shown);
  }

  #button(id, title, credit) {
    const button = tile("", id);
    const picture = Object.assign(document.createElement("img"), { alt: "", loading: "lazy", width: 116, height: 68 });
    picture.src = new URL(`compare/cases/${encodeURIComponent(id)}/thumb`, this.base).href;
    button.title = [title, credit].filter(Boolean).join(", ");
    button.append(picture, words(title));
    return button;
  }
}

function tile(kind, id) {
  const button = Object.assign(document.createElement("button"), { type: "button", className: kind });
  if (id !== undefined) button.dataset.case = id;
  return button;
}

function words(text) {
  return Object.assign(document.createElement("span"), { textContent: text });
}
