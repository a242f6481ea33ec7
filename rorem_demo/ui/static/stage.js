// The stage: connects the parts. State is three things: the document (`history`), the scene (what is shown of it), and
// the mode: empty -> select -> working -> result -> select.

import { ViewCamera } from "./camera.js";
import { Gestures } from "./gestures.js";
import { History, withEntry, withErased, withGrow, withShape } from "./history.js";
import { listen } from "./keys.js";
import { opened } from "./opened.js";
import { Painter } from "./painter.js";
import { Panel } from "./panel.js";
import { Pointing } from "./pointing.js";
import { Rasteriser } from "./raster.js";
import { Rating } from "./rating.js";
import { Server } from "./server.js";
import { Sources } from "./sources.js";
import { decode, fitBudget, gridOf, simplify, toDrawing } from "./strokes.js";
import { followLinks, showTab } from "./tabs.js";
import { Tries } from "./tries.js";
import { Words } from "./words.js";

export function mount(gradio) {
  return new Stage(gradio);
}

class Stage {
  constructor({ element, props, trigger, watch, base }) {
    Object.assign(this, { element, props, trigger, run: 0, cancelling: null, wanted: false, pictures: new Map() });
    this.part = (name) => element.querySelector(`[data-${name}]`);
    this.canvas = element.querySelector("canvas");
    this.server = new Server(base);
    this.camera = new ViewCamera();
    this.painter = new Painter(this.canvas, this.camera);
    this.history = new History((doc) => this.#documentChanged(doc));
    this.rasteriser = new Rasteriser((id) => this.server.maskPicture(id), () => this.#select());
    this.panel = new Panel(element, this.history);
    this.pointing = new Pointing(this);
    this.words = new Words(this);
    this.rating = new Rating(this);
    this.tries = new Tries(this);
    this.scene = { mode: "empty", tool: "brush", brush: 18, slider: 0.5, accent: accentOf(element) };
    this.do = this.#commands();
    this.gestures = new Gestures(this.canvas, this.#gestureHost());
    this.sources = new Sources(this, base, JSON.parse(props.examples));
    this.#connect();
    watch("update", () => this.#told(props.update));
    opened.set(() => this.#opened());
    followLinks();
  }

  get doc() {
    return this.history.doc;
  }

  /** Photo pixels one unit of a shape's points stands for. */
  get grid() {
    return gridOf(this.doc.photo);
  }

  get marked() {
    return this.doc.photo ? (this.bitmap?.marked ?? 0) : 0;
  }

  // --- commands: what buttons and keys do -------------------------------------------------------------------------

  #commands() {
    const { history } = this;
    return {
      undo: () => (this.scene.mode === "result" ? this.back() : this.#idle() && history.undo()),
      redo: () => this.#idle() && history.redo(),
      grow: () => this.edit(withGrow(this.doc, this.#growStep())),
      shrink: () => this.edit(withGrow(this.doc, -this.#growStep())),
      invert: () => this.doc.photo && this.edit({ invert: !this.doc.invert }),
      other: () => this.#idle() && this.pointing.other(),
      suggest: () => this.#idle() && this.pointing.suggest(),
      clear: () => (this.doc.entries.length || this.doc.invert) && this.edit({ entries: [], invert: false, active: null }),
      fit: () => { this.camera.fit(); this.redraw(); },
      remove: () => (this.scene.mode === "working" ? this.#cancel() : this.#remove()),
      back: () => this.back(),
      continue: () => this.#continue(),
      "save-mask": () => this.trying(() => this.#saveMask()),
      "load-mask": () => this.doc.photo && this.part("mask-file").click(),
      open: () => this.sources.choose(),
      camera: () => this.sources.camera(),
      "camera-off": () => this.sources.cameraOff(),
      snap: () => this.sources.snap(),
      data: () => showTab("Your data"),
    };
  }

  async open(opening) {
    if (!this.#leaveWork()) return;
    this.words.say("Opening…");
    await this.trying(async () => {
      const photo = await opening();
      this.pictures.clear();
      await this.#picture(photo.id);
      this.setMode("select");
      this.history.restart(photo);
      this.words.say(photo.notes.join(" ") || this.pointing.tip);
      this.pointing.prepare();
      this.canvas.focus({ preventScroll: true });
    });
  }

  async addMask(file) {
    const photo = this.doc.photo;
    await this.trying(async () => {
      const mask = await this.server.openMask(photo.id, file);
      this.edit(withEntry(this.doc, "file", [{ tool: "mask", mask }]));
    });
  }

  back() {
    if (this.scene.mode !== "result") return;
    this.setMode("select");
    this.words.say("Your selection is still here.");
  }

  escape() {
    if (this.scene.gesture) this.#dropGesture();
    else if (this.scene.mode === "working") this.#cancel();
    else this.back();
  }

  #continue() {
    if (this.scene.mode !== "result") return;
    const photo = { ...this.doc.photo, id: this.result.photo };
    this.setMode("select");
    this.history.commit({ photo, entries: [], invert: false, active: null });
    this.words.say("Mark the next object. Undo brings the earlier photo back.");
  }

  // --- removing ---------------------------------------------------------------------------------------------------

  #remove() {
    if (!this.marked) return this.words.say("Mark something first: paint over what should go.");
    this.run += 1;
    this.props.value = JSON.stringify({ photo: this.doc.photo.id, run: this.run, drawing: toDrawing(this.doc) });
    this.setMode("working");
    this.words.waiting();
    if (this.cancelling) this.wanted = true;
    else this.trigger("submit");
  }

  #cancel() {
    if (!this.#leaveWork()) return;
    this.words.say("Cancelled. Your selection is still here.");
  }

  /** Stop waiting for a removal; answers of an older run are ignored. */
  #leaveWork() {
    if (this.scene.mode === "working") {
      this.run += 1;
      if (this.wanted) this.wanted = false;
      else this.#stop();
      this.setMode("select");
    }
    return true;
  }

  /** Gradio drops what is submitted before a cancelled event has ended, and tells its end as a failure. */
  #stop() {
    this.trigger("stop");
    this.cancelling = setTimeout(() => this.#stopped(), 4000);
  }

  #stopped() {
    clearTimeout(this.cancelling);
    this.cancelling = null;
    if (this.wanted) this.trigger("submit");
    this.wanted = false;
  }

  async #told(update) {
    if (update?.run === -1 && this.cancelling) return this.#stopped();
    if (!update || this.scene.mode !== "working" || (update.run !== this.run && update.run !== -1)) return;
    if (update.kind === "waits") return this.words.waits(update);
    if (update.kind === "started") return this.words.started(update);
    if (update.kind === "working") return this.#preview(update);
    if (update.kind === "done") return this.trying(() => this.#done(update.run, [update]));
    if (update.kind === "ranked") return this.trying(() => this.#done(update.run, update.results, update.notes));
    return this.#trouble(update);
  }

  async #preview({ preview, box, fraction, title }) {
    this.words.fraction(fraction, title);
    if (!preview) return;
    const picture = await createImageBitmap(await (await fetch(preview)).blob());
    this.scene.preview = { picture, box };
    this.redraw();
  }

  /** The results of a run, the best first, which is shown. */
  async #done(run, results, notes = []) {
    const [best] = results;
    const picture = await this.#picture(best.photo);
    if (run !== this.run) return;
    this.setMode("result");
    this.rating.begin();
    this.tries.offer(results);
    this.notes = notes;
    this.#lookAt(best, picture);
    this.#sweep();
  }

  /** Another result of the same run, in the place of the one shown. */
  showResult(result) {
    return this.trying(async () => {
      this.chosen = result;
      const picture = await this.#picture(result.photo);
      if (this.chosen === result && this.result !== result && this.scene.mode === "result") this.#lookAt(result, picture);
    });
  }

  #lookAt(result, picture) {
    this.result = this.chosen = result;
    this.scene.result = picture;
    this.tries.mark(result);
    this.words.done(result, this.notes, this.doc.photo, this.server);
    this.rating.ask(result.photo, this.doc.photo.public, result.score);
    this.redraw();
  }

  #trouble({ sentence, alternative, alternative_title: title }) {
    this.setMode("select");
    if (alternative) this.words.offer(sentence, `Use ${title} instead`, () => { chooseMethod(alternative); this.#remove(); });
    else this.words.say(sentence);
  }

  /** Shows the change once, then rests in the middle. */
  #sweep() {
    if (this.painter.still) return this.slideTo(0.5);
    const start = performance.now();
    const tick = (now) => {
      const t = Math.min(1, (now - start) / 700);
      this.slideTo(1 - 0.5 * (1 - (1 - t) ** 3));
      if (t < 1 && this.scene.mode === "result") requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }

  // --- selecting --------------------------------------------------------------------------------------------------

  useTool(tool) {
    this.scene.tool = tool;
    this.#dropGesture();
    for (const button of this.element.querySelectorAll("[data-tool]")) button.setAttribute("aria-pressed", button.dataset.tool === tool);
    if (this.scene.mode === "result") this.back();
    this.pointing.toolChanged(tool);
  }

  resizeBrush(factor) {
    const input = this.part("size");
    input.value = Math.max(input.min, Math.min(input.max, Math.round(this.scene.brush * 2 * factor)));
    this.scene.brush = input.value / 2;
    this.redraw();
  }

  setCrosshair(point) {
    this.scene.crosshair = point;
    this.redraw();
  }

  arrow([dx, dy], fast) {
    if (this.scene.mode !== "select") return;
    const { width, height } = this.doc.photo;
    const step = (fast ? 50 : 10) / this.camera.scale;
    const [x, y] = this.scene.crosshair ?? this.camera.toPhoto(this.camera.width / 2, this.camera.height / 2);
    this.setCrosshair([Math.max(0, Math.min(width, x + dx * step)), Math.max(0, Math.min(height, y + dy * step))]);
  }

  /** Enter: a dot, a corner or a vertex at the crosshair; with Shift a brush line from the last dot. */
  enter(joined) {
    if (this.scene.mode !== "select") return;
    const { tool, crosshair, gesture } = this.scene;
    if (!crosshair) return this.arrow([0, 0], false);
    if (tool === "brush" || tool === "erase") return this.#dot(crosshair, joined);
    if (tool === "point") return this.pointing.click(crosshair, { add: joined });
    if (!gesture) return this.#begin(crosshair);
    const [x, y] = gesture.points;
    const closes = tool === "box" || Math.hypot(x - crosshair[0], y - crosshair[1]) < 12 / this.camera.scale;
    if (tool === "box" || !closes) this.#move(crosshair);
    if (closes) this.#end();
    this.redraw();
  }

  #dot(point, joined) {
    this.#begin(joined && this.lastDot ? this.lastDot : point);
    if (joined) this.#move(point);
    this.lastDot = point;
    this.#end();
  }

  #gestureHost() {
    return {
      camera: this.camera,
      ready: () => Boolean(this.doc.photo) && this.scene.mode !== "empty",
      drawing: () => this.scene.mode === "select" && this.scene.tool !== "text",
      pointing: () => this.scene.tool === "point",
      begin: (point, how) => this.#begin(point, how),
      move: (point) => this.#move(point),
      end: () => this.#end(),
      cancel: () => this.#dropGesture(),
      hover: (place, idle = false) => {
        this.scene.pointer = this.scene.mode === "select" ? place : null;
        this.pointing.hover(idle && this.scene.pointer);
        this.redraw();
      },
      slide: (x) => this.slideTo(x / this.camera.width),
      changed: () => this.redraw(),
    };
  }

  #begin(point, how = {}) {
    const { tool, brush } = this.scene;
    const radius = tool === "brush" || tool === "erase" ? Math.max(0.5, brush / this.camera.scale) : undefined;
    this.scene.gesture = { tool, radius, how, points: [...point] };
  }

  #move(point) {
    this.scene.gesture?.points.push(...point);
  }

  #dropGesture() {
    this.scene.gesture = null;
    this.redraw();
  }

  /** A finished gesture becomes a shape: simplified to what the eye can tell apart, on the grid that is sent. */
  #end() {
    const gesture = this.scene.gesture;
    if (!gesture) return;
    this.scene.gesture = null;
    const { tool, radius } = gesture;
    if (tool === "point") return this.pointing.end(gesture);
    const raw = tool === "box" ? [...gesture.points.slice(0, 2), ...gesture.points.slice(-2)] : gesture.points;
    const tolerance = Math.max(0.7 / this.camera.scale, (radius ?? 0) * 0.05);
    const unit = gridOf(this.doc.photo);
    const points = simplify(raw, tolerance).map((value) => Math.round(value / unit));
    if (tool !== "brush" && tool !== "erase" && area(points) < 1) return this.redraw();
    const shape = radius === undefined ? { tool, points } : { tool, radius: Math.round(radius * 10) / 10, points };
    if (tool === "erase") return this.edit(withErased(this.doc, shape));
    this.edit(withShape(this.doc, shape, tool === "box" ? "rectangle" : tool));
    if (tool === "box") this.pointing.offerObject();
  }


  edit(change) {
    if (!this.#idle()) return;
    if (this.scene.mode === "result") this.setMode("select");
    const next = { ...this.doc, ...change };
    this.history.commit({ ...change, entries: fitBudget(next) });
  }

  #idle() {
    return Boolean(this.doc.photo) && this.scene.mode !== "working";
  }

  #growStep() {
    return Math.max(1, Math.round(3 / this.camera.scale));
  }

  async #saveMask() {
    if (!this.marked) return this.words.say("Mark something first: there is no mask yet.");
    const address = URL.createObjectURL(await this.server.maskFile(this.doc.photo.id, toDrawing(this.doc)));
    Object.assign(document.createElement("a"), { href: address, download: "mask.png" }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  }

  // --- what changes when the document changes ---------------------------------------------------------------------

  #documentChanged(doc) {
    this.#dropGesture();
    this.panel.show(doc);
    this.pointing.documentChanged(doc);
    if (doc.photo) this.#showPhoto(doc.photo);
    this.#select();
    this.#askSurvey();
  }

  async #showPhoto(photo) {
    const picture = this.pictures.get(photo.id) ?? (await this.trying(() => this.#picture(photo.id)));
    if (!picture || this.doc.photo.id !== photo.id) return;
    this.scene.picture = picture;
    this.camera.show(photo);
    this.redraw();
  }

  #select() {
    if (this.doc.photo) this.painter.select((this.bitmap = this.rasteriser.draw(this.doc)));
    this.words.buttons();
    this.redraw();
    opened.changed();
  }

  /** What other tabs may work on. */
  #opened() {
    const { photo } = this.doc;
    if (!photo) return null;
    const { id, width, height, public: everyones } = photo;
    return { photo: id, visit: this.server.visit, drawing: toDrawing(this.doc), width, height, marked: this.marked, public: everyones };
  }

  /** A moment after the last change: how long will it take, and is there a shadow beside the selection? */
  #askSurvey() {
    clearTimeout(this.surveying);
    this.words.withdraw();
    this.words.estimate(this.estimates = {});
    if (!this.marked) return;
    const doc = this.doc;
    const rough = doc.entries.some(({ kind }) => kind === "shadow" || kind === "rectangle");
    this.surveying = setTimeout(async () => {
      const { shadow, seconds = {} } = await this.server.survey(doc.photo.id, toDrawing(doc)).catch(() => ({}));
      if (doc === this.doc) this.words.estimate(this.estimates = seconds);
      if (rough || !shadow?.length || doc !== this.doc || this.scene.mode !== "select") return;
      this.words.offer("There seems to be a shadow or reflection beside it.", "Add it to the selection", () => this.#addShadow(shadow));
    }, 600);
  }

  /** Outlines from the server are in photo pixels. */
  #addShadow(shapes) {
    const unit = gridOf(this.doc.photo);
    const onGrid = shapes.map(({ tool, points }) => ({ tool, points: decode(points).map((value) => Math.round(value / unit)) }));
    this.edit(withEntry(this.doc, "shadow", onGrid));
  }

  async #picture(id) {
    if (!this.pictures.has(id)) {
      if (this.pictures.size > 4) this.pictures.delete(this.pictures.keys().next().value);
      this.pictures.set(id, await this.server.picture(id));
    }
    return this.pictures.get(id);
  }

  // --- showing ----------------------------------------------------------------------------------------------------

  setMode(mode) {
    this.scene.mode = mode;
    this.scene.pointer = this.scene.preview = null;
    this.scene.original = false;
    this.part("empty").hidden = mode !== "empty";
    this.words.mode(mode);
    if (mode !== "result") this.rating.leave();
    if (mode !== "result") this.tries.leave();
    this.redraw();
  }

  showOriginal(shown) {
    if (!this.doc.photo || this.scene.mode === "working") return;
    this.scene.original = shown;
    this.part("handle").style.visibility = shown ? "hidden" : "";
    this.redraw();
  }

  slideTo(fraction) {
    this.scene.slider = Math.max(0, Math.min(1, fraction));
    const handle = this.part("handle");
    handle.style.left = `${this.scene.slider * 100}%`;
    handle.setAttribute("aria-valuenow", Math.round(this.scene.slider * 100));
    handle.setAttribute("aria-valuetext", `${Math.round(this.scene.slider * 100)} percent before`);
    this.redraw();
  }

  zoomCentre(factor) {
    if (!this.doc.photo) return;
    this.camera.zoom(factor, this.camera.width / 2, this.camera.height / 2);
    this.redraw();
  }

  redraw() {
    if (this.drawing) return;
    this.drawing = requestAnimationFrame(() => {
      this.drawing = 0;
      this.painter.draw(this.scene);
    });
  }

  async trying(action) {
    try {
      return await action();
    } catch (error) {
      if (this.scene.mode === "working") this.setMode("select");
      this.words.say(error.message);
      return undefined;
    }
  }

  #connect() {
    this.element.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button?.dataset.do) this.do[button.dataset.do]?.();
      if (button?.dataset.tool) this.useTool(button.dataset.tool);
      if (button?.dataset.click) this.pointing.setMode(button.dataset.click);
    });
    const hold = this.element.querySelector('[data-do="original"]');
    for (const [name, shown] of [["pointerdown", true], ["pointerup", false], ["pointerleave", false], ["keydown", true], ["keyup", false], ["blur", false]]) {
      hold.addEventListener(name, (event) => (event.key === undefined || event.key === " " || event.key === "Enter") && this.showOriginal(shown));
    }
    const size = this.part("size");
    size.addEventListener("input", () => { this.scene.brush = size.value / 2; this.redraw(); });
    this.part("mask-file").addEventListener("change", (event) => {
      const [file] = event.target.files;
      event.target.value = "";
      if (file) this.addMask(file);
    });
    this.#dragHandle(this.part("handle"));
    listen(this.element, this.canvas, this.part("handle"), this);
    document.addEventListener("change", (event) => event.target.closest("#method, #tries") && this.words.estimate(this.estimates ?? {}));
    new ResizeObserver(() => this.#resized()).observe(this.canvas.parentElement);
    setInterval(() => this.#march(), 140);
    this.words.buttons();
  }

  #dragHandle(handle) {
    handle.addEventListener("pointerdown", (event) => handle.setPointerCapture(event.pointerId));
    handle.addEventListener("pointermove", (event) => {
      if (!handle.hasPointerCapture(event.pointerId)) return;
      const frame = this.canvas.getBoundingClientRect();
      this.slideTo((event.clientX - frame.left) / frame.width);
    });
  }

  #resized() {
    const { clientWidth: width, clientHeight: height } = this.canvas.parentElement;
    if (!width || !height) return;
    this.painter.resize(width, height);
    this.camera.resize(width, height);
    this.painter.draw(this.scene);
  }

  #march() {
    if (this.painter.still || !this.marked || this.scene.mode === "result" || document.hidden) return;
    this.painter.phase = (this.painter.phase + 1) % 1000;
    this.redraw();
  }
}

function area(points) {
  let twice = 0;
  if (points.length === 4) return Math.abs((points[2] - points[0]) * (points[3] - points[1]));
  for (let i = 0, j = points.length - 2; i < points.length; j = i, i += 2) twice += points[j] * points[i + 1] - points[i] * points[j + 1];
  return Math.abs(twice) / 2;
}

function accentOf(element) {
  return getComputedStyle(element).getPropertyValue("--selection").trim() || "#d6246e";
}

function chooseMethod(key) {
  document.querySelector(`#method input[value="${CSS.escape(key)}"]`)?.click();
}
