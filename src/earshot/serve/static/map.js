// The map of songs: tiles of points, each drawn once into a picture of its own and then moved and stretched with
// the view. Positions are whole numbers of a world of 65,536; the view is its middle and how many pixels a step takes.
"use strict";
(() => {
  const sky = document.getElementById("sky");
  const waiting = document.getElementById("map-wait");
  if (waiting) {
    const look = async () => {
      const answer = await fetch("/map/ready");
      // an error is left to the page that is opened then
      if (!answer.ok || await answer.json()) location.reload();
      else setTimeout(look, 2000);
    };
    setTimeout(look, 1000);
  }
  if (!sky) return;

  const WORLD = 65536, DEEPEST = 8, TILE = 180, NEAREST = 64, NEW = 128, MARGIN = 8;
  const canvas = sky.querySelector("canvas"), pen = canvas.getContext("2d"), tip = sky.querySelector(".tip");
  const shown = document.getElementById("map-shown"), list = document.getElementById("map-list");
  const card = document.getElementById("map-card"), state = sky.dataset.state;
  const still = matchMedia("(prefers-reduced-motion: reduce)"), dark = matchMedia("(prefers-color-scheme: dark)");
  const tiles = new Map(), songs = new Map(), labels = new Map(), names = [];
  let kind = null, colours = [], ink = "", paper = "", accent = "", font = "";
  let width = 0, height = 0, ratio = 1, view = null, glide = null, asked = 0, drawn = false, lastScale = 0;
  let marked = null, picked = null, resting = 0, listed = null;

  // toLocaleString takes 30 ms the first time
  const commas = value => String(value).replace(/\B(?=(\d{3})+$)/g, ",");
  const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
  const whole = () => Math.min(width, height) / WORLD;
  const levelOf = scale => clamp(Math.round(Math.log2(scale * WORLD / TILE)), 0, DEEPEST);
  const query = more => new URLSearchParams({ state, ...(kind === null ? {} : { kind }), ...more });

  async function get(path) {
    const answer = await fetch(path);
    if (answer.status === 409) location.reload(); // another state is served: this page is of the one before
    if (!answer.ok) throw new Error(`${answer.status}`);
    return answer;
  }

  // Tiles

  function tileOf(level, x, y) {
    const key = `${kind}/${level}/${x}/${y}`;
    let tile = tiles.get(key);
    if (!tile) {
      tile = { key, level, x, y, points: null, picture: null, scale: 0 };
      tiles.set(key, tile);
    }
    return tile;
  }

  function ask(wanted) {
    const [midX, midY] = [view.x, view.y];
    const away = tile => Math.hypot((tile.x + .5) * WORLD / 2 ** tile.level - midX, (tile.y + .5) * WORLD / 2 ** tile.level - midY);
    const left = wanted.filter(tile => !tile.points && !tile.asked).sort((a, b) => away(a) - away(b));
    for (const tile of left.slice(0, Math.max(0, 6 - asked))) {
      tile.asked = true;
      asked += 1;
      get(`/map/tiles/${tile.level}/${tile.x}/${tile.y}?${query()}`)
        .then(answer => answer.arrayBuffer())
        .then(bytes => { tile.points = read(bytes); })
        .catch(() => setTimeout(() => { tile.asked = false; redraw(); }, 3000))
        .finally(() => { asked -= 1; redraw(); });
    }
  }

  function read(bytes) {
    const [total, n] = new Uint32Array(bytes, 0, 2);
    return {
      total, n, rows: new Uint32Array(bytes, 8, n), xs: new Uint16Array(bytes, 8 + 4 * n, n),
      ys: new Uint16Array(bytes, 8 + 6 * n, n), kinds: new Uint8Array(bytes, 8 + 8 * n, n),
    };
  }

  // Of a dot: the fewer songs and the nearer, the larger.
  const smallest = clamp(4.6 - .6 * Math.log10(+sky.dataset.songs), 1.6, 3.6);
  const radius = () => clamp(smallest + .5 * Math.log2(view.scale / whole()), smallest, 5.5);

  function paint(tile, dots) {
    const size = WORLD / 2 ** tile.level * view.scale, side = Math.ceil((size + 2 * MARGIN) * ratio);
    tile.picture = tile.picture || document.createElement("canvas");
    tile.picture.width = tile.picture.height = side;
    const on = tile.picture.getContext("2d"), { n, xs, ys, kinds } = tile.points;
    const left = tile.x * WORLD / 2 ** tile.level, top = tile.y * WORLD / 2 ** tile.level, step = view.scale * ratio;
    const offset = MARGIN * ratio - dots.side / 2;
    for (let i = 0; i < n; i++) {
      const column = (kinds[i] & 127) + (kinds[i] & NEW ? colours.length : 0);
      on.drawImage(dots.sheet, column * dots.side, 0, dots.side, dots.side,
        Math.round((xs[i] - left) * step + offset), Math.round((ys[i] - top) * step + offset), dots.side, dots.side);
    }
    tile.scale = view.scale;
  }

  // One dot of every colour, full and hollow, to be copied from: quicker than to draw each circle.
  function dotSheet() {
    const r = radius() * ratio, side = 2 * Math.ceil(r + 1), sheet = document.createElement("canvas");
    sheet.width = side * colours.length * 2;
    sheet.height = side;
    const on = sheet.getContext("2d");
    colours.concat(colours).forEach((colour, column) => {
      const hollow = column >= colours.length;
      on.beginPath();
      on.arc(column * side + side / 2, side / 2, r, 0, 7);
      on.globalAlpha = .85;
      on.fillStyle = hollow ? paper : colour;
      on.fill();
      on.strokeStyle = hollow ? colour : paper;
      on.lineWidth = (hollow ? 1.4 : .5) * ratio;
      on.stroke();
    });
    return { sheet, side };
  }

  // Frames

  function redraw() {
    if (drawn) return;
    drawn = true;
    requestAnimationFrame(frame);
  }

  function frame(now) {
    drawn = false;
    if (!view) return;
    if (glide) move(now);
    const wanted = inView(), steady = view.scale === lastScale && !glide;
    lastScale = view.scale;
    let behind = repaint(wanted, steady);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    wanted.forEach(place);
    behind = drawNames() || behind;
    drawMarks();
    ask(wanted);
    count(wanted);
    if (glide || behind || !steady) redraw();
  }

  function inView() {
    const level = levelOf(view.scale), n = 2 ** level, size = WORLD / n, found = [];
    const [halfX, halfY] = [width / 2 / view.scale, height / 2 / view.scale];
    const last = value => clamp(Math.floor(value / size), 0, n - 1);
    for (let x = last(view.x - halfX); x <= last(view.x + halfX); x++) {
      for (let y = last(view.y - halfY); y <= last(view.y + halfY); y++) found.push(tileOf(level, x, y));
    }
    return found;
  }

  // Pictures of another scale are stretched until the view rests; then some a frame are drawn anew.
  function repaint(wanted, steady) {
    const end = performance.now() + 3;
    let dots = null, left = 2; // what is painted costs as much again when it is first shown
    for (const tile of wanted) {
      if (!tile.points || (tile.picture && (tile.scale === view.scale || !steady))) continue;
      if (!left-- || performance.now() > end) return true;
      dots = dots || dotSheet();
      paint(tile, dots);
    }
    return false;
  }

  const toScreen = (x, y) => [(x - view.x) * view.scale + width / 2, (y - view.y) * view.scale + height / 2];

  function place(tile) {
    const size = WORLD / 2 ** tile.level, [left, top] = toScreen(tile.x * size, tile.y * size);
    if (tile.picture) {
      const stretch = view.scale / tile.scale, side = tile.picture.width / ratio * stretch;
      pen.drawImage(tile.picture, snap(left - MARGIN * stretch), snap(top - MARGIN * stretch), side, side);
      return;
    }
    for (let up = 1; up <= tile.level; up++) { // what is there of a larger tile, meanwhile
      const above = tiles.get(`${kind}/${tile.level - up}/${tile.x >> up}/${tile.y >> up}`);
      if (!above || !above.picture) continue;
      const part = size * above.scale * ratio, margin = MARGIN * ratio, over = (1 << up) - 1;
      pen.drawImage(above.picture, margin + (tile.x & over) * part, margin + (tile.y & over) * part, part, part,
        left, top, size * view.scale, size * view.scale);
      return;
    }
  }

  const snap = value => Math.round(value * ratio) / ratio;

  function drawNames() {
    const level = clamp(Math.round(Math.log2(view.scale / whole())), 0, names.length - 1), taken = [];
    let left = 3; // to be written this frame
    for (const name of names[level] || []) {
      let [x, y] = toScreen(name.x, name.y);
      const spread = name.spread * view.scale, size = Math.round(clamp(11 + (level ? 1.6 : 2.6) * Math.log10(name.songs), 12, 19));
      if (spread < 22) y -= 1.8 * spread + size; // over a small region, not upon it
      if (x < 0 || x > width || y < size || y > height - size) continue;
      if (!labels.has(`${size} ${name.tag}`) && !left--) return true;
      const { picture, half } = written(name.tag, size);
      if (x < half || x > width - half) continue;
      const near = ([a, b, w, tag]) => (Math.abs(a - x) < w + half && Math.abs(b - y) < size + 10)
        || (tag === name.tag && Math.hypot(a - x, b - y) < 200);
      if (taken.some(near)) continue;
      taken.push([x, y, half, name.tag]);
      pen.drawImage(picture, snap(x - half), snap(y - size), picture.width / ratio, picture.height / ratio);
      if (taken.length === 24) break;
    }
    return false;
  }

  // A name with a rim around it, written once: strokes of letters take long.
  function written(tag, size) {
    const key = `${size} ${tag}`;
    if (!labels.has(key)) {
      const picture = document.createElement("canvas"), on = picture.getContext("2d"), style = `600 ${size}px ${font}`;
      on.font = style;
      const half = on.measureText(tag).width / 2 + 6;
      [picture.width, picture.height] = [Math.ceil(2 * half * ratio), Math.ceil(2 * size * ratio)];
      on.scale(ratio, ratio);
      Object.assign(on, { font: style, textAlign: "center", textBaseline: "middle", lineJoin: "round", lineWidth: 4 });
      [on.strokeStyle, on.fillStyle] = [paper, ink];
      on.strokeText(tag, half, size);
      on.fillText(tag, half, size);
      if (labels.size > 1000) labels.clear();
      labels.set(key, { picture, half });
    }
    return labels.get(key);
  }

  function drawMarks() {
    for (const [song, colour] of [[marked, ink], [picked, accent]]) {
      if (!song) continue;
      const [x, y] = toScreen(song.x, song.y);
      pen.beginPath();
      pen.arc(x, y, radius() + 5, 0, 7);
      pen.strokeStyle = colour;
      pen.lineWidth = 2.5;
      pen.stroke();
    }
  }

  function count(wanted) {
    let total = 0, dots = 0;
    for (const { points } of wanted) if (points) [total, dots] = [total + points.total, dots + points.n];
    const text = wanted.some(tile => !tile.points) ? "…" : total === dots ? "every song here is drawn"
      : `${commas(dots)} of ${commas(total)} songs here are drawn; zoom in for the others`;
    if (shown.textContent !== text) shown.textContent = text;
  }

  // Where the view goes

  function look(x, y, scale, slowly) {
    scale = clamp(scale, whole() * .8, whole() * NEAREST);
    const to = { x: clamp(x, 0, WORLD), y: clamp(y, 0, WORLD), scale };
    glide = slowly && !still.matches && view ? { from: view, to, start: performance.now() } : null;
    if (!glide) view = to;
    tip.hidden = true;
    list.setAttribute("aria-live", "off");
    clearTimeout(resting);
    resting = setTimeout(rest, 300);
    redraw();
  }

  function move(now) {
    const { from, to, start } = glide, part = clamp((now - start) / 220, 0, 1), eased = part * (2 - part);
    const scale = from.scale * (to.scale / from.scale) ** eased;
    // zooming about a point: the middle goes as 1 / scale does; otherwise evenly
    const way = to.scale === from.scale ? eased : (1 / from.scale - 1 / scale) / (1 / from.scale - 1 / to.scale);
    view = part < 1 ? { x: from.x + (to.x - from.x) * way, y: from.y + (to.y - from.y) * way, scale } : to;
    if (part === 1) glide = null;
  }

  const goal = () => (glide ? glide.to : view);

  function zoom(factor, atX, atY, slowly) {
    const from = goal(), scale = clamp(from.scale * factor, whole() * .8, whole() * NEAREST);
    const keep = 1 / from.scale - 1 / scale; // what lies under (atX, atY) stays there
    look(from.x + (atX - width / 2) * keep, from.y + (atY - height / 2) * keep, scale, slowly);
  }

  function rest() {
    const to = goal();
    const where = { x: to.x, y: to.y, w: Math.min(WORLD, width / 2 / to.scale), h: Math.min(WORLD, height / 2 / to.scale) };
    const path = `/map/near?${query(Object.fromEntries(Object.entries(where).map(([k, v]) => [k, Math.round(v)])))}`;
    listed = path;
    get(path).then(answer => answer.text()).then(html => {
      if (listed !== path) return; // moved on meanwhile
      list.setAttribute("aria-live", "polite");
      list.innerHTML = html; // of this server, its texts escaped
    }).catch(() => {});
    for (const tile of tiles.values()) { // what is far from the view goes, the oldest first
      if (tiles.size <= 400) break;
      tiles.delete(tile.key);
    }
  }

  // Songs

  function songAt(x, y) {
    const size = WORLD / 2 ** levelOf(view.scale), reach = radius() + 5;
    let best = null, least = reach ** 2;
    for (const tile of inView()) {
      const [left, top] = toScreen(tile.x * size, tile.y * size), far = size * view.scale + reach;
      if (!tile.points || x < left - reach || x > left + far || y < top - reach || y > top + far) continue;
      const { n, rows, xs, ys } = tile.points;
      for (let i = 0; i < n; i++) {
        const [a, b] = toScreen(xs[i], ys[i]), squared = (a - x) ** 2 + (b - y) ** 2;
        if (squared < least) [best, least] = [{ row: rows[i], x: xs[i], y: ys[i] }, squared];
      }
    }
    return best;
  }

  function tell(row) {
    if (!songs.has(row)) songs.set(row, get(`/map/song?${new URLSearchParams({ state, row })}`).then(answer => answer.json()));
    return songs.get(row).catch(error => { songs.delete(row); throw error; });
  }

  async function pick(song, play) {
    picked = song;
    redraw();
    const told = await tell(song.row), link = card.querySelector("a"), audio = card.querySelector("audio");
    if (picked !== song) return;
    link.textContent = told.title || told.song_id;
    link.href = `/song?${new URLSearchParams({ song: told.song_id })}`;
    card.querySelector("p").textContent =
      [told.artist, told.genres.replaceAll(";", ", "), `${commas(told.n_listeners)} ${told.n_listeners === 1 ? "listener" : "listeners"}`].filter(Boolean).join(" · ");
    audio.pause();
    audio.hidden = !told.sound;
    if (told.sound) audio.src = `/media/audio?${new URLSearchParams({ song: told.song_id })}`;
    else audio.removeAttribute("src");
    card.hidden = false;
    if (play && told.sound) audio.play().catch(() => {});
  }

  let hovering = 0;
  function hover(x, y) {
    const song = songAt(x, y);
    sky.classList.toggle("over", !!song);
    if ((marked && marked.row) === (song && song.row)) return;
    marked = song;
    tip.hidden = true;
    redraw();
    clearTimeout(hovering);
    if (song) hovering = setTimeout(() => tell(song.row).then(told => {
      if (marked !== song) return;
      tip.textContent = [told.title || told.song_id, told.artist, told.genres.replaceAll(";", ", ")].filter(Boolean).join(" · ");
      const [left, top] = toScreen(song.x, song.y);
      tip.hidden = false;
      const half = tip.offsetWidth / 2 + 6;
      tip.style.left = `${clamp(left, half, Math.max(half, width - half))}px`;
      tip.style.top = `${Math.max(top, tip.offsetHeight + 16)}px`;
    }).catch(() => {}), 60);
  }

  // Hands

  const fingers = new Map();
  let travelled = 0;
  const at = event => { const box = sky.getBoundingClientRect(); return [event.clientX - box.left - sky.clientLeft, event.clientY - box.top - sky.clientTop]; };

  canvas.addEventListener("pointerdown", event => {
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, at(event));
    travelled = fingers.size > 1 ? 99 : 0;
  });
  canvas.addEventListener("pointermove", event => {
    const before = fingers.get(event.pointerId), [x, y] = at(event);
    if (!before) return hover(x, y);
    const other = [...fingers].find(([id]) => id !== event.pointerId);
    fingers.set(event.pointerId, [x, y]);
    travelled += Math.hypot(x - before[0], y - before[1]);
    if (travelled < 4) return;
    const { scale } = goal();
    if (other) {
      const [a, b] = other[1], apart = Math.hypot(x - a, y - b) / Math.max(1, Math.hypot(before[0] - a, before[1] - b));
      zoom(apart, (x + a) / 2, (y + b) / 2, false);
    }
    const part = other ? 2 : 1; // the point between two fingers goes half as far as one of them
    look(goal().x - (x - before[0]) / part / scale, goal().y - (y - before[1]) / part / scale, goal().scale, false);
  });
  const lift = event => {
    const there = fingers.delete(event.pointerId);
    if (event.type !== "pointerup" || !there || travelled >= 4) return;
    const song = songAt(...at(event));
    if (song) pick(song, false).catch(() => {});
  };
  for (const kindOf of ["pointerup", "pointercancel"]) canvas.addEventListener(kindOf, lift);
  canvas.addEventListener("pointerleave", () => { marked = null; tip.hidden = true; redraw(); });
  canvas.addEventListener("dblclick", event => zoom(2, ...at(event), true));
  sky.addEventListener("wheel", event => {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 20 : 1;
    zoom(2 ** (-clamp(event.deltaY * lines, -200, 200) / (event.ctrlKey ? 60 : 240)), ...at(event), false);
  }, { passive: false });

  const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  sky.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = steps[event.key], to = goal();
    if (step) look(to.x + step[0] * width / 5 / to.scale, to.y + step[1] * height / 5 / to.scale, to.scale, true);
    else if (event.key === "+" || event.key === "=") zoom(1.6, width / 2, height / 2, true);
    else if (event.key === "-") zoom(1 / 1.6, width / 2, height / 2, true);
    else if (event.key === "0") look(WORLD / 2, WORLD / 2, whole(), true);
    else return;
    event.preventDefault();
  });
  document.querySelector(".zoom").addEventListener("click", ({ target }) => {
    const way = target.dataset.zoom;
    if (way === "all") look(WORLD / 2, WORLD / 2, whole(), true);
    else if (way) zoom(way === "in" ? 1.6 : 1 / 1.6, width / 2, height / 2, true);
  });

  const keys = [...document.querySelectorAll(".genres button")];
  for (const button of keys) button.addEventListener("click", () => {
    kind = kind === button.dataset.kind ? null : button.dataset.kind;
    for (const each of keys) each.setAttribute("aria-pressed", String(each.dataset.kind === kind));
    look(goal().x, goal().y, goal().scale, false);
  });

  const songOf = node => {
    const line = node.closest && node.closest("li[data-row]");
    return line && { row: +line.dataset.row, x: +line.dataset.x, y: +line.dataset.y };
  };
  for (const kindOf of ["mouseover", "focusin"]) list.addEventListener(kindOf, ({ target }) => { marked = songOf(target); redraw(); });
  for (const kindOf of ["mouseleave", "focusout"]) list.addEventListener(kindOf, () => { marked = null; redraw(); });
  list.addEventListener("click", ({ target }) => { if (target.matches(".play")) pick(songOf(target), true).catch(() => {}); });

  // Looks

  function dress() {
    const read = getComputedStyle(document.documentElement), of = name => read.getPropertyValue(`--${name}`).trim();
    colours = [...Array(+sky.dataset.colours - 1).keys()].map(n => of(`g${n}`)).concat(of("other"));
    [ink, paper, accent] = ["ink", "card", "accent"].map(of);
    font = getComputedStyle(document.body).fontFamily;
    for (const tile of tiles.values()) tile.picture = null;
    labels.clear();
    redraw();
  }

  function fit() {
    const scale = view && view.scale / whole();
    [width, height, ratio] = [sky.clientWidth, sky.clientHeight, Math.min(2, devicePixelRatio || 1)];
    [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (scale) look(view.x, view.y, scale * whole(), false);
  }

  dress();
  fit();
  dark.addEventListener("change", dress);
  const { row, x, y } = sky.dataset;
  if (row === undefined) look(WORLD / 2, WORLD / 2, whole(), false);
  else {
    look(+x, +y, 8 * whole(), false);
    pick({ row: +row, x: +x, y: +y }, false).catch(() => {});
  }
  new ResizeObserver(fit).observe(sky);
  get(`/map/names?${query()}`).then(answer => answer.json()).then(found => {
    for (const [level, x, y, spread, tag, n] of found) (names[level] = names[level] || []).push({ x, y, spread, tag, songs: n });
    redraw();
  }).catch(() => {});
})();
