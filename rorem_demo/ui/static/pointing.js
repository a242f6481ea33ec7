// Pointing: clicks, boxes and phrases become entries whose first shape is a mask from the server. An entry remembers
// what was pointed at, so a further click corrects it; the server keeps no selection of anybody's. Requests go one
// after the other and fast clicks wait their turn: none is lost.

import { replaceEntry, withEntry } from "./history.js";

const STILL = 6; // screen pixels a pointer may move in a click; fingers are less steady
const STILL_TOUCH = 12;
const DOUBLE = 500; // ms in which a second click on the same place is a slip
const REST = 120; // ms the pointer rests before it is told what a click would take
const SUGGESTED = "distractors";

export class Pointing {
  constructor(stage) {
    this.stage = stage;
    this.mode = "object";
    this.offers = {};
    this.looks = new Map(); // first looks by photo and kind
    this.turn = Promise.resolve();
    this.pending = []; // clicks shown before they are answered
    this.form = stage.part("words-form");
    this.form.addEventListener("submit", (event) => { event.preventDefault(); this.find(stage.part("phrase").value); });
  }

  /** What answers here; asked again for each photo, because weights may have come meanwhile. */
  async prepare() {
    const first = !this.offers.click;
    this.offers = await this.stage.server.segmenters().catch(() => this.offers);
    if (first && this.offers.click?.learned) this.stage.useTool("point");
    else this.toolChanged(this.stage.scene.tool);
  }

  get tip() {
    const point = this.offers.click?.learned ? "Click what should go, or drag a box around it." : "Drag a box around what should go, or click it.";
    return { point, text: "Say what should go." }[this.stage.scene.tool] ?? "Paint over what should go.";
  }

  /** How many guesses there are at the active object. */
  get choices() {
    return this.#active()?.pointed?.candidates.length ?? 0;
  }

  toolChanged(tool) {
    const { stage } = this;
    for (const part of stage.element.querySelectorAll("[data-for]")) part.hidden = !part.dataset.for.split(" ").includes(tool);
    const offer = this.offers[tool === "text" ? "phrase" : "click"];
    const unable = tool === "text" && Boolean(offer?.sentence);
    for (const input of this.form.elements) input.disabled = unable;
    stage.part("tip").textContent = (tool === "text" || tool === "point") && offer?.title ? `By ${offer.title}` : "";
    this.unhover();
    if (!stage.doc.photo || stage.scene.mode !== "select") return;
    if (tool === "point" || tool === "text") stage.words.say(offer?.sentence ?? this.tip);
    if (tool === "point") this.#look("click").catch(() => {}); // told already
    if (tool === "text" && !unable) stage.part("phrase").focus();
  }

  setMode(mode) {
    this.mode = mode;
    for (const button of this.stage.element.querySelectorAll("[data-click]")) button.setAttribute("aria-pressed", button.dataset.click === mode);
  }

  documentChanged(doc) {
    const active = this.#active();
    this.stage.scene.clicks = [...(active?.pointed?.clicks ?? []), ...this.pending];
    if (doc.photo?.id !== this.photo) this.unhover();
    this.photo = doc.photo?.id;
  }

  // --- gestures ---------------------------------------------------------------------------------------------------

  /** A press and release: a click if it hardly moved, else a box. */
  end({ points, how }) {
    const { stage } = this;
    const [first, last] = [points.slice(0, 2), points.slice(-2)];
    const still = matchMedia("(pointer: coarse)").matches ? STILL_TOUCH : STILL;
    stage.redraw();
    if (Math.hypot(last[0] - first[0], last[1] - first[1]) * stage.camera.scale <= still) return this.click(first, how);
    return this.box([...first, ...last]);
  }

  click(point, { add = false, keep = false } = {}) {
    const { stage } = this;
    const place = point.map(Math.floor);
    if (!this.#inside(place) || this.#slip(place)) return;
    this.unhover();
    this.#inTurn([...place, Number(keep || this.mode === "drop")], () => {
      const { entry, takesAway } = this.#meant(place, { add, keep });
      if (takesAway && !entry) return stage.words.say("Click what should go first.");
      const { clicks, box, candidates, chosen } = entry?.pointed ?? { clicks: [], box: null, candidates: [], chosen: 0 };
      const prompts = { clicks: [...clicks, [...place, Number(takesAway)]], box };
      return this.#propose({ ...prompts, previous: candidates[chosen] ?? null }, (pointed, shape, doc) => {
        if (!entry) return withEntry(doc, "click", [shape], { pointed });
        const corrected = ({ shapes }) => ({ pointed, shapes: [shape, ...shapes.slice(1)] });
        return { entries: replaceEntry(doc, entry.key, corrected), active: entry.key };
      });
    });
  }

  /** The object in a box; `without` takes from the document what the new entry replaces. */
  box([x0, y0, x1, y1], without = () => ({})) {
    const [left, top] = [Math.min(x0, x1), Math.min(y0, y1)].map(Math.floor);
    const [right, bottom] = [Math.max(x0, x1), Math.max(y0, y1)].map(Math.ceil);
    this.unhover();
    this.#inTurn(null, () => this.#propose({ clicks: [], box: [left, top, right, bottom] }, (pointed, shape, doc) => withEntry({ ...doc, ...without(doc) }, "box", [shape], { pointed })));
  }

  /** After a rectangle: only what is inside it? */
  offerObject() {
    const { stage } = this;
    const entry = stage.doc.entries.at(-1);
    const unit = stage.grid;
    const corners = entry.shapes[0].points.map((value) => value * unit);
    stage.words.offer("The whole box is marked.", "Select only the object in it", () =>
      this.box(corners, (doc) => ({ entries: doc.entries.filter(({ key }) => key !== entry.key) })));
  }

  /** The next guess at the active object. */
  other() {
    const entry = this.#active();
    if (!entry?.pointed || this.choices < 2) return;
    const chosen = (entry.pointed.chosen + 1) % this.choices;
    const shape = { tool: "mask", mask: entry.pointed.candidates[chosen] };
    const change = ({ shapes, pointed }) => ({ shapes: [shape, ...shapes.slice(1)], pointed: { ...pointed, chosen } });
    this.stage.edit({ entries: replaceEntry(this.stage.doc, entry.key, change) });
    this.stage.words.say(`Shape ${chosen + 1} of ${this.choices}.`);
  }

  // --- phrases ----------------------------------------------------------------------------------------------------

  suggest() {
    return this.find(SUGGESTED);
  }

  find(text) {
    const phrase = text.trim();
    if (!phrase) return this.stage.words.say("Say what should go, for instance: the dog on the left.");
    return this.#inTurn(null, async () => {
      const photo = this.stage.doc.photo.id;
      await this.#look("phrase");
      this.stage.words.say("Looking for it…");
      const { candidates } = await this.stage.server.select(photo, { phrase });
      if (this.stage.doc.photo?.id !== photo) return;
      this.#adopt(candidates);
      const found = candidates.reduce((doc, { mask, label }) => ({ ...doc, ...withEntry(doc, "phrase", [{ tool: "mask", mask }], { label }) }), this.stage.doc);
      this.stage.edit({ entries: found.entries, active: null });
      this.stage.words.say(candidates.length === 1 ? "Found one." : `Found ${candidates.length}. Discard what should stay.`);
    });
  }

  // --- what a click would take ------------------------------------------------------------------------------------

  hover(place) {
    const { scene, camera, doc } = this.stage;
    clearTimeout(this.resting);
    const point = place && scene.tool === "point" && scene.mode === "select" ? camera.toPhoto(...place).map(Math.floor) : null;
    if (scene.hovered && !(point && scene.hovered.covers(point))) this.unhover();
    if (!point || scene.hovered || this.asking || !this.#inside(point, false) || !this.#looked("click") || this.#under(point)) return;
    this.resting = setTimeout(() => this.#preview(doc.photo.id, point), REST);
  }

  unhover() {
    clearTimeout(this.resting);
    this.previewing = null;
    if (!this.stage.scene.hovered) return;
    this.stage.scene.hovered = null;
    this.stage.redraw();
  }

  async #preview(photo, [x, y]) {
    const previewing = (this.previewing = {});
    this.asking = true;
    const { candidates } = await this.stage.server.select(photo, { clicks: [[x, y, 0]], preview: true }).catch(() => ({ candidates: [] }));
    this.asking = false;
    if (this.previewing !== previewing || !candidates.length) return;
    const { picture } = candidates[0];
    const scale = picture.width / this.stage.doc.photo.width;
    const context = new OffscreenCanvas(picture.width, picture.height).getContext("2d", { willReadFrequently: true });
    context.drawImage(picture, 0, 0);
    this.stage.scene.hovered = { picture, covers: (at) => context.getImageData(...at.map((value) => Math.floor(value * scale)), 1, 1).data[3] > 0 };
    this.stage.redraw();
  }

  // --- the rest ---------------------------------------------------------------------------------------------------

  /** One request after the other; a click is marked while it waits. */
  #inTurn(click, action) {
    const { stage } = this;
    const mark = (shown) => {
      if (!click) return;
      this.pending = shown ? [...this.pending, click] : this.pending.filter((other) => other !== click);
      this.documentChanged(stage.doc);
      stage.redraw();
    };
    mark(true);
    this.turn = this.turn.then(() => stage.trying(action)).then(() => mark(false));
    return this.turn;
  }

  async #propose(prompts, change) {
    const { stage } = this;
    const photo = stage.doc.photo.id;
    await this.#look(prompts.box ? "box" : "click");
    const { candidates } = await stage.server.select(photo, prompts);
    if (stage.doc.photo?.id !== photo || stage.scene.mode === "working") return;
    this.#adopt(candidates);
    const pointed = { clicks: prompts.clicks, box: prompts.box, candidates: candidates.map(({ mask }) => mask), chosen: 0 };
    stage.edit(change(pointed, { tool: "mask", mask: pointed.candidates[0] }, stage.doc));
    const sure = this.offers.click?.learned;
    stage.words.say(sure ? "Click more things, or click inside the selection to take a part away." : "Not what you meant? Try Other shape (C), or drag a box around it.");
  }

  #adopt(candidates) {
    for (const { mask, picture } of candidates) this.stage.rasteriser.adopt(mask, picture);
  }

  /** Which entry a click corrects, and whether it takes away. */
  #meant(place, { add, keep }) {
    const takesAway = keep || this.mode === "drop";
    const latest = this.#active()?.pointed ? this.#active() : this.stage.doc.entries.findLast(({ pointed, hidden }) => pointed && !hidden);
    if (takesAway) return { entry: this.#under(place) ?? latest, takesAway };
    if (add || this.mode === "add") return { entry: latest, takesAway };
    const under = this.#under(place);
    return { entry: under, takesAway: Boolean(under) };
  }

  /** The object that was pointed at and covers this place, the active one first. */
  #under(place) {
    const { doc, rasteriser, bitmap } = this.stage;
    const active = this.#active();
    const entries = [...doc.entries].sort((a, b) => (b === active) - (a === active));
    return entries.find((entry) => entry.pointed && !entry.hidden && bitmap && rasteriser.covers(entry, place, bitmap));
  }

  #active() {
    const { entries, active } = this.stage.doc;
    return entries.find(({ key, hidden }) => key === active && !hidden);
  }

  #inside([x, y], tell = true) {
    const { width, height } = this.stage.doc.photo;
    const inside = x >= 0 && y >= 0 && x < width && y < height;
    if (!inside && tell) this.stage.words.say("That is outside the photo. Click what should go.");
    return inside;
  }

  /** The second half of a double click. */
  #slip([x, y]) {
    const [before, now] = [this.last, performance.now()];
    this.last = { x, y, at: now };
    return Boolean(before) && now - before.at < DOUBLE && Math.hypot(x - before.x, y - before.y) * this.stage.camera.scale < STILL;
  }

  #looked(kind) {
    return this.looks.get(`${this.stage.doc.photo.id} ${kind}`) === true;
  }

  /** The first look at the photo, once: told in words while it goes on. */
  async #look(kind) {
    const { stage } = this;
    const photo = stage.doc.photo.id;
    const name = `${photo} ${kind}`;
    if (this.looks.get(name) === true) return;
    const tell = ({ title, fraction }) => {
      if (stage.doc.photo?.id === photo && stage.scene.mode === "select") stage.words.say(`${title} is looking at the photo… ${Math.round(100 * fraction)} %`);
    };
    if (!this.looks.has(name)) {
      tell({ title: this.offers[kind]?.title ?? "The segmenter", fraction: 0 }); // loading it takes seconds too
      this.looks.set(name, stage.server.encode(photo, kind, tell));
    }
    try {
      await this.looks.get(name);
      this.looks.set(name, true);
      if (stage.doc.photo?.id === photo && stage.scene.mode === "select") stage.words.say(this.tip);
    } catch (error) {
      this.looks.delete(name);
      stage.words.say(error.message);
      throw error;
    }
  }
}
