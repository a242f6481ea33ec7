// The Annotate tab's calls to the server (`ui/annotate.py`), and what this browser keeps: its visit and its receipts.

import { ask } from "./server.js";
import { anything, remember, remembered } from "./kept.js";
import { forget, onForgotten, remember as list, sameThread } from "./receipts.js";

const RECEIPTS = "rorem-annotate-receipts"; // of this tab's answers, each in the list of all answers as well
const VISIT = "rorem-annotate-visit";

export class Server {
  constructor(base) {
    this.base = base;
    this.visit = remembered(VISIT) || remember(VISIT, anything());
  }

  /** The next item with its pictures, or {done: true, sentence}. */
  async next(skip) {
    const told = await this.#json("annotate/next", { visit: this.visit, skip });
    if (told.done) return told;
    return { ...told, pictures: await this.pictures(told) };
  }

  /** The bitmaps at an item's three addresses; the mask's alpha is what was to go. */
  async pictures({ source, mask, result }) {
    const [before, marked, after] = await Promise.all([source, mask, result].map((address) => this.#picture(address)));
    return { source: before, mask: alphaOf(marked), result: after };
  }

  /** The receipt of an answer, which is on the server's disk then. */
  async rate(item, answer) {
    return this.#json(`annotate/${item}/rating`, { ...answer, visit: this.visit });
  }

  async forget(receipt) {
    return (await this.#call(`ratings/${encodeURIComponent(receipt)}`, { method: "DELETE", headers: { "X-Visit": this.visit } })).json();
  }

  async #picture(address) {
    return createImageBitmap(await (await this.#call(address, {})).blob());
  }

  async #json(path, body) {
    // keepalive: an answer given just before the page is closed still arrives
    const init = { method: "POST", body: JSON.stringify(body), keepalive: true };
    return (await this.#call(path, init)).json();
  }

  #call(path, init) {
    return ask(new URL(path, this.base), init);
  }
}

/** Texts of the receipts of answers given on this tab. */
export const receipts = {
  get all() {
    try {
      const texts = JSON.parse(remembered(RECEIPTS));
      return Array.isArray(texts) ? texts.filter((text) => typeof text === "string") : [];
    } catch {
      return [];
    }
  },

  add(receipt) {
    list(receipt);
    remember(RECEIPTS, JSON.stringify([...without(receipt.text), receipt.text]));
  },

  /** `act` is called when some answer was deleted, here or elsewhere on the page. */
  onDropped(act) {
    onForgotten((text) => {
      remember(RECEIPTS, JSON.stringify(without(text)));
      act(text);
    });
  },

  drop: forget,
};

/** A later answer on the same result stands for the earlier ones. */
function without(text) {
  return receipts.all.filter((other) => !sameThread(other, text));
}

/** A black and white picture as one of which white is opaque. */
function alphaOf(picture) {
  const context = new OffscreenCanvas(picture.width, picture.height).getContext("2d");
  context.drawImage(picture, 0, 0);
  const pixels = context.getImageData(0, 0, picture.width, picture.height);
  for (let i = 0; i < pixels.data.length; i += 4) pixels.data[i + 3] = pixels.data[i];
  context.putImageData(pixels, 0, 0);
  return context.canvas;
}
