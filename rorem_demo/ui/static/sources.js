// Where a photo comes from: file, drop, paste, camera, example.

export class Sources {
  constructor(stage, base, examples) {
    this.stage = stage;
    this.video = stage.element.querySelector("video");
    this.file = stage.part("file");
    for (const input of [this.file, stage.part("camera-file")]) {
      input.addEventListener("change", () => { this.#take(input.files); input.value = ""; });
    }
    const view = stage.element.querySelector('[data-part="view"]');
    view.addEventListener("dragover", (event) => { event.preventDefault(); view.classList.add("over"); });
    view.addEventListener("dragleave", () => view.classList.remove("over"));
    view.addEventListener("drop", (event) => { event.preventDefault(); view.classList.remove("over"); this.#take(event.dataTransfer.files); });
    document.addEventListener("paste", (event) => this.#paste(event));
    stage.part("examples").append(...examples.map((example) => this.#example(base, example)));
  }

  choose() {
    this.file.click();
  }

  /** Phones open their own camera; elsewhere the stage shows the picture to take. */
  async camera() {
    if (matchMedia("(pointer: coarse)").matches || !navigator.mediaDevices) return this.stage.part("camera-file").click();
    try {
      this.video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 4096 } } });
      await this.video.play();
      this.stage.part("camera").hidden = false;
    } catch {
      this.stage.words.say("The camera cannot be used. Allow it in the browser, or choose a photo.");
    }
    return undefined;
  }

  cameraOff() {
    for (const track of this.video.srcObject?.getTracks() ?? []) track.stop();
    this.video.srcObject = null;
    this.stage.part("camera").hidden = true;
  }

  async snap() {
    const canvas = new OffscreenCanvas(this.video.videoWidth, this.video.videoHeight);
    canvas.getContext("2d").drawImage(this.video, 0, 0);
    this.cameraOff();
    const blob = await canvas.convertToBlob({ type: "image/png" });
    this.#take([new File([blob], "camera.png", { type: "image/png" })]);
  }

  #take(files) {
    const [file] = files;
    if (file) this.stage.open(() => this.stage.server.openPhoto(file));
  }

  #paste(event) {
    const files = [...(event.clipboardData?.files ?? [])].filter((file) => file.type.startsWith("image/"));
    if (!files.length || !this.stage.element.offsetParent) return;
    event.preventDefault();
    this.#take(files);
  }

  #example(base, { file, title }) {
    const button = document.createElement("button");
    button.type = "button";
    const picture = Object.assign(document.createElement("img"), { src: new URL(`examples/${file}`, base).href, alt: "" });
    button.append(picture, Object.assign(document.createElement("span"), { textContent: title }));
    button.addEventListener("click", () => this.stage.open(() => this.stage.server.openExample(file)));
    return button;
  }
}
