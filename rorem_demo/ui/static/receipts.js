// Receipts that this browser remembers, newest first, and their state in words. Where nothing may be stored, they are
// remembered until the page is left.

const KEY = "rorem-receipts";
const MOST = 2000;
const FORGOTTEN = "rorem-receipt-forgotten";
let spare = [];

export function remembered() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(found) ? found.filter((receipt) => typeof receipt?.text === "string") : [];
  } catch {
    return spare;
  }
}

/** Every answer to one result has the same secret; only the newest is listed. */
export function remember({ text, removed, choice, saved, share }) {
  keep([{ text, removed, choice, saved, share }, ...remembered().filter((known) => secret(known.text) !== secret(text))].slice(0, MOST));
}

export function forget(text) {
  keep(remembered().filter((known) => secret(known.text) !== secret(text)));
  window.dispatchEvent(new CustomEvent(FORGOTTEN, { detail: text }));
}

/** `act` is called with the receipt of an answer that was deleted somewhere on this page. */
export function onForgotten(act) {
  window.addEventListener(FORGOTTEN, ({ detail }) => act(detail));
}

export function sameThread(one, other) {
  return secret(one) === secret(other);
}

/** What was answered. */
export function said({ removed, choice, share }) {
  const words = CHOSEN[choice] ?? (removed ? "Yes, it is gone" : "No");
  return `${words}${share ? ", with pictures" : ""}`;
}

/** Saved when, published when. */
export function told({ saved, published }) {
  return [`saved ${clock(saved)}`, ...(published ? [`published ${clock(published)}`] : [])].join(" · ");
}

const CHOSEN = {
  left: "You chose the left one",
  right: "You chose the right one",
  "both-good": "Both are good",
  "both-bad": "Both are bad",
};
const WAITS = {
  delay: "Published after a while.",
  review: "Waits for a reviewer.",
  token: "Waits for the operator's token.",
  dataset: "No dataset to publish to.",
};

/** What has not happened yet, and what that means on a disk that forgets. */
export function pending({ published, waits_for: waits, survives }) {
  if (published) return "";
  const safe = survives ? "" : "This server forgets at a restart: safe once published.";
  return [WAITS[waits] ?? (survives ? "Published within minutes." : ""), safe].filter(Boolean).join(" ");
}

/** "14:03", with the day where it is not today. */
export function clock(time) {
  const at = new Date(time);
  const hours = at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  if (at.toDateString() === new Date().toDateString()) return hours;
  return `${at.toLocaleDateString([], { day: "numeric", month: "short" })}, ${hours}`;
}

/** A button that acts at its second tap within five seconds; a double click is one tap. */
export function twice(button, act) {
  const label = button.textContent;
  let armed = 0;
  const disarm = () => { clearTimeout(armed); armed = 0; button.textContent = label; };
  button.addEventListener("blur", disarm);
  button.addEventListener("click", (event) => {
    if (armed && event.detail > 1) return;
    if (armed) { disarm(); act(); return; }
    button.textContent = "Really delete?";
    armed = setTimeout(disarm, 5000);
  });
}

/** Copies, or where that is not allowed, selects the text to be copied by hand; tells which. */
export async function copy(element) {
  try {
    await navigator.clipboard.writeText(element.textContent);
    return "Copied";
  } catch {
    getSelection().selectAllChildren(element);
    return "Selected";
  }
}

function secret(text) {
  return text.slice(text.indexOf("-") + 1);
}

function keep(receipts) {
  spare = receipts;
  try {
    localStorage.setItem(KEY, JSON.stringify(receipts));
  } catch { /* remembered in `spare` alone */ }
}
