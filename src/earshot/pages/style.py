"""How the report looks, on light and dark screens, wide and narrow; nothing is loaded."""

STYLE = """
:root {
  --paper: #fbfaf7; --card: #ffffff; --ink: #1d1c1a; --soft: #6b6862; --line: #e4e1d9; --accent: #b3431e;
  --bar: #c9c4b8; --wash: #f6ece6; --cool: #3a6ea5;
  --g0: #4269d0; --g1: #d99a00; --g2: #f0553f; --g3: #3aa39a; --g4: #3ca951; --g5: #e9609a; --g6: #8f52e0;
  --g7: #6ba3f0; --g8: #9c6b4e; --other: #a7a49c;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #161513; --card: #1f1e1b; --ink: #edeae3; --soft: #a19d94; --line: #35332e; --accent: #f08a5d;
    --bar: #565249; --wash: #2b221d; --cool: #7fb2e5;
    --g0: #6f8ff0; --g1: #efb118; --g2: #ff7a66; --g3: #6cc5b0; --g4: #5cc46f; --g5: #ff8ab7; --g6: #b58af7;
    --g7: #a9c8fa; --g8: #c29877; --other: #77746c;
  }
}
@media (prefers-color-scheme: dark) {
  .seen img { mix-blend-mode: normal !important; filter: brightness(.88); }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 ui-sans-serif, system-ui, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", sans-serif;
}
main { max-width: 1040px; margin: 0 auto; padding: 0 24px 96px; }
h1, h2, h3, h4, p, ul, ol, dl, figure { margin: 0; padding: 0; }
h1, h2 {
  font-family: ui-serif, Charter, "Iowan Old Style", "Source Serif 4", Georgia, "DejaVu Serif", serif;
}
h1 {
  font-size: clamp(30px, 5vw, 46px); line-height: 1.12; font-weight: 600; letter-spacing: -.015em;
  max-width: 18em;
}
h2 { font-size: 27px; line-height: 1.2; font-weight: 600; letter-spacing: -.01em; }
h3 { font-size: 16px; font-weight: 650; margin-top: 36px; }
h4 {
  font-size: 12px; font-weight: 600; color: var(--soft); text-transform: uppercase;
  letter-spacing: .06em;
}
code { font: .88em ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
small { display: block; font-size: 13px; font-weight: 400; color: var(--soft); line-height: 1.4; }
button { font: inherit; color: inherit; }
section { margin-top: 88px; }
section > p, .lead { color: var(--soft); max-width: 46em; margin-top: 8px; }
section > h3 + p { margin-top: 4px; }
.top { padding-top: 56px; }
.top > p:last-child {
  margin-top: 20px; font-size: 19px; line-height: 1.5; max-width: 38em; color: var(--soft);
}
.top b { color: var(--ink); font-weight: 650; font-variant-numeric: tabular-nums; }
.brand { font-weight: 700; color: var(--accent); margin-bottom: 28px; letter-spacing: -.01em; }
.brand span { color: var(--soft); font-weight: 400; margin-left: .5em; }

.results { width: 100%; border-collapse: collapse; margin-top: 28px; table-layout: fixed; }
h3 + .results, p + .results { margin-top: 14px; }
.results th, .results td {
  text-align: left; vertical-align: top; padding: 14px 22px 12px 0; border-top: 1px solid var(--line);
}
.results tr:last-child > * { border-bottom: 1px solid var(--line); }
.results thead th {
  border: 0; padding: 0 22px 8px 0; font-size: 13px; font-weight: 500; color: var(--soft);
}
.results thead th:first-child { width: 31%; }
.results tbody th { font-weight: 600; overflow-wrap: anywhere; }
.results .candidate > * { background: var(--wash); }
.results .candidate th { box-shadow: -13px 0 var(--wash), -16px 0 var(--accent); }
.results .candidate td:last-child { box-shadow: 13px 0 var(--wash); }
.value { font-size: 18px; font-weight: 600; font-variant-numeric: tabular-nums; }
.ends {
  font-size: 13px; color: var(--soft); font-variant-numeric: tabular-nums; margin-left: 8px;
  white-space: nowrap;
}
.dense .ends { display: block; margin: 0; }
.results.dense thead th:first-child { width: 22%; }
.interval { display: block; width: 100%; margin-top: 4px; overflow: visible; }
.interval .track { stroke: var(--line); stroke-width: 1; }
.interval .mark { stroke: var(--soft); stroke-width: 1; }
.interval .bar { stroke: var(--bar); stroke-width: 8; stroke-linecap: round; }
.interval .dot { fill: var(--ink); stroke: var(--paper); stroke-width: 1.5; }
.candidate .interval .bar { stroke: color-mix(in srgb, var(--accent) 45%, var(--wash)); }
.candidate .interval .dot { fill: var(--accent); stroke: var(--wash); }

details { margin-top: 32px; }
summary { cursor: pointer; font-weight: 600; padding: 6px 0; }
details h3 { margin-top: 24px; }

.two { display: grid; grid-template-columns: 1fr 1fr; gap: 0 56px; }
.two h3 { margin-top: 24px; }
.facts > div {
  display: flex; justify-content: space-between; gap: 16px; padding: 7px 0;
  border-bottom: 1px solid var(--line);
}
.facts dt { color: var(--soft); }
.facts dd { margin: 0; font-variant-numeric: tabular-nums; font-weight: 550; white-space: nowrap; }

.key, .genres { list-style: none; display: flex; flex-wrap: wrap; gap: 6px 20px; font-size: 14px; }
.key li::before {
  content: ""; display: inline-block; width: 18px; height: 3px; border-radius: 2px;
  background: currentColor; vertical-align: middle; margin-right: 7px;
}
.curves { margin-top: 24px; }
.curves .plot { position: relative; height: 280px; margin: 14px 0 26px 52px; }
.curves svg { position: absolute; inset: 0; width: 100%; height: 100%; overflow: visible; }
.curves svg * { vector-effect: non-scaling-stroke; fill: none; }
.curves .grid { stroke: var(--line); }
.curves .best { stroke: var(--soft); stroke-dasharray: 3 4; }
.curves polyline { stroke-width: 2.25; stroke: currentColor; stroke-linejoin: round; }
.curves svg polygon { fill: currentColor; opacity: .15; }
.training_loss, .plays { color: var(--cool); }
.validation_loss, .both { color: var(--accent); }
.prediction { color: var(--g3); }
.kept { color: var(--soft); }
.kept::before { height: 0 !important; background: none !important; border-top: 2px dotted currentColor; }
.plot span {
  position: absolute; font-size: 12px; color: var(--soft); font-variant-numeric: tabular-nums;
}
.plot .y { right: 100%; transform: translateY(-50%); padding-right: 10px; }
.plot .x { top: 100%; transform: translateX(-50%); padding-top: 6px; }
figcaption { font-size: 13px; color: var(--soft); text-align: right; margin-top: -22px; }
.curves figcaption { margin-top: 0; }

.map { margin-top: 24px; }
.genres { gap: 6px; }
.genres button {
  border: 1px solid var(--line); background: none; border-radius: 99px; padding: 2px 12px 2px 9px;
  font-size: 14px; cursor: pointer;
}
.genres button::before {
  content: ""; display: inline-block; width: 9px; height: 9px; border-radius: 50%;
  background: currentColor; background: var(--c); margin-right: 7px;
}
.genres button[aria-pressed="true"] { border-color: var(--ink); }
.g0 { --c: var(--g0); }
.g1 { --c: var(--g1); }
.g2 { --c: var(--g2); }
.g3 { --c: var(--g3); }
.g4 { --c: var(--g4); }
.g5 { --c: var(--g5); }
.g6 { --c: var(--g6); }
.g7 { --c: var(--g7); }
.g8 { --c: var(--g8); }
.other { --c: var(--other); }
.sky {
  position: relative; margin-top: 14px; background: var(--card); border: 1px solid var(--line);
  border-radius: 14px; aspect-ratio: 16 / 10; overflow: hidden;
}
.sky svg { width: 100%; height: 100%; display: block; }
.sky circle { fill: var(--c); stroke: var(--card); stroke-width: .75; transition: opacity .15s; }
.sky circle.cold { fill: var(--card); stroke: var(--c); stroke-width: 1.6; }
.sky circle[data-sound] { cursor: pointer; stroke-width: 2.5; }
.sky circle:hover { stroke: var(--ink); }
.sky circle.playing { fill: var(--accent); stroke: var(--accent); }
.sky circle.dim { opacity: .1; }
.tip {
  position: absolute; pointer-events: none; max-width: 260px; padding: 5px 10px; border-radius: 7px;
  background: var(--ink); color: var(--paper); font-size: 13px; line-height: 1.35;
  transform: translate(-50%, calc(-100% - 12px));
}

.song {
  display: grid; grid-template-columns: minmax(0, 1.75fr) minmax(0, 1fr); gap: 14px 32px;
  margin-top: 40px; padding-top: 24px; border-top: 1px solid var(--line);
}
.song header { grid-column: 1 / -1; display: flex; align-items: center; gap: 14px; }
.song h3 { margin: 0; font-size: 18px; line-height: 1.3; }
.seen img { display: block; width: 100%; height: auto; border-radius: 10px; mix-blend-mode: multiply; }
.near ol { list-style: none; margin-top: 6px; }
.near li {
  display: flex; align-items: center; gap: 12px; padding: 7px 0; border-bottom: 1px solid var(--line);
}
.near li:last-child { border: 0; }
.name { min-width: 0; flex: 1; line-height: 1.35; }
.name b { font-weight: 600; }
.near .name b, .near .name small {
  display: block; white-space: nowrap; overflow: hidden; text-overflow: ellipsis;
}
.cosine { font-size: 13px; color: var(--soft); font-variant-numeric: tabular-nums; }
.steps {
  display: grid; grid-template-columns: 10em 1fr; gap: 4px 20px; margin: 12px 0 28px; max-width: 52em;
}
.steps dt { font-weight: 600; }
.steps dd { margin: 0; color: var(--soft); }
.play {
  flex: none; width: 34px; height: 34px; border-radius: 50%; border: 1px solid var(--line);
  background: var(--card); cursor: pointer; padding: 0; display: grid; place-items: center;
}
.song header .play { width: 46px; height: 46px; }
.play::before {
  content: ""; border-left: 9px solid var(--accent); border-block: 6px solid transparent;
  margin-left: 3px;
}
.song header .play::before { border-left-width: 12px; border-block-width: 8px; margin-left: 4px; }
.play:hover { border-color: var(--accent); }
.play[aria-pressed="true"] {
  background: conic-gradient(var(--accent) calc(var(--done, 0) * 1%), var(--line) 0);
  border-color: transparent; position: relative;
}
.play[aria-pressed="true"]::after {
  content: ""; position: absolute; inset: 3px; border-radius: 50%; background: var(--card);
}
.play[aria-pressed="true"]::before {
  z-index: 1; margin: 0 !important; border: 0; width: 9px; height: 11px;
  border-inline: 3px solid var(--accent);
}
.silent { visibility: hidden; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }

@media (max-width: 760px) {
  main { padding: 0 16px 64px; }
  .top { padding-top: 32px; }
  section { margin-top: 64px; }
  .two, .song, .steps { grid-template-columns: minmax(0, 1fr); }
  .results thead { display: none; }
  .results, .results tbody, .results tr, .results th, .results td { display: block; width: 100%; }
  .results tbody tr { border-top: 1px solid var(--line); padding: 14px 0 12px; }
  .results tbody tr > * { border: 0 !important; padding: 0; }
  .results tbody tr > td { padding-top: 10px; }
  .results td::before {
    content: attr(data-label); display: inline-block; width: 8.2em; font-size: 13px; color: var(--soft);
  }
  .results.dense td::before { width: 10.2em; }
  .results.dense .ends { display: inline; margin-left: 8px; }
  .results .candidate > * { box-shadow: -16px 0 var(--wash), 16px 0 var(--wash) !important; }
  .results .candidate { background: var(--wash); box-shadow: -16px 0 var(--wash), 16px 0 var(--wash); }
  .sky circle { r: 2.6px; }
  .sky circle[data-sound] { r: 5px; }
  .seen { overflow-x: auto; border-radius: 10px; }
  .seen img { width: 680px; max-width: none; }
  .sky { aspect-ratio: 4 / 5; }
  .curves .plot { height: 220px; margin-left: 44px; }
}
@media (prefers-reduced-motion: reduce) { * { transition: none !important; } }
@media print { body { background: none; } .play { display: none; } section { break-inside: avoid; } }
"""
