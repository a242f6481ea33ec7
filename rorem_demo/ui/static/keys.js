// The keyboard. Single letters act only while the canvas has the focus, so that they never surprise a screen reader
// or a text field; Tab only moves the focus.

const TOOLS = { b: "brush", e: "erase", l: "lasso", r: "box", p: "point", t: "text" };
const CLICKS = { n: "object", a: "add", x: "drop" };
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export function listen(root, canvas, handle, stage) {
  root.addEventListener("keydown", (event) => {
    if (everywhere(event, stage)) event.preventDefault();
  });
  canvas.addEventListener("keydown", (event) => {
    if (!event.ctrlKey && !event.metaKey && !event.altKey && onCanvas(event, stage)) event.preventDefault();
  });
  canvas.addEventListener("keyup", (event) => {
    if (event.key === "o" || event.key === "O") stage.showOriginal(false);
    if (event.key === " ") stage.gestures.space = false;
  });
  canvas.addEventListener("blur", () => {
    stage.showOriginal(false);
    stage.gestures.space = false;
    stage.setCrosshair(null);
  });
  handle.addEventListener("keydown", (event) => {
    if (onHandle(event, stage)) event.preventDefault();
  });
}

function everywhere(event, stage) {
  const command = event.ctrlKey || event.metaKey;
  if (command && event.key.toLowerCase() === "z" && !isText(event.target)) return event.shiftKey ? stage.do.redo() : stage.do.undo(), true;
  if (command && event.key === "Enter") return stage.do.remove(), true;
  if (event.key === "Escape") return stage.escape(), true;
  return false;
}

function onCanvas(event, stage) {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (key in ARROWS) return stage.arrow(ARROWS[key], event.shiftKey), true;
  if (key === "Enter") return stage.enter(event.shiftKey), true;
  if (key === " ") return (stage.gestures.space = true);
  if (key === "o") return stage.showOriginal(true), true;
  if (key === "[" || key === "]") return stage.resizeBrush(key === "]" ? 1.2 : 1 / 1.2), true;
  if (key in TOOLS) return stage.useTool(TOOLS[key]), true;
  if (key in CLICKS) return stage.pointing.setMode(CLICKS[key]), true;
  if (key === "c") return stage.do.other(), true;
  if (key === "i") return stage.do.invert(), true;
  if (key === "0") return stage.do.fit(), true;
  if (key === "+" || key === "=" || key === "-") return stage.zoomCentre(key === "-" ? 1 / 1.25 : 1.25), true;
  return false;
}

function onHandle(event, stage) {
  const step = event.shiftKey ? 0.1 : 0.02;
  const moves = { ArrowLeft: -step, ArrowDown: -step, ArrowRight: step, ArrowUp: step, Home: -1, End: 1 };
  if (!(event.key in moves)) return false;
  stage.slideTo(stage.scene.slider + moves[event.key]);
  return true;
}

function isText(target) {
  return target instanceof HTMLInputElement && target.type !== "range" && target.type !== "radio";
}
