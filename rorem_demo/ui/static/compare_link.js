// The address of a ready case and of how it is looked at. It is kept in the hash: a reload keeps it, gradio does not
// read it, and a Space's page gives it on to the frame in which the app runs.

const NAMES = ["case", "look", "a", "b", "difference"];

export const link = {
  /** {case, look, a, b, difference}, texts; {} where the address names no case. */
  read() {
    const given = new URLSearchParams(location.hash.slice(1));
    return given.get("case") ? Object.fromEntries(NAMES.filter((name) => given.has(name)).map((name) => [name, given.get(name)])) : {};
  },

  /** The address of this page with these in it, or without any. */
  address(state) {
    const hash = new URLSearchParams(Object.entries(state ?? {}).filter(([, value]) => value));
    return `${location.href.split("#")[0]}${[...hash].length ? `#${hash}` : ""}`;
  },

  write(state) {
    history.replaceState(history.state, "", link.address(state));
    // The page around the frame of a Space takes its hash from it.
    if (window.parent !== window) window.parent.postMessage({ hash: location.hash }, "https://huggingface.co");
  },

  clear() {
    if (link.read().case) link.write({});
  },
};
