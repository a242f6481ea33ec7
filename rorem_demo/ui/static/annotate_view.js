// One result on a canvas: fitted, with the outline of what was to go; the original in its place while it is held.

const LIGHT = "rgb(255 255 255 / .85)";
const DARK = "rgb(0 0 0 / .4)";
const LARGEST = 3; // a picture of 60 pixels is not blown up over the whole page

export class View {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.outlined = true;
    this.original = false;
    new ResizeObserver(() => this.#resize()).observe(canvas);
  }

  /** {source, mask, result}: bitmaps, the mask's alpha being what was to go; or null for nothing. */
  show(pictures) {
    this.pictures = pictures;
    this.ring = null;
    this.draw();
  }

  draw() {
    const { canvas, context, pictures } = this;
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (!pictures || !canvas.width) return;
    const box = this.#box();
    context.imageSmoothingQuality = "high";
    context.drawImage(this.original ? pictures.source : pictures.result, box.x, box.y, box.width, box.height);
    if (!this.outlined) return;
    this.ring ??= ringOf(pictures.mask, box, this.ratio);
    const { x, y, width, height } = box;
    context.drawImage(this.ring, x, y, width, height, x, y, width, height); // not beside the picture
  }

  #resize() {
    this.ratio = Math.min(window.devicePixelRatio || 1, 2);
    this.canvas.width = Math.round(this.canvas.clientWidth * this.ratio);
    this.canvas.height = Math.round(this.canvas.clientHeight * this.ratio);
    this.ring = null;
    this.draw();
  }

  #box() {
    const { canvas, pictures, ratio } = this;
    const { width, height } = pictures.result;
    const scale = Math.min(canvas.width / width, canvas.height / height, LARGEST * ratio);
    const size = { width: Math.round(width * scale), height: Math.round(height * scale) };
    return { ...size, x: Math.round((canvas.width - size.width) / 2), y: Math.round((canvas.height - size.height) / 2), canvas };
  }
}

/** A light line with a dark one around it just outside the mask: it is seen on any ground and hides nothing that was filled. */
function ringOf(mask, box, ratio) {
  const ring = layer(box);
  for (const [radius, colour] of [[3 * ratio, DARK], [1.6 * ratio, LIGHT]]) {
    const wide = layer(box);
    for (let step = 0; step < 16; step++) {
      const angle = (step * Math.PI) / 8;
      wide.drawImage(mask, box.x + radius * Math.cos(angle), box.y + radius * Math.sin(angle), box.width, box.height);
    }
    wide.globalCompositeOperation = "source-in";
    wide.fillStyle = colour;
    wide.fillRect(0, 0, box.canvas.width, box.canvas.height);
    ring.drawImage(wide.canvas, 0, 0);
  }
  ring.globalCompositeOperation = "destination-out";
  ring.drawImage(mask, box.x, box.y, box.width, box.height);
  return ring.canvas;
}

function layer({ canvas }) {
  return new OffscreenCanvas(canvas.width, canvas.height).getContext("2d");
}
