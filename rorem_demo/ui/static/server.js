// Every call to the photo routes (`ui/routes.py`). A refusal becomes an Error whose message is the server's sentence.

export class Server {
  constructor(base) {
    this.base = base;
    this.visit = "";
  }

  async openPhoto(file) {
    return this.#opened("photos", { body: file, headers: { "X-Name": encodeURIComponent(file.name || "photo") } });
  }

  async openExample(file) {
    return this.#opened(`examples/${file}`, {});
  }

  async openMask(photo, file) {
    return (await (await this.#call(`photos/${photo}/masks`, { method: "POST", body: file })).json()).mask;
  }

  /** Titles, or sentences that say why not: {click, box, phrase}. */
  async segmenters() {
    return (await this.#call("segmenters", {})).json();
  }

  /** The first look at a photo; `tell` is called with {title, fraction} as it goes. */
  async encode(photo, kind, tell) {
    const answer = await this.#call(`photos/${photo}/encode?kind=${kind}`, { method: "POST" });
    for await (const step of lines(answer.body)) {
      if (step.sentence) throw new Error(step.sentence);
      if (step.ready) return;
      tell(step);
    }
    throw new Error("The connection broke off. Try again.");
  }

  /** Candidates for prompts, each with a bitmap whose alpha is its mask. */
  async select(photo, prompts) {
    const answer = await (await this.#call(`photos/${photo}/select`, { method: "POST", body: JSON.stringify(prompts) })).json();
    const pictures = answer.candidates.map(async (candidate) => ({ ...candidate, picture: await alphaBitmap(await (await fetch(candidate.picture)).blob()) }));
    return { ...answer, candidates: await Promise.all(pictures) };
  }

  async survey(photo, drawing) {
    return (await this.#call(`photos/${photo}/survey`, { method: "POST", body: JSON.stringify(drawing) })).json();
  }

  async maskFile(photo, drawing) {
    return (await this.#call(`photos/${photo}/mask`, { method: "POST", body: JSON.stringify(drawing) })).blob();
  }

  /** A loaded mask as a bitmap whose alpha is the mask. */
  async maskPicture(id) {
    return alphaBitmap(await (await this.#call(`masks/${id}`, {})).blob());
  }

  async picture(photo) {
    return createImageBitmap(await (await this.#call(`photos/${photo}/view`, {})).blob());
  }

  /** What a program thinks of a result, in words, and its version; both "" where none can tell. */
  async likely(result) {
    return (await this.#call(`results/${result}/likely`, {})).json();
  }

  /** Keep what is said of a result; gives its receipt. Sent on even where the page is closed meanwhile. */
  async rate(result, answer) {
    const body = JSON.stringify({ ...answer, visit: this.visit });
    return (await this.#call(`results/${result}/rating`, { method: "POST", body, keepalive: true })).json();
  }

  /** The receipt as things stand now. */
  async receipt(text) {
    return (await this.#call(`ratings/${encodeURIComponent(text)}`, {})).json();
  }

  /** Takes an answer back; gives a sentence that says what happens. */
  async deleteRating(text) {
    const init = { method: "DELETE", headers: { "X-Visit": this.visit }, keepalive: true };
    return (await (await this.#call(`ratings/${encodeURIComponent(text)}`, init)).json()).sentence;
  }

  async feedback() {
    return (await this.#call("feedback", {})).json();
  }

  address(photo, format) {
    return new URL(`photos/${photo}/download?format=${format}`, this.base).href;
  }

  async #opened(path, init) {
    const headers = { ...init.headers, "X-Visit": this.visit };
    const opened = await (await this.#call(path, { ...init, method: "POST", headers })).json();
    this.visit = opened.visit;
    return opened;
  }

  #call(path, init) {
    return ask(new URL(path, this.base), init);
  }
}

/** The server's answer, or an Error with its sentence: `refused` (422) or `gone` (410) if it will stay so. */
export async function ask(address, init) {
  let answer;
  try {
    answer = await fetch(address, init);
  } catch {
    throw new Error("The server cannot be reached. Check the connection and try again.");
  }
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({}));
  const error = new Error(told.sentence || "The server refused this. Try again.");
  throw Object.assign(error, { refused: answer.status === 422, gone: answer.status === 410 });
}

/** A black and white picture as a bitmap of which white is opaque. */
async function alphaBitmap(blob) {
  const picture = await createImageBitmap(blob);
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  const context = canvas.getContext("2d");
  context.drawImage(picture, 0, 0);
  const pixels = context.getImageData(0, 0, picture.width, picture.height);
  for (let i = 0; i < pixels.data.length; i += 4) pixels.data[i + 3] = pixels.data[i];
  context.putImageData(pixels, 0, 0);
  return createImageBitmap(canvas);
}

/** The JSON values of a body that has one a line, as they arrive. */
async function* lines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    for (const part of parts) if (part) yield JSON.parse(part);
  }
}
