// The bench: pictures of one photo side by side, all seen through one camera; or two of them, under a slider or
// alternating. Tells its state in data attributes: scale and the photo pixel in the middle of each picture.

import { ViewCamera } from "./camera.js";
import { dim, drawDifference, drawPicture, prepared } from "./compare_draw.js";
import { takeHands } from "./compare_hands.js";
import { Pictures } from "./compare_pictures.js";
import { Tiles, marked } from "./compare_tiles.js";

const HALF = 500; // ms that each of two pictures is shown: two changes a second, below what may harm
const STILL = matchMedia("(prefers-reduced-motion: reduce)");

export class Bench {
  /** @param changed () => void, when how it is looked at has changed */
  constructor(element, base, changed) {
    this.find = (selector) => element.querySelector(selector);
    this.root = this.find("[data-bench]");
    this.canvas = this.find("[data-view] canvas");
    this.handle = this.find("[data-handle]");
    Object.assign(this, { changed, pictures: new Pictures(base), camera: new ViewCamera(), ready: new Map(), view: null, slider: 0.5 });
    Object.assign(this, { look: "grid", asked: {}, difference: false, other: false, alternating: !STILL.matches });
    this.tiles = new Tiles(this.find("[data-grid]"), (tile) => this.#pick(tile));
    this.#connect();
  }

  // --- what is shown ------------------------------------------------------------------------------------------------

  /** A view as the server tells it (`ui/compare_values.py`), another one or the same one further on. */
  show(view, another) {
    this.view = view;
    this.root.dataset.columns = view.columns;
    this.tiles.show(view.tiles, view.size);
    if (another) this.#begin(view);
    this.#choices();
    if (!view.size) return;
    this.pictures.keep(new Set([view.view, view.picture, ...view.tiles.map(({ picture }) => picture)]));
    if (view.view) this.#load("view", view.view);
    if (view.picture) this.#load("source", view.picture);
    for (const { tile, picture, state } of view.tiles) if (picture && state === "done") this.#load(tile, picture);
    this.redraw();
  }

  #begin({ tiles, size }) {
    this.ready.clear();
    this.asked = { a: tiles[0]?.tile, b: tiles[1]?.tile };
    this.slider = 0.5;
    if (!size) return;
    this.camera.photo = null;
    this.camera.show({ width: size[0], height: size[1] });
    this.setLook("grid");
  }

  async #load(name, address) {
    if (this.ready.get(name)?.address === address) return;
    const view = this.view.view;
    try {
      const picture = await this.pictures.get(address);
      if (this.view.view !== view) return;
      this.ready.set(name, { address, picture });
    } catch (error) {
      if (this.tiles.elements.has(name)) this.tiles.trouble(name, error.message);
    }
    this.redraw();
  }

  #tile(name) {
    return this.view?.tiles.find(({ tile }) => tile === name);
  }

  /** What can be looked at in pairs: tiles with a picture. */
  get done() {
    return this.view?.tiles.filter(({ state }) => state === "done") ?? [];
  }

  // --- how it is looked at --------------------------------------------------------------------------------------------

  setLook(look) {
    this.look = look;
    this.root.dataset.look = look;
    for (const button of this.root.parentElement.querySelectorAll("[data-look][aria-pressed]")) button.setAttribute("aria-pressed", button.dataset.look === look);
    this.find("[data-grid]").hidden = look !== "grid";
    this.find("[data-view]").hidden = look === "grid";
    this.handle.hidden = look !== "slider";
    this.find('[data-do="alternate"]').hidden = look !== "flicker";
    this.#beat();
    this.resized();
    this.changed();
  }

  /** Tiles of A and B: what was asked for, once it is done; before, the original and the first one that is. */
  get sides() {
    const done = this.done.map(({ tile }) => tile);
    const { a, b } = this.asked;
    return { a: done.includes(a) ? a : (done[0] ?? ""), b: done.includes(b) ? b : (done[1] ?? done[0] ?? "") };
  }

  setSide(side, tile) {
    if (!this.done.some((one) => one.tile === tile)) return;
    this.asked = { ...this.sides, [side]: tile };
    this.#choices();
    this.redraw();
    this.changed();
  }

  swap() {
    const { a, b } = this.sides;
    this.asked = { a: b, b: a };
    this.#choices();
    this.redraw();
    this.changed();
  }

  setDifference(difference) {
    this.difference = difference;
    this.root.dataset.difference = difference;
    this.find('[data-do="difference"]').setAttribute("aria-pressed", difference);
    this.redraw();
    this.changed();
  }

  setAlternating(alternating) {
    this.alternating = alternating;
    this.find('[data-do="alternate"]').setAttribute("aria-pressed", alternating);
    this.#beat();
  }

  /** B instead of A while a key is held. */
  hold(held) {
    if (this.look !== "flicker" || this.other === held) return;
    clearInterval(this.beating);
    this.#flip(held);
    if (!held) this.#beat();
  }

  #beat() {
    clearInterval(this.beating);
    this.#flip(false);
    if (this.look === "flicker" && this.alternating) this.beating = setInterval(() => document.hidden || this.#flip(!this.other), HALF);
  }

  #flip(other) {
    this.other = other;
    this.root.dataset.side = this.look === "flicker" ? (other ? "b" : "a") : "";
    this.redraw();
  }

  slideTo(fraction) {
    this.slider = Math.max(0, Math.min(1, fraction));
    const percent = Math.round(100 * this.slider);
    this.handle.style.left = `${100 * this.slider}%`;
    this.handle.setAttribute("aria-valuenow", percent);
    this.handle.setAttribute("aria-valuetext", `${percent} percent A`);
    this.redraw();
  }

  zoom(factor) {
    this.camera.zoom(factor, this.camera.width / 2, this.camera.height / 2);
    this.redraw();
  }

  pan(dx, dy) {
    this.camera.pan(dx, dy);
    this.redraw();
  }

  fit() {
    this.camera.fit();
    this.redraw();
  }

  #pick(tile) {
    if (!this.done.some((one) => one.tile === tile)) return;
    if (tile === this.sides.a) this.swap();
    this.setSide("b", tile);
    this.setLook("slider");
    this.handle.focus({ preventScroll: true });
  }

  // --- drawing --------------------------------------------------------------------------------------------------------

  redraw() {
    this.drawing ??= requestAnimationFrame(() => {
      this.drawing = null;
      this.#draw();
    });
  }

  #draw() {
    if (!this.view?.size || !this.camera.photo) return;
    const { camera } = this;
    const [x, y] = camera.toPhoto(camera.width / 2, camera.height / 2);
    Object.assign(this.root.dataset, { scale: camera.scale.toFixed(4), x: x.toFixed(1), y: y.toFixed(1) });
    this.root.toggleAttribute("data-zoomed", !camera.fitted);
    if (this.look !== "grid") return this.#drawPair();
    for (const { tile } of this.view.tiles) this.#drawOn(this.tiles.canvas(tile), (context) => this.#drawTile(context, tile));
  }

  #drawOn(canvas, draw) {
    const context = prepared(canvas);
    if (!context) return;
    draw(context);
    const [x, y] = this.camera.toPhoto(canvas.clientWidth / 2, canvas.clientHeight / 2);
    Object.assign(canvas.dataset, { scale: this.camera.scale.toFixed(4), x: x.toFixed(1), y: y.toFixed(1) });
  }

  #drawTile(context, name) {
    const view = this.ready.get("view")?.picture;
    if (!view) return;
    const source = this.#part("source", this.view.box);
    const tile = this.#tile(name);
    const part = this.#part(name, tile.box);
    if (this.difference) return drawDifference(context, this.camera, { box: tile.box, map: part && source && this.pictures.difference(part, source) });
    drawPicture(context, this.camera, { view, source, part });
    if (tile.state !== "done") dim(context, this.camera);
  }

  #part(name, box) {
    const picture = this.ready.get(name)?.picture;
    return picture && box ? { picture, box } : null;
  }

  #drawPair() {
    const { a, b } = this.sides;
    this.#tags(a, b);
    this.#drawOn(this.canvas, (context) => {
      if (this.look === "flicker") return this.#drawTile(context, this.other ? b : a);
      const { width, height } = this.camera;
      for (const [tile, from, to] of [[a, 0, this.slider * width], [b, this.slider * width, width]]) {
        context.save();
        context.beginPath();
        context.rect(from, 0, to - from, height);
        context.clip();
        this.#drawTile(context, tile);
        context.restore();
      }
    });
  }

  #tags(...sides) {
    for (const [at, side] of ["a", "b"].entries()) {
      const tag = this.find(`[data-tag="${side}"]`);
      tag.hidden = this.look === "flicker" && this.other !== (side === "b");
      const tile = this.#tile(sides[at]);
      if (!tile || tag.dataset.of === tile.tile + tile.title) continue;
      tag.dataset.of = tile.tile + tile.title;
      tag.replaceChildren(...marked(tile.title, tile.colour));
    }
    const titles = sides.map((name) => this.#tile(name)?.title);
    this.canvas.setAttribute("aria-label", titles.join(this.look === "slider" ? " beside " : " and "));
  }

  /** The two lists of what can be A and B. */
  #choices() {
    const options = this.done.map(({ tile, title }) => [tile, title]);
    const told = JSON.stringify(options);
    const { sides } = this;
    for (const side of ["a", "b"]) {
      const select = this.find(`[data-side="${side}"]`);
      if (select.dataset.told !== told) select.replaceChildren(...options.map(([tile, title]) => new Option(title, tile)));
      select.dataset.told = told;
      select.value = sides[side];
    }
  }

  // --- size -------------------------------------------------------------------------------------------------------

  resized() {
    const canvas = this.look === "grid" ? this.tiles.canvas(this.view?.tiles.at(-1)?.tile) : this.canvas;
    const { clientWidth: width, clientHeight: height } = canvas ?? {};
    if (!width || !height) return;
    const { camera } = this;
    if (camera.photo && !camera.fitted) this.#keepPlace(width, height);
    else camera.resize(width, height);
    this.redraw();
  }

  /** The same middle at the same share of the picture, at another size. */
  #keepPlace(width, height) {
    const { camera } = this;
    const [x, y] = camera.toPhoto(camera.width / 2, camera.height / 2);
    camera.scale *= width / camera.width;
    Object.assign(camera, { x: width / 2 - x * camera.scale, y: height / 2 - y * camera.scale });
    camera.resize(width, height);
  }

  #connect() {
    new ResizeObserver(() => this.resized()).observe(this.root);
    for (const select of this.root.parentElement.querySelectorAll("[data-side]")) select.addEventListener("change", () => this.setSide(select.dataset.side, select.value));
    takeHands(this, this.find("[data-grid]"));
    STILL.addEventListener("change", () => this.setAlternating(!STILL.matches));
    this.setAlternating(this.alternating);
  }
}
