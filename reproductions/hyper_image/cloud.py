"""All songs as points in space that turn under the hand: a canvas and a few lines of JavaScript."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from earshot.pages.elements import text
from earshot.pages.song_map import colour_classes

Doubles = NDArray[np.float64]


def three_components(vectors: NDArray[np.floating]) -> Doubles:
    """The first three principal components of (n, d) vectors, (n, 3), 0 in their middle, the farthest 1 away.

    Each has its largest entry positive; those that are not there are 0.
    """
    centred = np.asarray(vectors, dtype=np.float64) - vectors.mean(axis=0, dtype=np.float64)
    _, directions = np.linalg.eigh(centred.T @ centred)  # (d, d), the largest last
    found = centred @ directions[:, :-4:-1]  # (n, 3) or fewer, the largest first
    found *= np.where(found[np.abs(found).argmax(axis=0), range(found.shape[1])] < 0, -1, 1)
    points = np.pad(found, ((0, 0), (0, 3 - found.shape[1])))
    points -= (points.min(axis=0) + points.max(axis=0)) / 2
    farthest = np.linalg.norm(points, axis=1).max()
    return np.asarray(points / (farthest or 1), dtype=np.float64)


def draw_cloud(points: Doubles, genres: Sequence[str], names: Sequence[str]) -> str:
    """The canvas, its key and its data; (n, 3) points in the unit ball, with a genre (or "") and a name."""
    classes = colour_classes(list(genres))
    rows = [
        [*(round(float(value), 4) for value in point), classes[genre], name]
        for point, genre, name in zip(points, genres, names, strict=True)
    ]
    data = json.dumps(rows, ensure_ascii=False).replace("<", "\\u003c")
    coloured = {genre: name for genre, name in classes.items() if genre and name != "other"}
    key = "".join(f'<li class="{name}">{text(genre)}</li>' for genre, name in coloured.items())
    if "other" in {classes[genre] for genre in genres}:
        key += '<li class="other">other or none</li>'
    return (
        f'<style>{STYLE}</style><figure class="cloud"><ul class="key">{key}</ul>'
        '<div class="turn"><canvas tabindex="0" role="img" aria-label="Songs in three dimensions; '
        'drag, or use the arrow keys, to turn them"></canvas>'
        '<output class="tip" hidden></output></div></figure>'
        f'<script type="application/json" id="points">{data}</script>'
    )


STYLE = """
.cloud { margin-top: 24px; }
.cloud .key li::before { width: 9px; height: 9px; border-radius: 50%; background: var(--c); }
.turn {
  position: relative; margin-top: 14px; background: var(--card); border: 1px solid var(--line);
  border-radius: 14px; aspect-ratio: 16 / 10; overflow: hidden;
}
.turn canvas { width: 100%; height: 100%; display: block; touch-action: none; cursor: grab; }
.turn canvas:active { cursor: grabbing; }
"""

SCRIPT = """
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
"""
