// The selection as a bitmap for the screen. The server draws it again at full size; this one is bounded so that a
// phone can keep up. Bitmaps of unchanged entries are kept: entries are immutable values.

import { gridOf } from "./strokes.js";

const LONGEST = 1280;

export class Rasteriser {
  /** @param loadMask (id) => Promise<ImageBitmap>; @param ready called when a loaded mask can be drawn */
  constructor(loadMask, ready) {
    this.cache = new WeakMap();
    this.masks = new Map();
    this.loadMask = loadMask;
    this.ready = ready;
    this.canvas = document.createElement("canvas");
  }

  /** A mask that came with its picture need not be asked for. */
  adopt(id, picture) {
    this.masks.set(id, picture);
  }

  /** {width, height, scale, bits: Uint8Array, marked} of a document's shown entries. */
  draw(doc) {
    const scale = Math.min(1, LONGEST / Math.max(doc.photo.width, doc.photo.height));
    const width = Math.max(1, Math.round(doc.photo.width * scale));
    const height = Math.max(1, Math.round(doc.photo.height * scale));
    const bits = new Uint8Array(width * height);
    for (const entry of doc.entries) {
      if (entry.hidden) continue;
      const own = this.#entry(entry, doc.photo, width, height);
      for (let i = 0; i < bits.length; i++) bits[i] |= own[i];
    }
    let marked = 0;
    for (let i = 0; i < bits.length; i++) marked += (bits[i] ^= doc.invert ? 1 : 0);
    return { width, height, scale, bits, marked };
  }

  /** Whether an entry of the document drawn last marks a point of the photo. */
  covers(entry, [x, y], { width, height, scale }) {
    const [column, row] = [Math.floor(x * scale), Math.floor(y * scale)];
    const inside = column >= 0 && row >= 0 && column < width && row < height;
    return inside && Boolean(this.cache.get(entry)?.bits[row * width + column]);
  }

  #entry(entry, photo, width, height) {
    const kept = this.cache.get(entry);
    if (kept && kept.photo === photo.id) return kept.bits;
    const context = this.#context(width, height);
    const complete = entry.shapes.map((shape) => this.#shape(context, shape, photo, width / photo.width));
    const data = context.getImageData(0, 0, width, height).data;
    let bits = new Uint8Array(width * height);
    for (let i = 0; i < bits.length; i++) bits[i] = data[4 * i + 3] > 127 ? 1 : 0;
    if (entry.grow) bits = grown(bits, width, height, entry.grow * (width / photo.width));
    if (complete.every(Boolean)) this.cache.set(entry, { bits, photo: photo.id });
    return bits;
  }

  #context(width, height) {
    this.canvas.width = width;
    this.canvas.height = height;
    const context = this.canvas.getContext("2d", { willReadFrequently: true });
    context.lineCap = context.lineJoin = "round";
    return context;
  }

  #shape(context, shape, photo, scale) {
    context.globalCompositeOperation = shape.tool === "erase" ? "destination-out" : "source-over";
    if (shape.tool === "mask") return this.#mask(context, shape.mask);
    const unit = gridOf(photo) * scale;
    const points = shape.points.map((value) => value * unit);
    tracePath(context, points);
    if (shape.tool === "lasso") context.fill("evenodd");
    else if (shape.tool === "box") context.fillRect(points[0], points[1], points[2] - points[0], points[3] - points[1]);
    else strokePath(context, points, shape.radius * scale);
    return true;
  }

  #mask(context, id) {
    const picture = this.masks.get(id);
    if (picture) context.drawImage(picture, 0, 0, context.canvas.width, context.canvas.height);
    else if (picture === undefined) {
      this.masks.set(id, null);
      this.loadMask(id).then((loaded) => { this.masks.set(id, loaded); this.ready(); });
    }
    return Boolean(picture);
  }
}

export function tracePath(context, points) {
  context.beginPath();
  context.moveTo(points[0], points[1]);
  for (let i = 2; i < points.length; i += 2) context.lineTo(points[i], points[i + 1]);
}

/** The current path as a brush stroke; a single point is a dot. */
export function strokePath(context, points, radius) {
  context.lineWidth = 2 * radius;
  if (points.length === 2) context.lineTo(points[0] + 0.01, points[1]);
  context.stroke();
}

/** Bits wider by `radius` (narrower if negative), by the exact distance transform of Felzenszwalb and Huttenlocher. */
export function grown(bits, width, height, radius) {
  const inside = radius > 0 ? 1 : 0;
  const far = 1e12;
  const grid = Float64Array.from(bits, (bit) => (bit === inside ? 0 : far));
  const longest = Math.max(width, height);
  const [f, v, z] = [new Float64Array(longest), new Int32Array(longest), new Float64Array(longest + 1)];
  for (let x = 0; x < width; x++) transformLine(grid, x, width, height, f, v, z);
  for (let y = 0; y < height; y++) transformLine(grid, y * width, 1, width, f, v, z);
  const limit = radius * radius;
  return Uint8Array.from(grid, (d) => (radius > 0 ? (d <= limit ? 1 : 0) : d > limit ? 1 : 0));
}

function transformLine(grid, offset, stride, length, f, v, z) {
  for (let q = 0; q < length; q++) f[q] = grid[offset + q * stride];
  let k = 0;
  [v[0], z[0], z[1]] = [0, -Infinity, Infinity];
  for (let q = 1; q < length; q++) {
    let s;
    do {
      const r = v[k];
      s = (f[q] - f[r] + q * q - r * r) / (q - r) / 2;
    } while (s <= z[k] && --k > -1);
    k++;
    [v[k], z[k], z[k + 1]] = [q, s, Infinity];
  }
  k = 0;
  for (let q = 0; q < length; q++) {
    while (z[k + 1] < q) k++;
    grid[offset + q * stride] = (q - v[k]) ** 2 + f[v[k]];
  }
}
