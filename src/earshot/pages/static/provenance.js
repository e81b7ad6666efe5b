// Fills in where the numbers come from, out of ../provenance.js, by the md5 of what the page was drawn from.
"use strict";
{
  const foot = document.querySelector("footer[data-md5]");
  const told = document.createElement("script");
  told.src = "../provenance.js";
  told.addEventListener("load", () => {
    const facts = provenance[foot.dataset.output]?.[foot.dataset.md5] ?? {};
    for (const place of foot.querySelectorAll("[data-fact]")) {
      place.textContent = facts[place.dataset.fact] ?? place.textContent;
    }
  });
  document.head.append(told);
}
