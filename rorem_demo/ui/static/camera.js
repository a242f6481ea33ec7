// The camera of the view: where the photo lies on the stage. Lengths are CSS pixels; `scale` is CSS pixels per photo pixel.

export class ViewCamera {
  constructor() {
    Object.assign(this, { scale: 1, x: 0, y: 0, width: 1, height: 1, photo: null, fitted: true });
  }

  resize(width, height) {
    Object.assign(this, { width: Math.max(1, width), height: Math.max(1, height) });
    if (this.fitted) this.fit(); else this.#clamp();
  }

  show(photo) {
    const same = this.photo && photo && this.photo.width === photo.width && this.photo.height === photo.height;
    this.photo = photo;
    if (!same) this.fit();
  }

  fit() {
    if (!this.photo) return;
    this.scale = Math.min(this.width / this.photo.width, this.height / this.photo.height, 4);
    this.fitted = true;
    this.#clamp();
  }

  zoom(factor, x, y) {
    const least = Math.min(this.width / this.photo.width, this.height / this.photo.height, 1);
    const scale = Math.max(least, Math.min(16, this.scale * factor));
    this.x = x - (x - this.x) * (scale / this.scale);
    this.y = y - (y - this.y) * (scale / this.scale);
    this.scale = scale;
    this.fitted = scale === least;
    this.#clamp();
  }

  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.fitted = false;
    this.#clamp();
  }

  toPhoto(x, y) {
    return [(x - this.x) / this.scale, (y - this.y) / this.scale];
  }

  toStage(x, y) {
    return [x * this.scale + this.x, y * this.scale + this.y];
  }

  #clamp() {
    if (!this.photo) return;
    this.x = clampAxis(this.x, this.photo.width * this.scale, this.width);
    this.y = clampAxis(this.y, this.photo.height * this.scale, this.height);
  }
}

function clampAxis(offset, length, room) {
  if (length <= room + 0.5) return (room - length) / 2; // a fitted side may be longer by a rounding
  const slack = room * 0.25; // so that an edge can be brought to a comfortable place
  return Math.max(room - length - slack, Math.min(slack, offset));
}
