// Names a dot of the map, leads the keyboard from dot to dot, and singles out a genre.
"use strict";
const sky = document.querySelector(".sky");
if (sky) {
  const tip = sky.querySelector(".tip"), dots = [...sky.querySelectorAll("circle")];
  for (const dot of dots) {
    const title = dot.querySelector("title");
    dot.dataset.name = title.textContent;
    dot.setAttribute("aria-label", title.textContent);
    dot.setAttribute("role", dot.dataset.sound ? "button" : "img");
    dot.tabIndex = -1;
    title.remove();
  }
  if (dots.length) dots[0].tabIndex = 0;  // one stop of the tab key; arrows lead on from there

  function tell(dot) {
    tip.hidden = !dot.dataset.name;
    if (tip.hidden) return;
    tip.textContent = dot.dataset.name;
    const box = sky.getBoundingClientRect(), at = dot.getBoundingClientRect();
    const half = tip.offsetWidth / 2 + 6, x = at.x + at.width / 2 - box.x;
    const above = at.y - box.y > tip.offsetHeight + 16;
    tip.style.left = Math.min(Math.max(x, half), box.width - half) + "px";
    tip.style.top = (above ? at.y - box.y + 4 : at.bottom - box.y + tip.offsetHeight + 20) + "px";
  }

  function middle(dot) {
    const at = dot.getBoundingClientRect();
    return [at.x + at.width / 2, at.y + at.height / 2];
  }

  // the nearest dot in the direction (right, down); what lies aside counts twice, what is dimmed not at all
  function next(from, [right, down]) {
    const [x, y] = middle(from);
    let best = null, least = Infinity;
    for (const dot of dots) {
      const [u, v] = middle(dot), along = (u - x) * right + (v - y) * down;
      if (dot === from || dot.classList.contains("dim") || along <= 0) continue;
      const aside = Math.abs((u - x) * down) + Math.abs((v - y) * right);
      if (along + 2 * aside < least) [best, least] = [dot, along + 2 * aside];
    }
    return best;
  }

  const arrows = {ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1]};
  sky.addEventListener("keydown", event => {
    const from = event.target;
    if (!dots.includes(from)) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      from.dispatchEvent(new MouseEvent("click"));
    } else if (arrows[event.key]) {
      event.preventDefault();
      const to = next(from, arrows[event.key]);
      if (!to) return;
      from.tabIndex = -1;
      to.tabIndex = 0;
      to.focus();
    } else if (event.key === "Escape") {
      tip.hidden = true;
    }
  });
  sky.addEventListener("pointerover", event => tell(event.target));
  sky.addEventListener("focusin", event => tell(event.target));
  sky.addEventListener("pointerleave", () => { tip.hidden = true; });
  sky.addEventListener("focusout", () => { tip.hidden = true; });
  const keys = [...document.querySelectorAll("[data-only]")];
  for (const key of keys) {
    key.setAttribute("aria-pressed", "false");
    key.addEventListener("click", () => {
      const only = key.getAttribute("aria-pressed") === "true" ? null : key.dataset.only;
      for (const other of keys) other.setAttribute("aria-pressed", other.dataset.only === only);
      for (const dot of dots) {
        dot.classList.toggle("dim", only !== null && !dot.classList.contains(only));
      }
    });
  }
}
