// Buttons with `data-sound` play the sound they name, or a window of it (`#t=start,end`), one at a time; a ring
// shows how far it is.
"use strict";
const sound = new Audio();
let playing = null; // the button
sound.preload = "none";
document.body.append(sound); // so that serve.js hears it, and pauses it for others

const show = () => {
  if (!playing) return;
  playing.setAttribute("aria-pressed", String(!sound.paused));
  playing.style.setProperty("--done", sound.duration ? (100 * sound.currentTime) / sound.duration : 0);
};
document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-sound]");
  if (!button) return;
  if (button !== playing) {
    sound.pause();
    playing?.setAttribute("aria-pressed", "false");
    playing = button;
    sound.src = button.dataset.sound;
  }
  const [, start, end] = sound.src.match(/#t=([\d.]+),([\d.]+)$/) ?? [];
  if (end && sound.currentTime > end - 0.1) sound.currentTime = start; // a window that was heard to its end
  if (sound.paused) sound.play().catch(show);
  else sound.pause();
});
for (const name of ["play", "pause", "ended", "timeupdate"]) sound.addEventListener(name, show);
