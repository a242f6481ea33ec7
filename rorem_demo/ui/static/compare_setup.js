// What is compared: the photo of the Remove tab, the chosen methods, the options they share.

import { opened } from "./opened.js";
import { showTab } from "./tabs.js";

export class Setup {
  /** @param acts {start(value), cancel()} */
  constructor(element, acts) {
    this.find = (selector) => element.querySelector(selector);
    this.acts = acts;
    this.form = this.find("[data-form]");
    this.button = this.find('[data-act="compare"]');
    this.studying = this.find('[data-act="study"]');
    this.form.addEventListener("submit", (event) => this.#submit(event, false));
    this.find("[data-study-form]").addEventListener("submit", (event) => this.#submit(event, true));
    this.form.addEventListener("change", () => this.show());
    opened.onChange(() => this.show());
    this.show();
  }

  goToRemove() {
    showTab("Remove");
  }

  get methods() {
    return [...this.form.querySelectorAll("input[name=method]:checked")].map((input) => input.value);
  }

  set busy(busy) {
    this.running = busy;
    this.show();
  }

  show() {
    const photo = opened.get();
    const ready = Boolean(photo?.marked);
    this.find("[data-open]").textContent = told(photo);
    this.find('[data-do="go"]').hidden = ready;
    const count = this.methods.length;
    this.button.textContent = this.running ? "Cancel" : `Compare ${count} ${count === 1 ? "method" : "methods"}`;
    this.button.classList.toggle("cancel", Boolean(this.running));
    this.button.disabled = !this.running && !(ready && count);
    this.studying.disabled = this.running || !ready;
  }

  #submit(event, study) {
    event.preventDefault();
    if (this.running) return study || this.acts.cancel();
    const photo = opened.get();
    if (!photo?.marked) return this.show();
    const methods = study ? [this.find("select[name=study]").value] : this.methods;
    const [seed, grow, feather] = ["seed", "grow", "feather"].map((name) => {
      const { value } = this.form.elements[name];
      return value === "" ? null : Number(value);
    });
    this.acts.start({ photo: photo.photo, drawing: photo.drawing, methods, study, seed, grow, feather });
  }
}

function told(photo) {
  if (!photo) return "Mark something on the Remove tab, and compare methods on it here.";
  const size = `Your photo, ${photo.width} × ${photo.height}`;
  return photo.marked ? `${size}, with what is marked on the Remove tab.` : `${size}. Mark something on the Remove tab.`;
}
