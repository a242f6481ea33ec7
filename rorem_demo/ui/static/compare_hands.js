// Mouse, pen and fingers on the bench: every picture of it moves the one camera; under the slider they move the slider.

import { Gestures } from "./gestures.js";

export function takeHands(bench, grid) {
  const known = new WeakSet();
  const takeAll = () => grid.querySelectorAll("canvas").forEach((canvas) => known.has(canvas) || take(bench, canvas, known));
  new MutationObserver(takeAll).observe(grid, { childList: true });
  take(bench, bench.canvas, known);
  const { handle } = bench;
  handle.addEventListener("pointerdown", (event) => handle.setPointerCapture(event.pointerId));
  handle.addEventListener("pointermove", (event) => {
    if (!handle.hasPointerCapture(event.pointerId)) return;
    const frame = bench.canvas.getBoundingClientRect();
    bench.slideTo((event.clientX - frame.left) / frame.width);
  });
}

function take(bench, canvas, known) {
  known.add(canvas);
  const { camera } = bench;
  const gestures = new Gestures(canvas, {
    camera,
    ready: () => Boolean(camera.photo),
    drawing: () => false,
    pointing: () => false,
    hover: () => undefined,
    slide: (x) => bench.look === "slider" && bench.slideTo(x / camera.width),
    changed: () => bench.redraw(),
  });
  // One finger or the mouse moves a picture that is not seen whole; else touch is left to the page.
  canvas.addEventListener("pointerdown", () => { gestures.space = bench.look !== "slider" && !camera.fitted; }, { capture: true });
}
