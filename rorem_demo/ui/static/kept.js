// What this browser keeps under a name, and what lasts as long as the page where it keeps nothing, as in some private
// windows and embedded pages.

const here = new Map();

export function remembered(key) {
  try {
    return localStorage.getItem(key) ?? here.get(key) ?? "";
  } catch {
    return here.get(key) ?? "";
  }
}

export function remember(key, value) {
  here.set(key, value);
  try {
    localStorage.setItem(key, value);
  } catch {
    // it lasts as long as the page
  }
  return value;
}

/** 122 random bits; `crypto.randomUUID` is missing where the page came over plain HTTP. */
export function anything() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
