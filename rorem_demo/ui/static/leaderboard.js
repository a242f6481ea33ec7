// The Leaderboard tab: asks for the board while somebody looks at it, and draws it anew only where it changed.

import { ask } from "./server.js";
import { copy } from "./receipts.js";
import { showTab } from "./tabs.js";
import { draw, tellWhy } from "./leaderboard_view.js";

const GENTLY = 20000; // ms between two questions
const SOON = 3000; // at first, since a question is what has votes counted, and after a vote of this visitor
const SOON_AT_FIRST = 10000;
const SOON_AFTER_VOTE = 60000;
const COUNTING = 400; // while there is no board yet, and ever less often
const VOTED = "rorem-voted"; // on window: a vote was kept

export function mount({ element, base }) {
  return new Leaderboard(element, new URL("leaderboard", base));
}

class Leaderboard {
  constructor(element, address) {
    this.part = (name) => element.querySelector(`[data-${name}]`);
    this.address = address;
    this.version = null; // of the board that is drawn
    this.hurry = 0; // until when to ask soon
    this.seen = false;
    this.part("arena").addEventListener("click", () => showTab("Arena"));
    this.part("copy").addEventListener("click", async () => {
      this.part("copy").textContent = await copy(this.part("command"));
    });
    new IntersectionObserver((entries) => this.#look(entries.at(-1).isIntersecting)).observe(this.part("board"));
    document.addEventListener("visibilitychange", () => this.#look(this.seen));
    window.addEventListener(VOTED, () => {
      this.#hurry(SOON_AFTER_VOTE);
      this.#look(this.seen);
    });
  }

  #hurry(time) {
    this.hurry = Math.max(this.hurry, performance.now() + time);
  }

  #look(seen) {
    if (seen && !this.seen) this.#hurry(SOON_AT_FIRST);
    this.seen = seen;
    clearTimeout(this.next);
    if (seen && !document.hidden) this.#refresh();
  }

  async #refresh() {
    if (this.asking) return;
    this.asking = true;
    let pause = GENTLY;
    try {
      const answer = await ask(this.address, { cache: "no-cache" });
      pause = this.#take(await answer.json());
    } catch (error) {
      this.#say(error.message);
    }
    this.asking = false;
    clearTimeout(this.next);
    if (this.seen && !document.hidden) this.next = setTimeout(() => this.#refresh(), pause);
  }

  /** How long to wait before the next question. */
  #take({ board, version, trouble, waiting }) {
    this.#say([trouble, waiting].filter(Boolean).join(" "));
    if (version !== this.version) draw(this.part, board);
    if (!board) tellWhy(this.part, trouble);
    this.version = version;
    this.counting = board ? 0 : Math.min(1.5 * (this.counting || COUNTING), GENTLY);
    if (!board) return this.counting;
    return performance.now() < this.hurry ? SOON : GENTLY;
  }

  #say(words) {
    const line = this.part("status");
    if (line.textContent !== words) line.textContent = words;
  }
}
