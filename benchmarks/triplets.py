"""A file like the Taste Profile's train_triplets.txt, read into integer rows and a sparse matrix.

    python benchmarks/triplets.py [ROWS]

By default as large as the real one: 48,373,586 rows, 1,019,318 users, 384,546 songs, 3 GB of
text in a temporary folder; fewer ROWS scale users and songs down with them. The floor is pyarrow
alone, with its own threads: columns with ids block by block, no line numbers, nothing checked, no
matrix. Each runs in a process of its own, with all cores; the file is in the page cache.

The last line is JSON: rows, users, songs, seconds (of the clock), cpu_seconds (of all threads),
peak_gb, floor_seconds, floor_cpu_seconds, floor_peak_gb, x_floor (seconds / floor_seconds).
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv
from scipy.sparse import csr_array

from earshot.datasets.importing.drafts import SetAside
from earshot.datasets.msd_triplets import read_triplets
from earshot.processes import core_count

ROWS, USERS, SONGS = 48_373_586, 1_019_318, 384_546
BLOCK_ROWS = 1_000_000
BLOCK_BYTES = 16 << 20
_SYMBOLS = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", dtype="S1")


def main(n_rows: int = ROWS) -> None:
    """Write the file, and have another process read it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train_triplets.txt"
        write(path, n_rows, max(USERS * n_rows // ROWS, 2), max(SONGS * n_rows // ROWS, 2))
        print(f"written: {path.stat().st_size / 1e9:.2f} GB", flush=True)
        bare = {f"floor_{name}": value for name, value in _alone("floor", path).items()}
        ours = _alone("read", path)
    x_floor = ours["seconds"] / max(bare["floor_seconds"], 0.01)
    print(json.dumps(ours | bare | {"x_floor": round(x_floor, 2)}))


def _alone(way: str, path: Path) -> dict[str, float]:
    """What it says in its last line, in a process of its own."""
    ran = subprocess.run([sys.executable, __file__, way, str(path)], check=True, stdout=subprocess.PIPE)
    return dict(json.loads(ran.stdout.splitlines()[-1]))


def read(path: Path) -> dict[str, int]:
    """The file as a matrix; its rows, users and songs."""
    triplets = read_triplets(path, SetAside(path.with_name("set_aside.csv")))
    shape = len(triplets.user_ids), len(triplets.song_ids)
    matrix = csr_array((triplets.play_counts, (triplets.users, triplets.songs)), shape=shape)
    users, songs = matrix.shape
    return {"rows": len(triplets.users), "users": users, "songs": songs}


def floor(path: Path) -> dict[str, int]:
    """The file through pyarrow."""
    pa.set_cpu_count(core_count())
    text = pa.dictionary(pa.int32(), pa.string())
    csv.read_csv(
        path,
        csv.ReadOptions(column_names=["user", "song", "plays"], block_size=BLOCK_BYTES),
        csv.ParseOptions(delimiter="\t", quote_char=False),
        csv.ConvertOptions(column_types={"user": text, "song": text, "plays": pa.int32()}),
    )
    return {}


def _measured(way: Callable[[Path], dict[str, int]], path: Path) -> None:
    """Print what it found and what it took."""
    started, cpu = time.perf_counter(), time.process_time()
    found = way(path)
    took = {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - cpu}
    took["peak_gb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(json.dumps(found | {name: round(value, 2) for name, value in took.items()}))


def write(path: Path, n_rows: int, n_users: int, n_songs: int) -> None:
    """Every user and every song at least once, how often by a power law; a user's lines stand together."""
    draw = np.random.default_rng(0)
    user_ids = pa.array([draw.bytes(20).hex() for _ in range(n_users)])
    song_ids = pa.array([f"SO{letters}" for letters in _words(n_songs, draw)])
    users, songs = np.sort(_long_tail(n_rows, n_users, draw)), _long_tail(n_rows, n_songs, draw)
    options = csv.WriteOptions(include_header=False, delimiter="\t", quoting_style="none")
    schema = _block(user_ids, song_ids, users[:0], songs[:0], draw).schema
    with csv.CSVWriter(path, schema, write_options=options) as file:
        for first in range(0, n_rows, BLOCK_ROWS):
            rows = slice(first, first + BLOCK_ROWS)
            file.write_table(_block(user_ids, song_ids, users[rows], songs[rows], draw))


def _words(n: int, draw: np.random.Generator) -> list[str]:
    """`n` words of 16 letters and digits."""
    symbols = _SYMBOLS[draw.integers(0, len(_SYMBOLS), (n, 16))]
    return [word.decode() for word in symbols.view("S16")[:, 0].tolist()]


def _long_tail(n_rows: int, n: int, draw: np.random.Generator) -> NDArray[np.int32]:
    """`n_rows` of the numbers below `n`, each at least once, the k-th about as often as 1/k^0.8."""
    weights = np.cumsum(np.arange(1, n + 1) ** -0.8)
    drawn = np.searchsorted(weights, draw.random(n_rows - n) * weights[-1]).astype(np.int32)
    numbers = np.concatenate([np.arange(n, dtype=np.int32), drawn])
    draw.shuffle(numbers)
    return numbers


def _block(
    user_ids: pa.Array,
    song_ids: pa.Array,
    users: NDArray[np.int32],
    songs: NDArray[np.int32],
    draw: np.random.Generator,
) -> pa.Table:
    plays = draw.geometric(0.35, len(users))
    return pa.table(
        {"user": user_ids.take(pa.array(users)), "song": song_ids.take(pa.array(songs)), "plays": plays}
    )


if __name__ == "__main__":
    ways = {"read": read, "floor": floor}
    if way := ways.get("".join(sys.argv[1:2])):
        _measured(way, Path(sys.argv[2]))
    else:
        main(*map(int, sys.argv[1:]))
