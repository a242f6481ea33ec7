// Two results beside each other; the original in the place of both while it is held; names under them once they are told.

const MARGIN = 0.02; // of the longer side, between what was to go and its corners
const SMALLEST = 0.06;

export class View {
  constructor(root) {
    this.root = root;
    this.figures = Object.fromEntries(["left", "right"].map((side) => [side, root.querySelector(`[data-side="${side}"]`)]));
  }

  /** A round with pictures, as the server tells of it. */
  show({ pictures, width, height, spots }) {
    this.root.style.setProperty("--ratio", width / height);
    this.root.style.setProperty("--pixels", width);
    this.root.toggleAttribute("data-tall", height > width);
    for (const [side, figure] of Object.entries(this.figures)) {
      figure.querySelector("[data-result]").src = pictures[side];
      figure.querySelector("[data-source]").src = pictures.source;
      figure.querySelector("[data-spots]").replaceChildren(...spots.map((spot) => corners(spot, width, height)));
      this.name(side, {});
    }
  }

  /** Under the picture of a side; nothing without a title. */
  name(side, { title = "", colour = "", likely = "" }) {
    const part = (name) => this.figures[side].querySelector(`[data-${name}]`);
    part("name").textContent = title;
    part("mark").style.setProperty("--mark", colour);
    part("mark").toggleAttribute("data-on", Boolean(colour));
    part("likely").textContent = likely;
  }

  get original() {
    return this.root.hasAttribute("data-original");
  }

  set original(held) {
    this.root.toggleAttribute("data-original", held);
  }
}

/** Corners around one place, no smaller than can be seen. */
function corners([left, top, right, bottom], width, height) {
  const margin = MARGIN * Math.max(width, height);
  const [x, w] = widened(left, right, margin / width);
  const [y, h] = widened(top, bottom, margin / height);
  const spot = document.createElement("div");
  spot.className = "spot";
  for (const [name, share] of Object.entries({ left: x, top: y, width: w, height: h })) spot.style[name] = `${100 * share}%`;
  return spot;
}

function widened(low, high, margin) {
  const half = Math.max((high - low) / 2 + margin, SMALLEST / 2);
  const [from, to] = [Math.max(0, (low + high) / 2 - half), Math.min(1, (low + high) / 2 + half)];
  return [from, to - from];
}
