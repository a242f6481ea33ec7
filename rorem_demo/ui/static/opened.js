// The photo and the selection that are open on the Remove tab, for tabs that work on the same ones.

const acts = new Set();
let look = () => null;

export const opened = {
  /** {photo, visit, drawing, width, height, marked, public}: ids and what is drawn; null before a photo is opened. */
  get() {
    return look();
  },

  /** `act` is called when the photo or the selection has changed. */
  onChange(act) {
    acts.add(act);
  },

  /** The stage's: how to find it. */
  set(looking) {
    look = looking;
  },

  /** The stage's: it has changed. */
  changed() {
    for (const act of acts) act();
  },
};
