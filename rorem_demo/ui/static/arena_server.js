// The Arena's calls to the server (`ui/arena.py`), and the visit it answers as.

import { anything, remember, remembered } from "./kept.js";
import { ask } from "./server.js";

const VISIT = "rorem-arena-visit";
const VIEWS = ["left", "right", "source"];

export class Server {
  constructor(base) {
    this.base = base;
    this.visit = remembered(VISIT) || remember(VISIT, anything());
  }

  /** The next round with its pictures, or {done: true, sentence, empty}; `holding` are ids of rounds the page has open. */
  async next(holding) {
    const told = await this.#json("arena/next", { holding });
    return told.done ? told : this.withPictures(told);
  }

  /** The round with addresses of pictures that are here and decoded. */
  async withPictures(round) {
    const pictures = await Promise.all(VIEWS.map((view) => this.#picture(round[view])));
    return { ...round, pictures: Object.fromEntries(VIEWS.map((view, at) => [view, pictures[at]])) };
  }

  /** {receipt, choice, left, right, check}: what was kept, and the names. */
  async vote(round, verdict) {
    return this.#json(`arena/${round}/vote`, verdict);
  }

  async skip(round) {
    return this.#json(`arena/${round}/skip`, {});
  }

  async about() {
    return (await this.#call("arena/about", {})).json();
  }

  /** What a program thinks of one's own result, in words. */
  async likely(result) {
    return (await (await this.#call(`results/${result}/likely`, {})).json()).words;
  }

  async #picture(address) {
    const url = URL.createObjectURL(await (await this.#call(address, {})).blob());
    const image = new Image();
    image.src = url;
    await image.decode();
    return url;
  }

  async #json(path, body) {
    // keepalive: a vote given just before the page is closed still arrives
    const init = { method: "POST", body: JSON.stringify({ ...body, visit: this.visit }), keepalive: true };
    return (await this.#call(path, init)).json();
  }

  #call(path, init) {
    return ask(new URL(path, this.base), init);
  }
}

/** Let go of a round's pictures. */
export function release(round) {
  for (const url of Object.values(round?.pictures ?? {})) URL.revokeObjectURL(url);
}
