// Drawing one picture of a bench through the camera that all of them share. Lengths are CSS pixels, `box` shown pixels.

/** Fits the canvas to its place; gives its context, scaled to CSS pixels, or null while it has no place. */
export function prepared(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  if (!width || !height) return null;
  const ratio = Math.min(2, window.devicePixelRatio || 1);
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

/** The source with a lossless part over it. */
export function drawPicture(context, camera, { view, source, part }) {
  const { x, y, scale, photo } = camera;
  context.imageSmoothingEnabled = scale < 3; // single pixels are to be seen from there
  context.imageSmoothingQuality = "high";
  context.drawImage(view, x, y, photo.width * scale, photo.height * scale);
  for (const one of [source, part]) if (one) place(context, camera, one);
}

/** Black, and over it the map of what differs; nothing is mixed, so that black stays black. */
export function drawDifference(context, camera, { map, box }) {
  const { x, y, scale, photo } = camera;
  context.fillStyle = "#000";
  context.fillRect(x, y, photo.width * scale, photo.height * scale);
  context.imageSmoothingEnabled = false;
  if (map) place(context, camera, { picture: map, box });
}

/** Darkens the picture, which is not the tile's own yet. */
export function dim(context, { x, y, scale, photo }) {
  context.fillStyle = "rgb(20 20 22 / .62)";
  context.fillRect(x, y, photo.width * scale, photo.height * scale);
}

function place(context, { x, y, scale }, { picture, box }) {
  const [left, top, right, bottom] = box;
  context.drawImage(picture, x + left * scale, y + top * scale, (right - left) * scale, (bottom - top) * scale);
}
