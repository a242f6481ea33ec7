// Intervals drawn: SVG whose places are percentages, so that it is as wide as its cell without anybody measuring it.
// All of it is hidden from screen readers: the same figures stand beside it as text.

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 28; // px, as the style sheet has it

/** A dot with its interval on an axis with these ticks; `ring` is another figure, as a hollow mark. */
export function plot({ figure, ring, colour, ticks = [], height = HEIGHT }) {
  const middle = height / 2;
  const svg = piece("svg", { class: "plot", "aria-hidden": "true", focusable: "false" });
  for (const { x } of ticks) svg.append(line(x, x, 0, height, { class: "tick" }));
  if (figure) {
    const { x, low, high } = figure;
    svg.append(line(low, high, middle, middle, { stroke: colour, class: "interval" }));
    for (const end of [low, high]) svg.append(line(end, end, middle - 3.5, middle + 3.5, { stroke: colour, class: "end" }));
    svg.append(piece("circle", { cx: percent(x), cy: middle, r: 4.5, fill: colour }));
  }
  if (ring) svg.append(piece("circle", { cx: percent(ring.x), cy: middle, r: 5.5, class: "ring" }));
  return svg;
}

/** The numbers of an axis, above the plots or under one of them. */
export function scale(ticks) {
  const made = document.createElement("span");
  made.className = "scale";
  made.setAttribute("aria-hidden", "true");
  for (const { x, text } of ticks) {
    const mark = document.createElement("span");
    mark.textContent = text;
    mark.style.left = percent(x);
    made.append(mark);
  }
  return made;
}

function line(x1, x2, y1, y2, more) {
  return piece("line", { x1: percent(x1), x2: percent(x2), y1, y2, ...more });
}

function percent(x) {
  return `${100 * x}%`;
}

function piece(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}
