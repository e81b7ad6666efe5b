// Plays one sound at a time: a button or a dot of data-sound starts the <audio> of that data-song.
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
