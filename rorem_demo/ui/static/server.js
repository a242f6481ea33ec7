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

  async survey(photo, drawing) {
    return (await this.#call(`photos/${photo}/survey`, { method: "POST", body: JSON.stringify(drawing) })).json();
  }

  async maskFile(photo, drawing) {
    return (await this.#call(`photos/${photo}/mask`, { method: "POST", body: JSON.stringify(drawing) })).blob();
  }

  /** A loaded mask as a bitmap whose alpha is the mask. */
  async maskPicture(id) {
    const picture = await createImageBitmap(await (await this.#call(`masks/${id}`, {})).blob());
    const canvas = new OffscreenCanvas(picture.width, picture.height);
    const context = canvas.getContext("2d");
    context.drawImage(picture, 0, 0);
    const pixels = context.getImageData(0, 0, picture.width, picture.height);
    for (let i = 0; i < pixels.data.length; i += 4) pixels.data[i + 3] = pixels.data[i];
    context.putImageData(pixels, 0, 0);
    return createImageBitmap(canvas);
  }

  async picture(photo) {
    return createImageBitmap(await (await this.#call(`photos/${photo}/view`, {})).blob());
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

  async #call(path, init) {
    let answer;
    try {
      answer = await fetch(new URL(path, this.base), init);
    } catch {
      throw new Error("The server cannot be reached. Check the connection and try again.");
    }
    if (answer.ok) return answer;
    const told = await answer.json().catch(() => ({}));
    throw new Error(told.sentence || "The server refused this. Try again.");
  }
}
