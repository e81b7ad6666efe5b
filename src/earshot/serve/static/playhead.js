// A line over a hyper-image where its sound is; a click into the image plays from there.
"use strict";
for (const figure of document.querySelectorAll(".hyper")) {
  const audio = document.getElementById(figure.dataset.of);
  const [picture, head] = [figure.querySelector(".picture"), figure.querySelector(".head")];
  if (!audio) continue;
  // where in the recording the image begins and ends, in seconds
  const [start, end] = [Number(figure.dataset.start), Number(figure.dataset.end)];
  const follow = () => {
    const share = (audio.currentTime - start) / (end - start);
    head.hidden = audio.currentTime === 0 || share < 0 || share > 1;
    head.style.left = `${100 * share}%`;
    if (!audio.paused) requestAnimationFrame(follow);
  };
  for (const name of ["play", "pause", "seeked"]) audio.addEventListener(name, follow);
  picture.addEventListener("click", (event) => {
    const box = picture.getBoundingClientRect();
    audio.currentTime = start + ((event.clientX - box.left) / box.width) * (end - start);
    audio.play().catch(follow);
  });
}
