"""A file like the Taste Profile's train_triplets.txt, read into integer rows and a sparse matrix.

    python benchmarks/triplets.py [ROWS]

By default as large as the real one: 48,373,586 rows, 1,019,318 users, 384,546 songs, 3 GB of
text in a temporary folder; fewer ROWS scale users and songs down with them. Reading runs in a
process of its own. The last line is JSON: rows, users, songs, seconds, peak_gb.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv
from scipy.sparse import csr_array

from earshot.datasets.importing.drafts import SetAside
from earshot.datasets.msd_triplets import read_triplets

ROWS, USERS, SONGS = 48_373_586, 1_019_318, 384_546
BLOCK_ROWS = 1_000_000
_SYMBOLS = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", dtype="S1")


def main(n_rows: int = ROWS) -> None:
    """Write the file, and have another process read it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train_triplets.txt"
        write(path, n_rows, max(USERS * n_rows // ROWS, 2), max(SONGS * n_rows // ROWS, 2))
        print(f"written: {path.stat().st_size / 1e9:.2f} GB", flush=True)
        subprocess.run([sys.executable, __file__, "read", str(path)], check=True)


def read(path: Path) -> None:
    """Read the file and say what it took."""
    started = time.perf_counter()
    triplets = read_triplets(path, SetAside(path.with_name("set_aside.csv")))
    shape = len(triplets.user_ids), len(triplets.song_ids)
    matrix = csr_array((triplets.play_counts, (triplets.users, triplets.songs)), shape=shape)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    users, songs = matrix.shape
    measured = {"rows": len(triplets.users), "users": users, "songs": songs}
    print(json.dumps(measured | {"seconds": round(seconds, 2), "peak_gb": round(peak, 2)}))


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
    if sys.argv[1:2] == ["read"]:
        read(Path(sys.argv[2]))
    else:
        main(*map(int, sys.argv[1:]))
