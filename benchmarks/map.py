"""The map of many songs: how long it takes to lay out, and how long a browser's scripts take a frame.

    python benchmarks/map.py [N_SONGS] [SEED]

Look-alike vectors of N_SONGS (100,000) songs in 100 factors, each factor half as strong as that six before
it. They are served without a workspace behind them, and Chromium (1280 x 900) moves over the map as a hand
would: 60 steps of the wheel in, 120 moves with the button down, 60 moves over songs, the same on the way out,
then keys.

The script of a frame is Chromium's own figure (FireAnimationFrame of its trace), that of an event
EventDispatch, in milliseconds of the thread's CPU time: what else runs on the machine does not count. Beside
it stands the 99th percentile by the clock. SCREENSHOT=FILE keeps a picture of the end.

Last line, JSON: songs, layout_cpu_s, names_cpu_s, names, tile_ms (median of all tiles of levels 0 to 4, made
on the server), and of frames and events how many, ms_p50, ms_p99, ms_max, ms_wall_p99.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from selenium.webdriver.support.ui import WebDriverWait

from earshot.queries.map_names import name_regions
from earshot.queries.song_map import lay_out_served, make_map
from earshot.serve.maps import KEPT, Drawn
from earshot.serve.pages.map import tile_bytes
from tests.chromium import started
from tests.serve.made_up import made_up, server_of
from tests.serve.serving import serving

if TYPE_CHECKING:
    from selenium.webdriver.chrome.webdriver import WebDriver

QUANTILES = {"p50": 0.5, "p99": 0.99, "max": 1.0}


def main(n_songs: int = 100_000, seed: int = 0) -> None:
    """Lay out, serve and look."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        snapshot = made_up(Path(folder), n_songs, seed)
        (places, layout), told = timed(lay_out_served, snapshot), {"songs": n_songs}
        songs, making = timed(make_map, snapshot, places)
        names, naming = timed(name_regions, places, snapshot.columns["genres"][songs.rows].tolist())
        told |= {"layout_cpu_s": layout, "names_cpu_s": making + naming, "names": len(names)}
        drawn = Drawn(snapshot.name, songs, names)
        told["tile_ms"] = tile_ms(drawn)
        (Path(folder) / KEPT).mkdir(parents=True)
        np.save(Path(folder) / KEPT / f"{snapshot.name}.npy", places)
        with (
            serving(server_of(snapshot).app) as client,
            started(Path(folder) / "profile", "devtools.timeline") as driver,
        ):
            told |= looked_at(driver, f"{client.base_url}/map")
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


def looked_at(driver: WebDriver, page: str) -> dict[str, Any]:
    """Move over the map, and give the times of scripts."""
    size = {"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    driver.get(page)
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
    return scripts(driver)


def scripts(driver: WebDriver) -> dict[str, Any]:
    """Of Chromium's trace, in milliseconds."""
    said = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    events = [each["params"] for each in said if each["method"] == "Tracing.dataCollected"]
    told: dict[str, Any] = {}
    for key, name in (("frame", "FireAnimationFrame"), ("event", "EventDispatch")):
        took = np.array([(e["tdur"], e["dur"]) for e in events if e["name"] == name and "tdur" in e]) / 1000
        told[f"{key}s"] = len(took)
        told |= {f"{key}_ms_{p}": round(float(np.quantile(took[:, 0], q)), 2) for p, q in QUANTILES.items()}
        told[f"{key}_ms_wall_p99"] = round(float(np.quantile(took[:, 1], 0.99)), 2)
    return told


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
