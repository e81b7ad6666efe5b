"""The map of many songs: how long it takes to lay out, and how long a browser's scripts take a frame.

    python benchmarks/map.py [N_SONGS] [SEED]

Look-alike vectors of N_SONGS (100,000) songs: 600 groups of 60 kinds, 100 factors. They are served without a
workspace behind them, and Chromium (of 1280 x 900) moves over the map as a hand would: 60 wheel steps in, 120
moves with the button down, 60 steps out, then keys. A frame's script is the time in its callbacks of
requestAnimationFrame; events are those of wheel, pointer and keys, and of answers to requests.

Last line, JSON: songs, layout_cpu_s, names_cpu_s, tile_ms (median of all tiles of levels 0 to 4, worked out),
frames, frame_ms_p50, frame_ms_p99, frame_ms_max, event_ms_max.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import uvicorn
from selenium.webdriver.support.ui import WebDriverWait

from earshot.queries.map_names import name_regions
from earshot.queries.song_map import lay_out_served, make_map
from earshot.serve.app import make_server
from earshot.serve.maps import KEPT, Drawn
from earshot.serve.pages.map import tile_bytes
from earshot.serve.safety import Settings
from earshot.serve.snapshot import Snapshot
from tests.chromium import started

if TYPE_CHECKING:
    from selenium.webdriver.chrome.webdriver import WebDriver

PORT = 8149
TIMED = """
window.frames_ms = []; window.events_ms = [];
const timed = (call, into) => function (...given) {
  const start = performance.now();
  try { return call.apply(this, given); } finally { into.push(performance.now() - start); }
};
const frame = window.requestAnimationFrame.bind(window);
window.requestAnimationFrame = call => frame(timed(call, window.frames_ms));
const listen = EventTarget.prototype.addEventListener;
EventTarget.prototype.addEventListener = function (kind, call, ...more) {
  return listen.call(this, kind, typeof call === "function" ? timed(call, window.events_ms) : call, ...more);
};
const then = Promise.prototype.then;
Promise.prototype.then = function (...calls) {
  return then.apply(this, calls.map(call => typeof call === "function" ? timed(call, window.events_ms) : call));
};
"""


def made_up(root: Path, n_songs: int, seed: int) -> Snapshot:
    """Songs that nobody delivered, every tenth of which nobody has played, as what is served."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(0, 60, 600)
    groups = rng.standard_normal((60, 100))[kinds] + 0.6 * rng.standard_normal((600, 100))
    mine = rng.integers(0, 600, n_songs)
    vectors = groups[mine] + 0.5 * rng.standard_normal((n_songs, 100))
    songs = np.array([f"song{n:07d}" for n in range(n_songs)], dtype=object)
    texts = {name: np.array([f"{name} {n}" for n in range(n_songs)], object) for name in ("title", "artist")}
    genres = np.array([f"genre {kind % 12};tag {kind}" for kind in kinds[mine].tolist()], dtype=object)
    snapshot = Snapshot(root, "made up", {})
    # what would otherwise be read of the files of a workspace
    vars(snapshot).update(
        name=f"made-up-{n_songs}-{seed}",
        song_ids=songs,
        columns={**texts, "genres": genres, "n_listeners": np.ones(n_songs, np.int64)},
        is_listed=np.ones(n_songs, bool),
        is_new=np.arange(n_songs) % 10 == 0,
        recordings=pd.DataFrame(columns=["audio"]),
        _vectors={"item_factors.npy": vectors.astype(np.float32)},
    )
    return snapshot


def main(n_songs: int = 100_000, seed: int = 0) -> None:
    """Lay out, serve and look."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        snapshot = made_up(Path(folder), n_songs, seed)
        (places, layout), told = timed(lay_out_served, snapshot), {"songs": n_songs}
        songs, making = timed(make_map, snapshot, places)
        names, naming = timed(name_regions, places, snapshot.columns["genres"].tolist())
        told |= {"layout_cpu_s": layout, "names_cpu_s": making + naming, "names": len(names)}
        drawn = Drawn(snapshot.name, songs, names)
        told["tile_ms"] = tile_ms(drawn)
        (Path(folder) / KEPT).mkdir(parents=True)
        np.save(Path(folder) / KEPT / f"{snapshot.name}.npy", places)
        server = make_server(Path(folder), Settings(rate=1000, burst=5000))
        server.live._snapshot = snapshot  # there is no dvc.lock that would name another
        with serving(server.app), started(Path(folder) / "profile") as driver:
            told |= looked_at(driver)
    print(json.dumps(told))


def timed(work: Callable[..., Any], *given: Any) -> tuple[Any, float]:
    """What it gives, and CPU seconds."""
    start = time.process_time()
    return work(*given), round(time.process_time() - start, 2)


def tile_ms(drawn: Drawn) -> float:
    """Median of all tiles of levels 0 to 4."""
    drawn.songs.load()
    took = []
    for level, x, y in [(z, x, y) for z in range(5) for x in range(1 << z) for y in range(1 << z)]:
        start = time.perf_counter()
        tile_bytes(drawn, drawn.songs.tile(level, x, y))
        took.append(time.perf_counter() - start)
    return round(1000 * float(np.median(took)), 3)


@contextmanager
def serving(app: Any) -> Iterator[None]:
    """On loopback, in a thread."""
    server = uvicorn.Server(uvicorn.Config(app, port=PORT, log_level="warning", access_log=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


def looked_at(driver: WebDriver) -> dict[str, Any]:
    """Move over the map, and give the times of scripts."""
    size = {"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": TIMED})
    driver.get(f"http://localhost:{PORT}/map")
    WebDriverWait(driver, 60).until(lambda seen: seen.find_elements("id", "sky"))
    time.sleep(3)
    box = driver.execute_script(
        "const canvas = document.querySelector('#sky canvas'); canvas.scrollIntoView({block: 'center'});"
        "const box = canvas.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]"
    )
    x, y = box

    def mouse(kind: str, **more: Any) -> None:
        driver.execute_cdp_cmd("Input.dispatchMouseEvent", {"type": kind, "x": x, "y": y, **more})

    for turn in (-60, 60):
        for _ in range(60):
            mouse("mouseWheel", deltaX=0, deltaY=turn / 2)
        time.sleep(1)
        mouse("mousePressed", button="left", clickCount=1)
        for step in range(120):
            x, y = box[0] + 250 * np.sin(step / 12), box[1] + 200 * np.sin(step / 9)
            mouse("mouseMoved", button="left", buttons=1)
        mouse("mouseReleased", button="left")
        time.sleep(1)
        for step in range(60):  # over songs
            x, y = box[0] + 3 * step, box[1] + step
            mouse("mouseMoved")
        x, y = box
    sky = driver.find_element("id", "sky")
    for key in [*"+++---", "\ue012", "\ue013", "\ue014", "\ue015", "0"]:  # arrows
        sky.send_keys(key)
        time.sleep(0.3)
    time.sleep(1)
    shot = os.environ.get("SCREENSHOT")
    if shot:
        driver.save_screenshot(shot)
    frames, events = driver.execute_script("return [window.frames_ms, window.events_ms]")
    p50, p99, most = (round(float(np.quantile(frames, q)), 2) for q in (0.5, 0.99, 1))
    return {
        "frames": len(frames),
        "frame_ms_p50": p50,
        "frame_ms_p99": p99,
        "frame_ms_max": most,
        "events": len(events),
        "event_ms_max": round(max(events), 2),
    }


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
