// The page's tabs: buttons that lead to another one, and whoever has to know when theirs is opened.

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

/** Call `enter` whenever the tab with this part is opened. It may be laid out before, and is while others are. */
export function onOpened(part, enter) {
  let hidden = true;
  new IntersectionObserver((entries) => {
    const { isIntersecting, boundingClientRect } = entries.at(-1);
    if (isIntersecting && hidden) enter();
    hidden = boundingClientRect.height === 0;
  }).observe(part);
}
