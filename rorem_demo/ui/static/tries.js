// The results of one run with several tries, the best first: a button each, which shows that one on the stage. All else
// (slider, rating, downloads, Continue) is of the one that is shown.

import { isText } from "./rating.js";

export class Tries {
  constructor(stage) {
    Object.assign(this, { stage, results: [] });
    this.root = stage.element.querySelector('[data-part="tries"]');
    this.#connect();
  }

  /** Buttons for these, best first; a single result needs none. */
  offer(results) {
    this.results = results.length > 1 ? results : [];
    const titles = results.map(({ title }) => title);
    this.root.replaceChildren(...this.results.map((result, at) => this.#button(result, at, titles.filter((title) => title === result.title).length > 1)));
    this.root.toggleAttribute("data-shown", this.results.length > 0);
    this.root.scrollLeft = 0;
  }

  leave() {
    this.offer([]);
  }

  /** Which one is on the stage. */
  mark(shown) {
    for (const [at, button] of [...this.root.children].entries()) {
      const pressed = this.results[at] === shown;
      button.setAttribute("aria-pressed", pressed);
      if (pressed) this.#reveal(button);
    }
  }

  #button({ title, seed, score }, at, several) {
    const button = document.createElement("button");
    const name = several && seed !== null ? `${title} ${seed}` : title;
    const told = score ? (score.percent === null ? "not sure" : `${score.percent}%`) : "";
    button.type = "button";
    const rank = Object.assign(document.createElement("b"), { textContent: at + 1 });
    button.append(rank, ` ${[name, told].filter(Boolean).join(" · ")}`);
    button.title = `Show this one (${at + 1})`;
    if (score) button.setAttribute("aria-label", `${at + 1} ${name}, ${score.words}`);
    button.dataset.at = at;
    return button;
  }

  #show(at) {
    const result = this.results[at];
    if (result) this.stage.showResult(result);
    return Boolean(result);
  }

  /** Only sideways, in its own row: the page stays where it is. */
  #reveal(button) {
    const [row, own] = [this.root.getBoundingClientRect(), button.getBoundingClientRect()];
    this.root.scrollLeft += Math.max(0, own.right - row.right) - Math.max(0, row.left - own.left);
  }

  #connect() {
    this.root.addEventListener("click", ({ target }) => this.#show(target.closest("button")?.dataset.at));
    this.stage.element.addEventListener("keydown", (event) => {
      if (!/^[1-9]$/.test(event.key) || event.ctrlKey || event.metaKey || event.altKey || isText(event.target)) return;
      if (this.#show(event.key - 1)) event.preventDefault();
    });
  }
}
