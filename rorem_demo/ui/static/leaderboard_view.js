// The board as tables. What comes from the server is set as text, never as markup: names may be anything.

import { plot, scale } from "./leaderboard_plot.js";

const HALF = [{ x: 0.5, text: "50%" }];

/** `board` is null before the first count. */
export function draw(part, board) {
  const full = board !== null && !board.empty;
  part("full").hidden = !full;
  part("empty").hidden = full;
  part("summary").textContent = full ? board.summary : board ? "Nobody has voted yet." : "";
  part("banner").textContent = board?.banner ?? "";
  part("banner").hidden = !board?.banner;
  if (!full) {
    part("why").textContent = "There is nothing to rank yet. A vote takes five seconds: two results, methods hidden, which is better?";
    return;
  }
  part("head").replaceChildren(head(board.axis));
  part("ranking").replaceChildren(...board.methods.map((method) => ranked(method, board.axis)));
  pairs(part, board);
  strata(part, board);
  trust(part, board);
  source(part, board.source);
}

/** Why there is no board. */
export function tellWhy(part, trouble) {
  part("why").textContent = trouble ? "There is no board yet. Votes are welcome all the same." : "The votes are being counted. This takes a moment.";
}

// --- the ranking ---------------------------------------------------------------------------------------------------

function head({ strength, rate }) {
  const titles = [["Place"], ["Method"], ["Strength", strength], ["Votes"], ["Gone", rate], ["Likely clean"]];
  return made("tr", { role: "row" }, ...titles.map(([title, ticks]) =>
    made("th", { role: "columnheader", scope: "col", class: title.toLowerCase().split(" ").at(-1) }, title, ticks && axis(ticks))));
}

function axis(ticks) {
  return made("div", { class: "drawn" }, scale(ticks), made("span", { class: "figure" }));
}

function ranked(method, ticks) {
  const { place, note, votes, strength, success, estimate, gap, state } = method;
  return made("tr", { role: "row", "data-method": method.key, class: state },
    cell("place", "Place", place ?? "–"),
    made("th", { role: "rowheader", scope: "row", class: "method" },
      name(method), method.licence && small(method.licence), note && made("span", { class: "note" }, note)),
    cell(strength ? "strength" : "strength none", "Strength", strength ? drawn(strength, method, ticks.strength) : small("–")),
    cell("votes", "Votes", votes),
    cell("gone", "Gone", success || estimate ? drawn(success, method, ticks.rate, estimate) : small("no thumbs")),
    cell(estimate ? "clean" : "clean none", "Likely clean", ...(estimate ? [made("b", {}, estimate.text), gap && small(gap), small(estimate.of)] : [small("–")])),
  );
}

function drawn(figure, { colour }, ticks, ring) {
  return made("div", { class: "drawn" },
    made("div", { class: "line" }, plot({ figure, ring, colour, ticks }), scale(ticks)),
    made("span", { class: "figure" }, ...(figure ? [made("b", {}, figure.text), small(figure.range), small(figure.of)] : [small("no thumbs")])));
}

function cell(kind, label, ...content) {
  return made("td", { role: "cell", class: kind, "data-label": label }, ...content);
}

// --- pair by pair --------------------------------------------------------------------------------------------------

function pairs(part, { methods, pairs: rows }) {
  part(`block="pairs"`).hidden = !rows.length;
  const found = new Map();
  for (const { first, second, share, other } of rows) {
    found.set(`${first} ${second}`, share);
    found.set(`${second} ${first}`, other);
  }
  const met = methods.map((_, at) => at).filter((at) => rows.some(({ first, second }) => first === at || second === at));
  const top = made("tr", {}, made("td"), ...met.map((at) => made("th", { scope: "col" }, name(methods[at]))));
  const body = met.map((row) => made("tr", {}, made("th", { scope: "row" }, name(methods[row])),
    ...met.map((column) => against(found.get(`${row} ${column}`), methods[row], row === column))));
  part("matrix").replaceChildren(made("thead", {}, top), made("tbody", {}, ...body));
  part("pairs").replaceChildren(numbersHead(), made("tbody", {}, ...rows.map((row) => numbers(row, methods))));
}

function against(share, { colour }, same) {
  if (!share) return made("td", { class: "none" }, same ? "" : "–");
  return made("td", {}, made("b", {}, share.text), small(share.of), plot({ figure: share, colour, ticks: HALF, height: 12 }));
}

function numbersHead() {
  const titles = ["First", "Second", "First wins", "Second wins", "Both good", "Both bad", "Votes", "Share of the first"];
  return made("thead", {}, made("tr", {}, ...titles.map((title) => made("th", { scope: "col" }, title))));
}

function numbers({ first, second, counts, votes, share }, methods) {
  return made("tr", {},
    made("th", { scope: "row" }, name(methods[first])), made("td", {}, name(methods[second])),
    ...[...counts, votes].map((count) => made("td", { class: "count" }, count)),
    made("td", {}, share ? `${share.text}, ${share.range}` : "–"));
}

// --- strata --------------------------------------------------------------------------------------------------------

function strata(part, { methods, strata: groups }) {
  part(`block="strata"`).hidden = !groups.length;
  part("strata").replaceChildren(...groups.map(({ group, parts }) =>
    made("div", { class: "group" }, made("h4", {}, group),
      made("div", { class: "parts" }, ...parts.map((one) => stratum(one, methods))))));
}

function stratum({ name: title, rows }, methods) {
  return made("table", {}, made("caption", {}, title), made("tbody", {}, ...rows.map(({ method, share }) =>
    made("tr", {}, made("th", { scope: "row" }, name(methods[method])),
      made("td", { class: "line" }, plot({ figure: share, colour: methods[method].colour, ticks: HALF })),
      made("td", { class: "figure" }, made("b", {}, share.text), small(share.range), small(share.of))))));
}

// --- trust and source ----------------------------------------------------------------------------------------------

function trust(part, { facts, left_out: left, axis: { rate } }) {
  part("facts").replaceChildren(...facts.map(({ name: title, text, warning, drawn: figure }) =>
    made("div", {}, made("dt", {}, title),
      made("dd", {}, text, warning && made("strong", { class: "warning" }, warning),
        figure && made("div", { class: "line" }, plot({ figure, colour: "currentColor", ticks: rate }), scale(rate))))));
  part(`block="left-out"`).hidden = !left.length;
  part("left-out").replaceChildren(...left.map(({ why: reason, count }) => made("li", {}, made("b", {}, count), ` ${reason}`)));
}

function source(part, { dataset, address, revision, deletions, where, counted, made: when, command }) {
  const link = address ? made("a", { href: address, target: "_blank", rel: "noopener" }, dataset) : made("span", {}, dataset);
  const at = new Date(when);
  const day = Number.isNaN(at.valueOf()) ? when : at.toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  part("source").replaceChildren("Counted from ", link,
    ...(revision ? [", revision ", made("code", {}, revision.slice(0, 12))] : []),
    ...(deletions ? [", without what was taken back until ", made("code", {}, deletions.slice(0, 12))] : []),
    `, ${day}, by ${counted}. This gives the same figures${where}:`);
  part("command").textContent = command;
}

// --- elements ------------------------------------------------------------------------------------------------------

function name({ title, colour }) {
  const mark = made("i", { class: "mark", "aria-hidden": "true" });
  mark.style.background = colour;
  return made("span", { class: "name" }, mark, title);
}

function small(words) {
  return made("small", {}, words);
}

function made(tag, attributes = {}, ...content) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...content.filter((one) => one !== null && one !== undefined && one !== "" && one !== false));
  return element;
}
