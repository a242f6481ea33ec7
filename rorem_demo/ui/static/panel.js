// The list of entries: each can be made active, hidden, kept or thrown away.

import { replaceEntry, withoutEntry } from "./history.js";

const NAMES = { brush: "Brush", lasso: "Lasso", rectangle: "Box", file: "Mask file", shadow: "Shadow", click: "Object", box: "Object", phrase: "Found" };

export class Panel {
  constructor(root, history) {
    this.list = root.querySelector("[data-entries]");
    this.nothing = root.querySelector("[data-nothing]");
    this.history = history;
  }

  show(doc) {
    this.nothing.hidden = doc.entries.length > 0;
    const focused = this.list.contains(document.activeElement) ? document.activeElement.dataset.at : null;
    this.list.replaceChildren(...doc.entries.map((entry, index) => this.#row(doc, entry, index)));
    if (focused) this.list.querySelector(`[data-at="${focused}"]`)?.focus();
  }

  #row(doc, entry, index) {
    const name = `${entry.label || (NAMES[entry.kind] ?? entry.kind)} ${index + 1}`;
    const active = doc.active === entry.key;
    const row = document.createElement("li");
    row.classList.toggle("active", active);
    const grown = entry.grow ? ` ${entry.grow > 0 ? "+" : "−"}${Math.abs(entry.grow)} px` : "";
    row.append(
      this.#button(entry, "pick", name + grown, { pressed: active, title: active ? "Keep: the next stroke begins a new entry" : "Correct this with brush and eraser" },
        () => this.history.adjust({ active: active ? null : entry.key })),
      this.#button(entry, "hide", entry.hidden ? "Show" : "Hide", { label: `${entry.hidden ? "Show" : "Hide"} ${name}` },
        () => this.history.commit({ entries: replaceEntry(doc, entry.key, ({ hidden }) => ({ hidden: !hidden })) })),
      this.#button(entry, "drop", "Discard", { label: `Discard ${name}` },
        () => this.history.commit(withoutEntry(doc, entry.key))),
    );
    return row;
  }

  #button(entry, what, text, { pressed, label, title }, act) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: what, textContent: text });
    button.dataset.at = `${what}-${entry.key}`;
    if (pressed !== undefined) button.setAttribute("aria-pressed", pressed);
    if (label) button.setAttribute("aria-label", label);
    if (title) button.title = title;
    button.addEventListener("click", act);
    return button;
  }
}
