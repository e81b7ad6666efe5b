"""The stage play_counts on the Taste Profile's rows, and once more when 10,000 plays have come.

    python benchmarks/play_counts_stage.py [ROWS]

By default as many rows as the real one has (48,373,586), of 1,019,318 listeners and 384,546 songs, in parquet
(the look-alike of `play_counts.py`); one row in a thousand is invalid. Fewer ROWS scale listeners and songs
down with them. More come in files as large as that one, each of listeners of its own, of the same songs:
483735860 needs 40 GB in the temporary folder (TMPDIR). The plays that come then are of 1,000 listeners drawn
at random, a tenth of whom nobody has seen before.

Each run is a process of its own, from its start to its end, the import of Great Expectations with it; threads
are all that it starts. What DVC does before and after is not in it. The last line is JSON: rows,
invalid_rows, listeners, songs, plays, seconds (of the clock), cpu_seconds (of all threads), peak_gb, and the
last three of the second run, with added_ before them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from play_counts import ROWS, SONGS, USERS, long_tail_pairs, words
from pyarrow import parquet

from earshot.files import link, write_json
from earshot.params import load_params
from earshot.stages import play_counts
from earshot.stages.paths import Paths
from earshot.versioning import PreviousOutput, cache_path, file_md5

GROUP_ROWS = 1_000_000
ADDED, ADDED_LISTENERS = 10_000, 1_000
SHOWN = ("rows", "invalid_rows", "listeners", "songs", "plays")


def main(n_rows: int = ROWS) -> None:
    """Write a delivery, count it; write another, count both."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        definition = {"cmd": "", "deps": [], "outs": ["data/play_counts"]}
        write_json(root / "dvc.yaml", {"stages": {"play_counts": definition}})
        _alone("deliver", root, n_rows)
        first = _alone("count", root)
        print(json.dumps(first), flush=True)
        _alone("keep", root)
        _alone("add", root)
        second = _alone("count", root)
    added = {f"added_{name}": second[name] for name in ("seconds", "cpu_seconds", "peak_gb")}
    print(json.dumps(first | added))


def _alone(step: str, *arguments: object) -> dict[str, Any]:
    """What a step prints, in a process of its own, and what this one took."""
    command = [sys.executable, __file__, step, *map(str, arguments)]
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if status:
        raise SystemExit(f"{step}: failed")
    took = {"seconds": time.perf_counter() - started, "cpu_seconds": usage.ru_utime + usage.ru_stime}
    took["peak_gb"] = usage.ru_maxrss / 1e6
    return json.loads(told or "{}") | {name: round(value, 2) for name, value in took.items()}


def count(root: Path) -> None:
    """Run the stage; its output stands in `output`."""
    for name in ("output", "work", "failed"):
        shutil.rmtree(root / name, ignore_errors=True)
        (root / name).mkdir()
    kept = root / "kept"
    md5 = kept.read_text() if kept.is_file() else None
    previous = PreviousOutput(root / "cache", md5)
    paths = Paths(root, root / "output", root / "work", root / "failed", previous)
    summary = play_counts.run(paths, load_params(Path(__file__).parents[1] / "params.yaml"))
    print(json.dumps({name: summary[name] for name in SHOWN}))


def keep(root: Path) -> None:
    """What DVC does with an output: its files into the cache, by md5."""
    entries = []
    for path in sorted(each for each in (root / "output").rglob("*") if each.is_file()):
        md5 = file_md5(path)
        entries.append({"md5": md5, "relpath": path.relative_to(root / "output").as_posix()})
        cache_path(root / "cache", md5).parent.mkdir(parents=True, exist_ok=True)
        if not cache_path(root / "cache", md5).exists():
            link(path, cache_path(root / "cache", md5))
    cache_path(root / "cache", "00.dir").parent.mkdir(parents=True, exist_ok=True)
    write_json(cache_path(root / "cache", "00.dir"), entries)
    (root / "kept").write_text("00.dir")


def deliver(root: Path, n_rows: int) -> None:
    """The first delivery: all songs, and their plays."""
    folder = root / "data" / "deliveries" / "many"
    folder.mkdir(parents=True)
    draw = np.random.default_rng(0)
    scale = min(n_rows / ROWS, 1)
    n_users, n_songs = max(int(USERS * scale), 2), max(int(SONGS * scale), 2)
    song_ids = pa.array([f"SO{letters}" for letters in words(n_songs, draw)])
    (folder / "songs.csv").write_text("\n".join(["song_id", *song_ids.to_pylist()]) + "\n")
    for number, first in enumerate(range(0, n_rows, ROWS)):
        user_ids = pa.array([draw.bytes(20).hex() for _ in range(n_users)])
        users, songs = long_tail_pairs(min(ROWS, n_rows - first), n_users, n_songs, draw)
        _write(folder / f"plays-{number}.parquet", user_ids, song_ids, users, songs, draw)
    (folder.parent / "index.csv").write_text("delivery,md5\nmany,0.dir\n")


def _write(path: Path, user_ids: pa.Array, song_ids: pa.Array, users: Any, songs: Any, draw: Any) -> None:
    schema = pa.schema({"user_id": pa.string(), "song_id": pa.string(), "play_count": pa.int64()})
    with parquet.ParquetWriter(path, schema) as file:
        for first in range(0, len(users), GROUP_ROWS):
            rows = slice(first, first + GROUP_ROWS)
            counts = draw.geometric(0.35, len(users[rows]))
            counts[::1000] = 0
            ids = user_ids.take(pa.array(users[rows])), song_ids.take(pa.array(songs[rows]))
            file.write_table(pa.table([*ids, counts], schema))


def add(root: Path) -> None:
    """The second delivery: no songs, 10,000 plays."""
    deliveries, draw = root / "data" / "deliveries", np.random.default_rng(1)
    users, songs = (
        parquet.read_table(part)[column].to_pylist()
        for column, part in (
            ("user_id", root / "output" / "users.parquet"),
            ("song_id", root / "output" / "items.parquet"),
        )
    )
    listeners = [users[n] for n in draw.integers(0, len(users), ADDED_LISTENERS)]
    listeners[::10] = [draw.bytes(20).hex() for _ in listeners[::10]]
    (deliveries / "more").mkdir()
    pairs = draw.integers(0, len(listeners), ADDED), draw.integers(0, len(songs), ADDED)
    lines = [f"{listeners[user]},{songs[song]},1" for user, song in zip(*pairs, strict=True)]
    text = "\n".join(["user_id,song_id,play_count", *lines]) + "\n"
    (deliveries / "more" / "plays.csv").write_text(text)
    with (deliveries / "index.csv").open("a") as index:
        index.write("more,1.dir\n")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["deliver", root, rows]:
            deliver(Path(root), int(rows))
        case [("count" | "keep" | "add") as step, root]:
            {"count": count, "keep": keep, "add": add}[step](Path(root))
        case numbers:
            main(*map(int, numbers))
