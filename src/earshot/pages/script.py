"""What little the report does: play one sound at a time, name a dot, single out a genre."""

SCRIPT = """
"use strict";
const sounds = new Map([...document.querySelectorAll("audio")].map(a => [a.dataset.song, a]));
const triggers = [...document.querySelectorAll("[data-sound]")];
let playing = null;

function show(song, on, done) {
  for (const t of triggers) {
    if (t.dataset.sound !== song) continue;
    if (t.tagName === "BUTTON") {
      t.setAttribute("aria-pressed", on);
      t.style.setProperty("--done", done);
    } else {
      t.classList.toggle("playing", on);
    }
  }
}

function stop() {
  if (!playing) return;
  const audio = sounds.get(playing);
  audio.pause();
  audio.currentTime = 0;
  show(playing, false, 0);
  playing = null;
}

for (const t of triggers) {
  t.addEventListener("click", () => {
    const again = playing === t.dataset.sound;
    stop();
    if (again) return;
    const song = playing = t.dataset.sound;
    show(song, true, 0);
    // a sound that was stopped before it began fails too: by then another may play
    sounds.get(song).play().catch(() => { if (playing === song) stop(); });
  });
}
for (const [song, audio] of sounds) {
  audio.addEventListener("ended", stop);
  audio.addEventListener("timeupdate", () => {
    if (playing === song) show(song, true, 100 * audio.currentTime / (audio.duration || 1));
  });
}

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
"""
