// Names a dot of the map, and singles out a genre.
"use strict";
const sky = document.querySelector(".sky");
if (sky) {
  const tip = sky.querySelector(".tip");
  for (const title of sky.querySelectorAll("circle > title")) {
    title.parentNode.dataset.name = title.textContent;
    title.remove();
  }
  sky.addEventListener("pointerover", event => {
    const name = event.target.dataset.name;
    tip.hidden = !name;
    if (!name) return;
    tip.textContent = name;
    const box = sky.getBoundingClientRect(), dot = event.target.getBoundingClientRect();
    const half = tip.offsetWidth / 2 + 6, x = dot.x + dot.width / 2 - box.x;
    const above = dot.y - box.y > tip.offsetHeight + 16;
    tip.style.left = Math.min(Math.max(x, half), box.width - half) + "px";
    tip.style.top = (above ? dot.y - box.y + 4 : dot.bottom - box.y + tip.offsetHeight + 20) + "px";
  });
  sky.addEventListener("pointerleave", () => { tip.hidden = true; });
  const keys = [...document.querySelectorAll("[data-only]")];
  for (const key of keys) {
    key.addEventListener("click", () => {
      const only = key.getAttribute("aria-pressed") === "true" ? null : key.dataset.only;
      for (const other of keys) other.setAttribute("aria-pressed", other.dataset.only === only);
      for (const dot of sky.querySelectorAll("circle")) {
        dot.classList.toggle("dim", only !== null && !dot.classList.contains(only));
      }
    });
  }
}
