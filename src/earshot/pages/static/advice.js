// Shows what `earshot advise` found last, out of ../advice.js; nothing where it was never asked.
"use strict";
{
  const section = document.getElementById("advice");
  const found = document.createElement("script");
  found.src = "../advice.js";
  found.addEventListener("load", () => {
    section.innerHTML = advice ?? "";
    section.hidden = advice === null;
  });
  document.head.append(found);
}
