// Strokes small enough to send: simplified to what the eye can tell apart, then packed as base64 varints.
// `imaging/drawings.py` reads exactly this format; a browser test holds the two together.

/** Largest value that goes to the server, in characters; with the event around it this stays under 4 KB. */
const BUDGET = 3200;

/** Photo pixels one unit of a point stands for: a grid of about 2048 steps over the longer side. */
export function gridOf(photo) {
  return Math.max(1, Math.min(64, Math.floor(Math.max(photo.width, photo.height) / 2048)));
}

/** Points [x0, y0, x1, y1, ...] without those closer than `tolerance` to the line between their neighbours (Douglas-Peucker). */
export function simplify(points, tolerance) {
  const count = points.length / 2;
  if (count < 3) return points;
  const keep = new Uint8Array(count);
  keep[0] = keep[count - 1] = 1;
  const stack = [[0, count - 1]];
  while (stack.length) {
    const [first, last] = stack.pop();
    const [index, distance] = farthest(points, first, last);
    if (distance <= tolerance) continue;
    keep[index] = 1;
    stack.push([first, index], [index, last]);
  }
  const kept = [];
  for (let i = 0; i < count; i++) if (keep[i]) kept.push(points[2 * i], points[2 * i + 1]);
  return kept;
}

function farthest(points, first, last) {
  const [ax, ay, bx, by] = [points[2 * first], points[2 * first + 1], points[2 * last], points[2 * last + 1]];
  const length = Math.hypot(bx - ax, by - ay);
  let [index, distance] = [first, -1];
  for (let i = first + 1; i < last; i++) {
    const [dx, dy] = [points[2 * i] - ax, points[2 * i + 1] - ay];
    const d = length ? Math.abs(dx * (by - ay) - dy * (bx - ax)) / length : Math.hypot(dx, dy);
    if (d > distance) [index, distance] = [i, d];
  }
  return [index, distance];
}

/** Integer points as base64 of zigzag LEB128 varints: the first, then differences. */
export function encode(points) {
  const bytes = [];
  let [x, y] = [0, 0];
  for (let i = 0; i < points.length; i += 2) {
    pushVarint(bytes, points[i] - x);
    pushVarint(bytes, points[i + 1] - y);
    [x, y] = [points[i], points[i + 1]];
  }
  return btoa(String.fromCharCode(...bytes));
}

/** The inverse of `encode`. */
export function decode(text) {
  const points = [];
  let [value, shift, x, y] = [0, 0, 0, 0];
  for (const byte of atob(text)) {
    const code = byte.charCodeAt(0);
    value += (code & 127) * 2 ** shift;
    shift += 7;
    if (code & 128) continue;
    const delta = value % 2 ? -(value + 1) / 2 : value / 2;
    if (points.length % 2) points.push((y += delta)); else points.push((x += delta));
    [value, shift] = [0, 0];
  }
  return points;
}

function pushVarint(bytes, number) {
  let rest = number < 0 ? -2 * number - 1 : 2 * number;
  while (rest > 127) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
}

/** What the server is sent of a document: shown entries only. */
export function toDrawing(doc) {
  const shown = doc.entries.filter((entry) => !entry.hidden);
  return {
    grid: gridOf(doc.photo),
    invert: doc.invert,
    entries: shown.map(({ kind, grow, shapes }) => ({ kind, grow, shapes: shapes.map(toShape) })),
  };
}

function toShape(shape) {
  if (shape.tool === "mask") return { tool: "mask", mask: shape.mask };
  const { tool, radius, points } = shape;
  return radius === undefined ? { tool, points: encode(points) } : { tool, radius, points: encode(points) };
}

/** Entries as small as the budget asks: what is shown is always what is sent, so this happens when a stroke ends. */
export function fitBudget(doc) {
  let entries = doc.entries;
  for (let tolerance = 1; tolerance < 64; tolerance *= 1.5) {
    if (JSON.stringify(toDrawing({ ...doc, entries })).length <= BUDGET) return entries;
    entries = entries.map((entry) => ({ ...entry, shapes: entry.shapes.map((shape) => coarser(shape, tolerance)) }));
  }
  return entries;
}

function coarser(shape, tolerance) {
  return shape.points && shape.points.length > 8 ? { ...shape, points: simplify(shape.points, tolerance) } : shape;
}
