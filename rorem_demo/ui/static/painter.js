// Everything drawn on the stage's one canvas. Called when something changed, and a few times a second for the ants.

import { strokePath, tracePath } from "./raster.js";

const ANT = 5; // screen pixels of one dash

export class Painter {
  constructor(canvas, camera) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.camera = camera;
    this.layer = document.createElement("canvas"); // tint of the selection, at the bitmap's size
    this.filled = document.createElement("canvas"); // the same shape in another colour or with the preview in it
    this.backdrops = new Map(); // photo and result as the camera sees them: scaling 12 megapixels takes longer than a frame
    this.edge = []; // outline pixels of the bitmap, x and y in turn
    this.phase = 0;
    this.still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  }

  resize(width, height) {
    this.ratio = Math.min(window.devicePixelRatio || 1, 2);
    this.canvas.width = Math.round(width * this.ratio);
    this.canvas.height = Math.round(height * this.ratio);
  }

  /** A new selection bitmap. */
  select(bitmap) {
    this.bitmap = bitmap;
    const { width, height, bits } = bitmap;
    this.layer.width = width;
    this.layer.height = height;
    const pixels = new ImageData(width, height);
    const words = new Uint32Array(pixels.data.buffer);
    for (let i = 0; i < bits.length; i++) if (bits[i]) words[i] = 0xffffffff;
    this.layer.getContext("2d").putImageData(pixels, 0, 0);
    this.edge = outline(bits, width, height);
  }

  draw(scene) {
    const { context, camera, ratio } = this;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, camera.width, camera.height);
    if (!scene.picture) return;
    if (scene.mode === "result") this.#comparison(scene);
    else this.#selecting(scene);
  }

  #selecting(scene) {
    this.#picture(scene.picture);
    if (scene.original) return;
    if (scene.mode === "working") this.#working(scene);
    else if (this.bitmap?.marked) this.#tint(scene.accent, 0.38);
    if (this.bitmap?.marked) this.#ants();
    if (scene.mode === "select") this.#pointed(scene);
    this.#gesture(scene);
    this.#pointer(scene);
  }

  #comparison(scene) {
    const { context, camera } = this;
    const split = scene.original ? camera.width : scene.slider * camera.width;
    this.#clipped(split, camera.width, () => this.#picture(scene.result));
    this.#clipped(0, split, () => this.#picture(scene.picture));
    if (scene.original) return;
    context.fillStyle = "#fff";
    context.shadowColor = "rgba(0,0,0,.6)";
    context.shadowBlur = 4;
    context.fillRect(split - 1, 0, 2, camera.height);
    context.shadowBlur = 0;
  }

  #clipped(left, right, draw) {
    this.context.save();
    this.context.beginPath();
    this.context.rect(left, 0, Math.max(0, right - left), this.camera.height);
    this.context.clip();
    draw();
    this.context.restore();
  }

  #picture(picture) {
    const { x, y, scale, width, height } = this.camera;
    const seen = [x, y, scale, width, height].join();
    let backdrop = this.backdrops.get(picture);
    if (backdrop?.seen !== seen) {
      if (this.backdrops.size > 1 && !backdrop) this.backdrops.clear();
      backdrop = { seen, canvas: backdrop?.canvas ?? document.createElement("canvas") };
      this.#scaled(picture, backdrop.canvas);
      this.backdrops.set(picture, backdrop);
    }
    this.context.drawImage(backdrop.canvas, 0, 0, width, height);
  }

  #scaled(picture, canvas) {
    const { x, y, scale, photo } = this.camera;
    canvas.width = this.canvas.width;
    canvas.height = this.canvas.height;
    const context = canvas.getContext("2d");
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.imageSmoothingEnabled = scale < 4;
    context.imageSmoothingQuality = "high";
    context.drawImage(picture, x, y, photo.width * scale, photo.height * scale);
  }

  /** A bitmap of the selection's size, stretched over the photo. */
  #overPhoto(layer) {
    const { x, y, scale, photo } = this.camera;
    this.context.drawImage(layer, x, y, photo.width * scale, photo.height * scale);
  }

  #working(scene) {
    const { context, camera } = this;
    context.fillStyle = "rgba(0,0,0,.45)";
    context.fillRect(0, 0, camera.width, camera.height);
    if (!this.bitmap?.marked) return;
    const hole = this.#colored((layer) => {
      if (!scene.preview) { layer.fillStyle = "rgba(255,255,255,.55)"; layer.fillRect(0, 0, layer.canvas.width, layer.canvas.height); return; }
      const [left, top, right, bottom] = scene.preview.box.map((value) => value * this.bitmap.scale);
      layer.drawImage(scene.preview.picture, left, top, right - left, bottom - top);
    });
    this.#overPhoto(hole);
  }

  #tint(color, strength) {
    this.context.globalAlpha = strength;
    this.#overPhoto(this.#colored((layer) => { layer.fillStyle = color; layer.fillRect(0, 0, layer.canvas.width, layer.canvas.height); }));
    this.context.globalAlpha = 1;
  }

  /** The selection's shape filled by `fill`. */
  #colored(fill) {
    this.filled.width = this.layer.width;
    this.filled.height = this.layer.height;
    const layer = this.filled.getContext("2d");
    layer.drawImage(this.layer, 0, 0);
    layer.globalCompositeOperation = "source-in";
    fill(layer);
    return this.filled;
  }

  /** Marching ants: black and white dashes along the outline, readable on any photo. */
  #ants() {
    const { context, camera, edge } = this;
    const step = camera.scale / this.bitmap.scale;
    const size = Math.max(1.25, Math.min(step, 2));
    for (const [color, odd] of [["#fff", 0], ["#000", 1]]) {
      context.fillStyle = color;
      context.beginPath();
      for (let i = 0; i < edge.length; i += 2) {
        const [x, y] = [edge[i] * step + camera.x, edge[i + 1] * step + camera.y];
        if ((Math.floor((x + y + this.phase) / ANT) & 1) === odd) context.rect(x, y, Math.max(size, step), Math.max(size, step));
      }
      context.fill();
    }
  }

  /** What a click would take, and the clicks made: small marks beside which the object stays visible. */
  #pointed({ hovered, clicks = [], accent }) {
    if (hovered) {
      this.context.globalAlpha = 0.28;
      this.#overPhoto(inColor(hovered.picture, accent));
      this.context.globalAlpha = 1;
    }
    for (const [x, y, keep] of clicks) this.#mark(this.camera.toStage(x + 0.5, y + 0.5), keep);
  }

  #mark([x, y], keep) {
    const { context } = this;
    for (const [color, width] of [["rgba(0,0,0,.75)", 4], ["#fff", 1.75]]) {
      context.strokeStyle = color;
      context.lineWidth = width;
      context.beginPath();
      context.moveTo(x - 4, y); context.lineTo(x + 4, y);
      if (!keep) { context.moveTo(x, y - 4); context.lineTo(x, y + 4); }
      context.stroke();
    }
  }

  #gesture({ gesture, accent }) {
    if (!gesture) return;
    const { context, camera } = this;
    context.save();
    context.translate(camera.x, camera.y);
    context.scale(camera.scale, camera.scale);
    context.lineCap = context.lineJoin = "round";
    tracePath(context, gesture.points);
    context.strokeStyle = gesture.tool === "erase" ? "rgba(255,255,255,.7)" : accent;
    context.globalAlpha = 0.5;
    if (gesture.radius) strokePath(context, gesture.points, gesture.radius);
    else this.#frame(gesture);
    context.restore();
  }

  #frame({ tool, points }) {
    const { context, camera } = this;
    context.globalAlpha = 1;
    context.lineWidth = 2 / camera.scale;
    context.setLineDash([6 / camera.scale, 4 / camera.scale]);
    if (tool === "box" || tool === "point") {
      context.beginPath();
      context.rect(points[0], points[1], points.at(-2) - points[0], points.at(-1) - points[1]);
    }
    context.stroke();
  }

  #pointer({ pointer, crosshair, brush, tool }) {
    const { context } = this;
    const ring = tool === "brush" || tool === "erase";
    const place = crosshair ? this.camera.toStage(...crosshair) : pointer;
    if (!place) return;
    for (const [color, width] of [["rgba(0,0,0,.7)", 3], ["#fff", 1.25]]) {
      context.strokeStyle = color;
      context.lineWidth = width;
      context.beginPath();
      if (ring) context.arc(place[0], place[1], brush, 0, 7);
      if (crosshair) {
        context.moveTo(place[0] - 12, place[1]); context.lineTo(place[0] + 12, place[1]);
        context.moveTo(place[0], place[1] - 12); context.lineTo(place[0], place[1] + 12);
      }
      context.stroke();
    }
  }
}

/** A bitmap's shape in one colour. */
function inColor(picture, color) {
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  const context = canvas.getContext("2d");
  context.drawImage(picture, 0, 0);
  context.globalCompositeOperation = "source-in";
  context.fillStyle = color;
  context.fillRect(0, 0, canvas.width, canvas.height);
  return canvas;
}

/** Marked pixels with an unmarked neighbour; the picture's own edge counts as unmarked. */
function outline(bits, width, height) {
  const edge = [];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      if (!bits[i]) continue;
      const inside = x > 0 && x < width - 1 && y > 0 && y < height - 1;
      if (!inside || !bits[i - 1] || !bits[i + 1] || !bits[i - width] || !bits[i + width]) edge.push(x, y);
    }
  }
  return edge;
}
