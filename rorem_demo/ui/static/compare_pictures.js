// The pictures of a bench, fetched once: the source as a JPEG, lossless parts over it, and maps of their difference.

import { ask } from "./server.js";

export const GAIN = 4; // how often a difference is shown larger than it is

export class Pictures {
  constructor(base) {
    Object.assign(this, { base, known: new Map(), maps: new WeakMap() });
  }

  /** The bitmap at an address, or a promise of it. */
  async get(address) {
    if (!this.known.has(address)) this.known.set(address, this.#fetch(address));
    return this.known.get(address).catch((error) => {
      this.known.delete(address);
      throw error;
    });
  }

  /** Forget all but these addresses. */
  keep(addresses) {
    for (const address of [...this.known.keys()]) if (!addresses.has(address)) this.known.delete(address);
  }

  /** |part - source|, larger; exactly black where the two are equal. Both are {picture, box}; part's box lies in source's. */
  difference(part, source) {
    if (!this.maps.has(part.picture)) this.maps.set(part.picture, differenceOf(part, source));
    return this.maps.get(part.picture);
  }

  async #fetch(address) {
    return createImageBitmap(await (await ask(new URL(address, this.base), {})).blob());
  }
}

function differenceOf(part, source) {
  const [left, top, right, bottom] = part.box;
  const canvas = new OffscreenCanvas(right - left, bottom - top);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const pixels = (picture, x, y) => {
    context.drawImage(picture, x, y);
    return context.getImageData(0, 0, canvas.width, canvas.height);
  };
  const before = pixels(source.picture, source.box[0] - left, source.box[1] - top).data;
  const after = pixels(part.picture, 0, 0);
  for (let i = 0; i < before.length; i += 1) if (i % 4 < 3) after.data[i] = GAIN * Math.abs(after.data[i] - before[i]);
  context.putImageData(after, 0, 0);
  return canvas;
}
