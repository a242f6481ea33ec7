// Mouse, touch and pen on the canvas: one pointer draws, two pinch and pan, Space or the middle button pans, the wheel
// zooms. While a pen is down, fingers are ignored: they are a resting hand.

export class Gestures {
  /** @param host {camera, drawing(): boolean, begin(point, {keep, add}), move(point), end(), cancel(), hover(place), slide(x), changed()} */
  constructor(canvas, host) {
    this.canvas = canvas;
    this.host = host;
    this.pointers = new Map();
    this.space = false;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, (event) => this.#up(event));
    canvas.addEventListener("pointerleave", () => host.hover(null));
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  }

  #place(event) {
    const frame = this.canvas.getBoundingClientRect();
    return [event.clientX - frame.left, event.clientY - frame.top];
  }

  #down(event) {
    if (!this.host.ready() || this.#palm(event)) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, { place: this.#place(event), kind: event.pointerType });
    if (this.pointers.size === 2) this.#leaveDrawing("pinch");
    else if (this.pointers.size === 1) this.#begin(event);
  }

  #begin(event) {
    const place = this.#place(event);
    if (event.button === 1 || this.space) this.action = "pan";
    else if (event.button !== 0 && !(event.button === 2 && this.host.pointing())) this.action = null;
    else if (this.host.drawing()) {
      this.action = "draw";
      this.host.begin(this.host.camera.toPhoto(...place), { keep: event.button === 2 || event.altKey, add: event.shiftKey });
    } else this.action = "slide";
  }

  #leaveDrawing(action) {
    if (this.action === "draw") this.host.cancel();
    this.action = action;
  }

  #move(event) {
    const known = this.pointers.get(event.pointerId);
    const place = this.#place(event);
    if (event.pointerType !== "touch") this.host.hover(place, this.pointers.size === 0);
    if (!known) return;
    const before = known.place;
    if (this.action === "draw") for (const part of coalesced(event)) this.host.move(this.host.camera.toPhoto(...this.#place(part)));
    if (this.action === "pan") this.host.camera.pan(place[0] - before[0], place[1] - before[1]);
    if (this.action === "slide") this.host.slide(place[0]);
    if (this.action === "pinch") this.#pinch(event.pointerId, before, place);
    known.place = place;
    this.host.changed();
  }

  #pinch(id, before, place) {
    const other = [...this.pointers].find(([key]) => key !== id)?.[1].place;
    if (!other) return;
    const distance = ([x, y]) => Math.max(1, Math.hypot(x - other[0], y - other[1]));
    this.host.camera.pan((place[0] - before[0]) / 2, (place[1] - before[1]) / 2);
    this.host.camera.zoom(distance(place) / distance(before), (place[0] + other[0]) / 2, (place[1] + other[1]) / 2);
  }

  #up(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    if (this.action === "draw") {
      if (event.type === "pointercancel") this.host.cancel(); else this.host.end();
    }
    if (this.pointers.size === 0 || this.action === "draw") this.action = null;
    this.host.changed();
  }

  #wheel(event) {
    if (!this.host.ready()) return;
    event.preventDefault();
    const lines = event.deltaMode === 1 ? event.deltaY * 16 : event.deltaY;
    this.host.camera.zoom(Math.exp(-lines / 400), ...this.#place(event));
    this.host.changed();
  }

  #palm(event) {
    return event.pointerType === "touch" && [...this.pointers.values()].some((pointer) => pointer.kind === "pen");
  }
}

function coalesced(event) {
  const parts = event.getCoalescedEvents?.() ?? [];
  return parts.length ? parts : [event];
}
