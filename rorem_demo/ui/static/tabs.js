// The page's tabs, for buttons that lead to another one.

/** By its name, for a tab that has no room is an entry of gradio's menu, without an id; gradio's first one of each name
 * is hidden and only measured. */
export function showTab(name) {
  [...document.querySelectorAll("#tabs button")].findLast((button) => button.textContent.trim() === name)?.click();
}

/** Open the tab that the page's address asks for, now and when it changes; see `compare_link.js`. */
export function followLinks() {
  const open = () => new URLSearchParams(location.hash.slice(1)).get("case") && showTab("Compare");
  window.addEventListener("hashchange", open);
  open();
}
