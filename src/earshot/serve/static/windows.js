// Along the windows of a song's sound: one of them takes part in Tab, arrow keys lead to the others.
"use strict";
{
  const bars = (strip) => [...strip.querySelectorAll("button")];
  const enter = (strip, chosen) => {
    for (const bar of bars(strip)) bar.tabIndex = bar === chosen ? 0 : -1;
  };
  document.addEventListener("htmx:load", (event) => {
    for (const strip of event.target.querySelectorAll(".strip")) enter(strip, bars(strip)[0]);
  });
  document.addEventListener("keydown", (event) => {
    const bar = event.target.closest?.(".strip button");
    if (!bar) return;
    const all = bars(bar.parentElement);
    const at = all.indexOf(bar);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (!all[to]) return;
    enter(bar.parentElement, all[to]);
    all[to].focus();
    event.preventDefault();
  });
}
