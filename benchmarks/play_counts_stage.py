"""The stage play_counts on ten million rows of plays: seconds, and the peak of its memory.

    python benchmarks/play_counts_stage.py [ROWS]

The last line is JSON: rows, invalid_rows, listeners, songs, plays, seconds, peak_gb.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from earshot.params import load_params
from earshot.stages import play_counts
from earshot.stages.paths import Paths
from earshot.versioning import PreviousOutput

BLOCK_ROWS = 500_000


def main(n_rows: int = 10_000_000) -> None:
    """Run the stage in a folder of its own."""
    params = load_params(Path(__file__).parents[1] / "params.yaml")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        deliver(root / "data" / "deliveries", n_rows)
        definition = {"cmd": "", "deps": [], "outs": ["data/play_counts"]}
        (root / "dvc.yaml").write_text(json.dumps({"stages": {"play_counts": definition}}))
        for name in ("output", "work", "failed"):
            (root / name).mkdir()
        paths = Paths(root, root / "output", root / "work", root / "failed", PreviousOutput(root, None))
        started = time.perf_counter()
        summary = play_counts.run(paths, params)
        seconds = time.perf_counter() - started
    shown = ("rows", "invalid_rows", "listeners", "songs", "plays")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    measured = {"seconds": round(seconds, 1), "peak_gb": round(peak, 2)}
    print(json.dumps({name: summary[name] for name in shown} | measured))


def deliver(deliveries: Path, n_rows: int) -> None:
    """Songs of a long tail and their plays, one row in a thousand invalid."""
    (deliveries / "many").mkdir(parents=True)
    (deliveries / "index.csv").write_text("delivery,md5\nmany,0.dir\n")
    n_songs, n_users = max(n_rows // 100, 2), max(n_rows // 50, 2)
    songs = [f"song-{song}" for song in range(n_songs)]
    (deliveries / "many" / "songs.csv").write_text("\n".join(["song_id", *songs]) + "\n")
    draw = np.random.default_rng(0)
    with (deliveries / "many" / "plays.csv").open("w") as file:
        file.write("user_id,song_id,play_count\n")
        for first in range(0, n_rows, BLOCK_ROWS):
            n = min(BLOCK_ROWS, n_rows - first)
            users, counts = draw.integers(0, n_users, n), draw.geometric(0.2, n)
            picked = (draw.pareto(1.2, n) * 500).astype(int) % n_songs
            counts[::1000] = 0
            rows = zip(users.tolist(), picked.tolist(), counts.tolist(), strict=True)
            file.writelines(f"user-{user},song-{song},{count}\n" for user, song, count in rows)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
