// What is selected, as immutable values with one undo chain over all of it: strokes, entries, and the photo itself
// ("continue from this result" can be undone too). Points are integers in units of `grid` photo pixels.

/** @typedef {{tool: "brush"|"erase", radius: number, points: number[]} | {tool: "lasso"|"box", points: number[]}
 *  | {tool: "mask", mask: string}} Shape  */
/** What an entry was made from by pointing; its first shape is the mask of the chosen candidate.
 *  @typedef {{clicks: number[][], box: number[]|null, candidates: string[], chosen: number}} Pointed */
/** @typedef {{key: number, kind: string, grow: number, hidden: boolean, shapes: Shape[], label?: string, pointed?: Pointed}} Entry */
/** @typedef {{photo: object|null, entries: Entry[], invert: boolean, active: number|null}} Doc */

export const EMPTY = Object.freeze({ photo: null, entries: [], invert: false, active: null });

let nextKey = 1;

export class History {
  constructor(changed) {
    this.doc = EMPTY;
    this.past = [];
    this.future = [];
    this.changed = changed;
  }

  /** A new document that undo can take back. */
  commit(change) {
    this.past.push(this.doc);
    if (this.past.length > 200) this.past.shift();
    this.future = [];
    this.#set({ ...this.doc, ...change });
  }

  /** A change that is no step of its own: which entry is active. */
  adjust(change) {
    this.#set({ ...this.doc, ...change });
  }

  /** Another photo: nothing before it can come back. */
  restart(photo) {
    this.past = [];
    this.future = [];
    this.#set({ ...EMPTY, photo });
  }

  undo() {
    if (!this.past.length) return;
    this.future.push(this.doc);
    this.#set(this.past.pop());
  }

  redo() {
    if (!this.future.length) return;
    this.past.push(this.doc);
    this.#set(this.future.pop());
  }

  #set(doc) {
    this.doc = doc;
    this.changed(doc);
  }
}

/** The document with one more shape, in the active entry or in a new one of its own. */
export function withShape(doc, shape, kind) {
  const joins = shape.tool === "brush" && doc.entries.some((entry) => entry.key === doc.active && !entry.hidden);
  if (joins) return { entries: replaceEntry(doc, doc.active, (entry) => ({ shapes: [...entry.shapes, shape] })) };
  return withEntry(doc, kind, [shape]);
}

/** The document with one more entry, which becomes the active one. */
export function withEntry(doc, kind, shapes, more = {}) {
  const entry = { key: nextKey++, kind, grow: 0, hidden: false, shapes, ...more };
  return { entries: [...doc.entries, entry], active: entry.key };
}

/** The document with a stroke erased from the active entry, or from all that are shown if none is active. */
export function withErased(doc, stroke) {
  const active = doc.entries.some((entry) => entry.key === doc.active && !entry.hidden);
  const concerns = (entry) => (active ? entry.key === doc.active : !entry.hidden);
  return {
    entries: doc.entries.map((entry) => (concerns(entry) ? { ...entry, shapes: [...entry.shapes, stroke] } : entry)),
  };
}

/** The entries grown by so many pixels: the active one, or all that are shown. */
export function withGrow(doc, pixels) {
  const active = doc.entries.some((entry) => entry.key === doc.active);
  const limit = (value) => Math.max(-200, Math.min(200, value));
  return {
    entries: doc.entries.map((entry) =>
      (active ? entry.key === doc.active : !entry.hidden) ? { ...entry, grow: limit(entry.grow + pixels) } : entry),
  };
}

export function replaceEntry(doc, key, change) {
  return doc.entries.map((entry) => (entry.key === key ? { ...entry, ...change(entry) } : entry));
}

export function withoutEntry(doc, key) {
  return { entries: doc.entries.filter((entry) => entry.key !== key), active: doc.active === key ? null : doc.active };
}
