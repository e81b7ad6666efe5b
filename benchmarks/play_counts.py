"""A file like the Taste Profile's train_triplets.txt, read into integer rows and a sparse matrix.

    python benchmarks/play_counts.py [ROWS]

By default as large as the real one: 48,373,586 rows, 1,019,318 users, 384,546 songs, 3 GB of
text in a temporary folder; fewer ROWS scale users and songs down with them. The rival is pyarrow
alone with scipy, as one would type it: no line numbers, nothing checked. Each runs in a process of
its own, with all cores; the file is in the page cache.

The last line is JSON: rows, users, songs, seconds (of the clock), cpu_seconds (of all threads),
peak_gb, bare_seconds, bare_cpu_seconds, bare_peak_gb, x_bare (seconds / bare_seconds).
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
from earshot.datasets.msd_files import Triplets, read_triplets
from earshot.processes import core_count, keep_freed_memory

ROWS, USERS, SONGS = 48_373_586, 1_019_318, 384_546
BLOCK_ROWS = 1_000_000
BLOCK_BYTES = 16 << 20
_SYMBOLS = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", dtype="S1")


def main(n_rows: int = ROWS) -> None:
    """Write the file, and have another process read it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train_triplets.txt"
        look_alike(path, n_rows)
        print(f"written: {path.stat().st_size / 1e9:.2f} GB", flush=True)
        rival, own = _alone("bare", path), _alone("ours", path)
    x_bare = {"x_bare": round(own["seconds"] / rival["seconds"], 2)}
    taken = {f"bare_{name}": value for name, value in rival.items() if name not in ("rows", "users", "songs")}
    print(json.dumps(own | taken | x_bare))


def _alone(way: str, path: Path) -> dict[str, float]:
    """What it says in its last line, in a process of its own."""
    ran = subprocess.run([sys.executable, __file__, way, str(path)], check=True, stdout=subprocess.PIPE)
    return dict(json.loads(ran.stdout.splitlines()[-1]))


def ours(path: Path) -> csr_array:
    """Users by songs, through earshot, as `earshot import` does it."""
    keep_freed_memory()
    triplets = read_triplets(path, SetAside(path.with_name("set_aside.csv")))
    return matrix(triplets)


def matrix(triplets: Triplets) -> csr_array:
    """Users by songs; a user's lines stand together, and each song is in them once."""
    starts = np.flatnonzero(triplets.users[1:] != triplets.users[:-1]) + 1
    ends = np.concatenate([[0], starts, [len(triplets.users)]]).astype(np.int32)
    shape = len(triplets.user_ids), len(triplets.song_ids)
    return csr_array((triplets.play_counts, triplets.songs, ends), shape=shape)


def bare(path: Path) -> csr_array:
    """Users by songs, through pyarrow and scipy."""
    pa.set_cpu_count(core_count())
    text = pa.dictionary(pa.int32(), pa.string())
    table = csv.read_csv(
        path,
        csv.ReadOptions(column_names=["user", "song", "plays"], block_size=BLOCK_BYTES),
        csv.ParseOptions(delimiter="\t", quote_char=False),
        csv.ConvertOptions(column_types={"user": text, "song": text, "plays": pa.int32()}),
    )
    users, songs, plays = (column.combine_chunks() for column in table.unify_dictionaries().columns)
    places = users.indices.to_numpy(), songs.indices.to_numpy()
    return csr_array((plays.to_numpy(), places), shape=(len(users.dictionary), len(songs.dictionary)))


def _measured(way: Callable[[Path], csr_array], path: Path) -> None:
    """Print what it found and what it took."""
    started, cpu = time.perf_counter(), time.process_time()
    found = way(path)
    took = {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - cpu}
    took["peak_gb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    sizes = {"rows": found.nnz, "users": found.shape[0], "songs": found.shape[1]}
    print(json.dumps(sizes | {name: round(value, 2) for name, value in took.items()}))


def look_alike(path: Path, n_rows: int) -> None:
    """`write`, in a process of its own: what it takes would count for all that this one starts."""
    subprocess.run([sys.executable, __file__, "write", str(path), str(n_rows)], check=True)


def write(path: Path, n_rows: int, n_users: int, n_songs: int) -> None:
    """Every user, every song, no pair of them twice; a user's lines stand together, as in the real file."""
    draw = np.random.default_rng(0)
    user_ids = pa.array([draw.bytes(20).hex() for _ in range(n_users)])
    song_ids = pa.array([f"SO{letters}" for letters in words(n_songs, draw)])
    users, songs = long_tail_pairs(n_rows, n_users, n_songs, draw)
    options = csv.WriteOptions(include_header=False, delimiter="\t", quoting_style="none")
    schema = _block(user_ids, song_ids, users[:0], songs[:0], draw).schema
    with csv.CSVWriter(path, schema, write_options=options) as file:
        for first in range(0, n_rows, BLOCK_ROWS):
            rows = slice(first, first + BLOCK_ROWS)
            file.write_table(_block(user_ids, song_ids, users[rows], songs[rows], draw))


def long_tail_pairs(
    n_rows: int, n_users: int, n_songs: int, draw: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """`n_rows` of the pairs, in order of users, then songs."""
    by_plays, by_listeners = draw.permutation(n_users), draw.permutation(n_songs)
    n_once = max(n_users, n_songs)
    once = np.resize(by_plays, n_once) * n_songs + np.resize(by_listeners, n_once)
    users = by_plays[_long_tail(2 * n_rows, n_users, 0.4, draw)]
    songs = by_listeners[_long_tail(2 * n_rows, n_songs, 0.8, draw)]
    pairs = np.sort(np.concatenate([once, users * n_songs + songs]))
    pairs = pairs[np.diff(pairs, prepend=-1) > 0]
    needless = np.ones(len(pairs), dtype=bool)
    needless[np.searchsorted(pairs, once)] = False
    if (surplus := len(pairs) - n_rows) < 0:
        raise SystemExit(f"{n_rows} rows: wanted more, for {n_users} users and {n_songs} songs")
    return np.divmod(np.delete(pairs, draw.choice(np.flatnonzero(needless), surplus, replace=False)), n_songs)


def words(n: int, draw: np.random.Generator) -> list[str]:
    """`n` words of 16 letters and digits."""
    symbols = _SYMBOLS[draw.integers(0, len(_SYMBOLS), (n, 16))]
    return [word.decode() for word in symbols.view("S16")[:, 0].tolist()]


def _long_tail(n_rows: int, n: int, power: float, draw: np.random.Generator) -> NDArray[np.int64]:
    """`n_rows` of the numbers below `n`, the k-th about as often as 1/k^power."""
    total = (n + 1) ** (1 - power) - 1
    ranks = (1 + draw.random(n_rows) * total) ** (1 / (1 - power))
    return np.minimum(ranks.astype(np.int64), n) - 1


def _block(
    user_ids: pa.Array,
    song_ids: pa.Array,
    users: NDArray[np.int64],
    songs: NDArray[np.int64],
    draw: np.random.Generator,
) -> pa.Table:
    plays = draw.geometric(0.35, len(users))
    return pa.table(
        {"user": user_ids.take(pa.array(users)), "song": song_ids.take(pa.array(songs)), "plays": plays}
    )


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["write", path, rows]:
            n = int(rows)
            write(Path(path), n, max(USERS * n // ROWS, 2), max(SONGS * n // ROWS, 2))
        case ["ours", path]:
            _measured(ours, Path(path))
        case ["bare", path]:
            _measured(bare, Path(path))
        case numbers:
            main(*map(int, numbers))
