// The keyboard on the bench. Letters, digits and signs act wherever on the tab the focus is, but where one writes or
// chooses; arrows and Space on the bench alone, for elsewhere they scroll and press.

const ARROWS = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const LOOKS = { g: "grid", s: "slider", f: "flicker" };

export function listen(bench, handle, tab) {
  tab.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !bench.view) return;
    const elsewhere = !bench.root.contains(event.target);
    if (elsewhere && (event.key in ARROWS || event.key === " " || event.target.matches("input, select"))) return;
    if (onHandle(event, bench, handle) || onBench(event, bench)) event.preventDefault();
  });
  bench.root.addEventListener("keyup", (event) => event.key === " " && bench.hold(false));
  bench.root.addEventListener("focusout", () => bench.hold(false));
}

function onBench(event, bench) {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const digit = /^Digit([1-9])$/.exec(event.code)?.[1];
  const step = event.shiftKey ? 120 : 40;
  if (key in LOOKS) return look(bench, LOOKS[key]), true;
  if (key === "Escape") return look(bench, "grid"), true;
  if (key in ARROWS) return bench.pan(ARROWS[key][0] * step, ARROWS[key][1] * step), true;
  if (digit) return choose(bench, digit - 0, event.shiftKey ? "a" : "b"), true;
  if (key === "d") return bench.setDifference(!bench.difference), true;
  if (key === "x") return bench.swap(), true;
  if (key === "0") return bench.fit(), true;
  if (key === "+" || key === "=" || key === "-") return bench.zoom(key === "-" ? 1 / 1.25 : 1.25), true;
  if (key === " " && bench.look === "flicker" && event.target.tagName !== "BUTTON") return bench.hold(true), true;
  return false;
}

/** What had the focus may be hidden now; the keys go on working. */
function look(bench, name) {
  bench.setLook(name);
  bench.root.focus({ preventScroll: true });
}

/** Tiles as they are numbered: the first method is 1; the original has no digit, but stands in the lists. */
function choose(bench, at, side) {
  const tile = bench.view?.tiles[at];
  if (tile) bench.setSide(side, tile.tile);
}

function onHandle(event, bench, handle) {
  if (event.target !== handle) return false;
  const step = event.shiftKey ? 0.1 : 0.02;
  const moves = { ArrowLeft: -step, ArrowDown: -step, ArrowRight: step, ArrowUp: step, Home: -1, End: 1 };
  if (!(event.key in moves)) return false;
  bench.slideTo(bench.slider + moves[event.key]);
  return true;
}
