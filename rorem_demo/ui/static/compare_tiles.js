// The tiles of a bench: elements made once per comparison, their words and states changed in place.

export class Tiles {
  /** @param choose (tile) => void, when the name of one is pressed */
  constructor(grid, choose) {
    Object.assign(this, { grid, elements: new Map() });
    grid.addEventListener("click", ({ target }) => {
      const name = target.closest(".name");
      if (name) choose(name.closest("[data-tile]").dataset.tile);
    });
  }

  /** Elements for these tiles, kept where the tiles are the same ones as before. */
  show(tiles, size) {
    const same = tiles.length === this.elements.size && tiles.every(({ tile }) => this.elements.has(tile));
    if (!same) {
      this.elements = new Map(tiles.map((one, at) => [one.tile, element(one, at)]));
      this.grid.replaceChildren(...this.elements.values());
    }
    if (size) this.grid.parentElement.style.setProperty("--aspect", Math.max(0.7, Math.min(1.8, size[0] / size[1])));
    for (const one of tiles) fill(this.elements.get(one.tile), one);
  }

  canvas(tile) {
    return this.elements.get(tile)?.querySelector("canvas");
  }

  /** A sentence over a picture that could not be fetched. */
  trouble(tile, sentence) {
    this.elements.get(tile).querySelector(".over").textContent = sentence;
  }
}

export function marked(title, colour) {
  const mark = Object.assign(document.createElement("i"), { className: "mark" });
  mark.style.background = colour;
  return [mark, document.createTextNode(title)];
}

function element({ tile, title, colour }, at) {
  const figure = Object.assign(document.createElement("figure"), { className: "tile" });
  figure.dataset.tile = tile;
  figure.innerHTML = '<div class="picture"><canvas role="img"></canvas><p class="over"></p></div><figcaption><button type="button" class="name"></button><ul class="facts"></ul></figcaption>';
  const name = figure.querySelector(".name");
  name.append(...marked(title, colour));
  if (at < 10) name.append(Object.assign(document.createElement("small"), { textContent: at || "" }));
  name.title = `Compare with A: ${title}`;
  return figure;
}

function fill(figure, { title, state, fraction, facts, sentence }) {
  figure.dataset.state = state;
  const canvas = figure.querySelector("canvas");
  canvas.setAttribute("aria-label", [title, state === "done" ? "" : state, ...facts].filter(Boolean).join(", "));
  const over = { waiting: "Waiting", working: working(fraction), done: "", failed: sentence, none: sentence }[state];
  set(figure.querySelector(".over"), over);
  const list = figure.querySelector(".facts");
  const told = facts.join("\n");
  if (list.dataset.told === told) return;
  list.dataset.told = told;
  list.replaceChildren(...facts.map((fact) => Object.assign(document.createElement("li"), { textContent: fact })));
}

function working(fraction) {
  return fraction > 0.02 && fraction < 1 ? `Working, ${Math.round(100 * fraction)}%` : "Working…";
}

function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
