"use strict";
const canvas = document.querySelector(".turn canvas"), tip = document.querySelector(".turn .tip");
const points = JSON.parse(document.getElementById("points").textContent);
const pen = canvas.getContext("2d");
let across = 0.6, up = 0.35, drawn = [];

function place([x, y, z], box) {
  const c = Math.cos(across), s = Math.sin(across), d = Math.cos(up), t = Math.sin(up);
  const back = c * z - s * x, near = 1 / (2 + d * back + t * y);  // a viewer at 2 radii
  const size = 0.8 * Math.min(box.width, box.height) * near;
  return { x: box.width / 2 + size * (c * x + s * z), y: box.height / 2 - size * (d * y - t * back), near };
}

function draw() {
  const box = canvas.getBoundingClientRect(), scale = devicePixelRatio;
  canvas.width = box.width * scale;
  canvas.height = box.height * scale;
  pen.scale(scale, scale);
  const look = getComputedStyle(document.documentElement);
  pen.strokeStyle = look.getPropertyValue("--line");
  pen.beginPath();
  for (const axis of [[1, 0, 0], [0, 1, 0], [0, 0, 1]]) {
    const [from, to] = [axis.map(value => -value), axis].map(end => place(end, box));
    pen.moveTo(from.x, from.y);
    pen.lineTo(to.x, to.y);
  }
  pen.stroke();
  drawn = points.map(point => ({
    ...place(point, box), colour: look.getPropertyValue("--" + point[3]), name: point[4]
  })).sort((a, b) => a.near - b.near);
  for (const dot of drawn) {
    pen.globalAlpha = Math.min(1, 0.25 + 0.9 * dot.near);
    pen.fillStyle = dot.colour;
    pen.beginPath();
    pen.arc(dot.x, dot.y, 6.5 * dot.near, 0, 2 * Math.PI);
    pen.fill();
  }
}

function turn(x, y) {
  across += x;
  up = Math.min(Math.max(up + y, -1.5), 1.5);
  tip.hidden = true;
  requestAnimationFrame(draw);
}

function name(event) {
  const box = canvas.getBoundingClientRect(), x = event.clientX - box.x, y = event.clientY - box.y;
  const dot = drawn.findLast(dot => Math.hypot(dot.x - x, dot.y - y) < 7);
  tip.hidden = !dot;
  if (!dot) return;
  tip.textContent = dot.name;
  const half = tip.offsetWidth / 2 + 6;
  tip.style.left = Math.min(Math.max(dot.x, half), box.width - half) + "px";
  tip.style.top = (dot.y > tip.offsetHeight + 18 ? dot.y : dot.y + tip.offsetHeight + 30) + "px";
}

canvas.addEventListener("pointerdown", event => canvas.setPointerCapture(event.pointerId));
canvas.addEventListener("pointermove", event => {
  if (event.buttons) turn(event.movementX / 150, event.movementY / 150);
  else name(event);
});
canvas.addEventListener("pointerleave", () => { tip.hidden = true; });
canvas.addEventListener("keydown", event => {
  const steps = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, -0.1], ArrowDown: [0, 0.1] };
  const step = steps[event.key];
  if (!step) return;
  event.preventDefault();
  turn(...step);
});
new ResizeObserver(draw).observe(canvas);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
