// Buttons of class `play` play the sound they name, one at a time; a ring shows how far it is.
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
  const button = event.target.closest("button.play[data-sound]");
  if (!button) return;
  if (button !== playing) {
    sound.pause();
    playing?.setAttribute("aria-pressed", "false");
    playing = button;
    sound.src = button.dataset.sound;
  }
  if (sound.paused) sound.play().catch(show);
  else sound.pause();
});
for (const name of ["play", "pause", "ended", "timeupdate"]) sound.addEventListener(name, show);
