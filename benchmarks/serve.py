"""How fast the server answers, over HTTP, from 16 clients at once, on catalogues made for it.

    python benchmarks/serve.py [SONGS ...]      # by default 1000 and 100000; 1000000 wants 12 GB

Songs and listeners are look-alikes: vectors whose directions spread as those of a factorization do (each
factor half as strong as that six before it), songs longer the more listeners they have. As many listeners as
songs but at most 100,000, 100 plays each; lists of 100. The lists are of random songs: how long it takes to
read them does not hang on which. The server is `earshot serve` in a process of its own, asked with an
operator's key; clients are one process, which reads every answer whole.

recommend asks for 100 songs with at most 3 of an artist, which are worked out over all songs at every
request; list asks for the 100 that were made ahead.

The last line is JSON, of the last size: songs, recommend_p99_ms, similar_p99_ms, requests_per_s (of
recommend), over_nothing (its p99 over that of the health route, which works nothing out: the floor),
together_over_alone (its rate over that of a single client, who asks one thing at a time: the rival), peak_gb
and start_s.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from hashlib import md5
from pathlib import Path

import numpy as np
import pandas as pd
import psutil

from earshot.catalogue.play_counts import write_play_counts
from earshot.files import write_json, write_table
from earshot.serve.keys import KeyStore

FACTORS, K, CLIENTS, PLAYS = 100, 100, 16, 100
RELEASE = "0" * 12
PROJECT = Path(__file__).parents[1]
ASKED = 2000
"""Requests of each kind, fewer where one takes long."""


def look_alikes(n: int, seed: int) -> np.ndarray:
    """float32 (n, FACTORS)."""
    draw = np.random.default_rng(seed)
    strength = 0.5 ** (np.arange(FACTORS) / 6) + 0.05
    directions = draw.normal(size=(n, FACTORS)).astype(np.float32) * strength.astype(np.float32)
    return directions * draw.gamma(1.5, 0.4, size=(n, 1)).astype(np.float32)


def ids(prefix: str, n: int) -> np.ndarray:
    return np.array([f"{prefix}{number:08d}" for number in range(n)], dtype=object)


def write_state(root: Path, n_songs: int) -> tuple[np.ndarray, np.ndarray]:
    """Outputs of the stages that a server reads; ids of songs and listeners."""
    draw = np.random.default_rng(n_songs)
    songs, users = ids("s", n_songs), ids("u", min(n_songs, 100_000))
    new = np.arange(n_songs) % 10 == 0
    data = root / "data"
    n_listeners = _write_plays(data / "play_counts", songs, users, new, draw)
    _write_vectors(data / "served_factors", songs, users, n_listeners)
    _write_lists(data / "recommendations", songs, users, new, draw)
    _write_catalogue(data / "raw_audio", songs, draw)
    _into_dvc(root)
    return songs, users


def _write_plays(
    folder: Path, songs: np.ndarray, users: np.ndarray, new: np.ndarray, draw: np.random.Generator
) -> np.ndarray:
    """Of songs that are not new, a few of which very many play; (n_songs,), the listeners of each."""
    folder.mkdir(parents=True)
    played = np.flatnonzero(~new)
    drawn = draw.exponential(len(played) / 6, (len(users), PLAYS)).astype(np.int64)
    pairs = np.minimum(drawn, len(played) - 1)
    plays = pd.DataFrame({"user": np.repeat(np.arange(len(users)), PLAYS), "item": pairs.ravel()})
    plays = plays.drop_duplicates().sort_values(["user", "item"]).assign(play_count=1)
    there = np.unique(plays["item"])
    plays["item"] = np.searchsorted(there, plays["item"])
    write_play_counts(folder, users, songs[played[there]], plays)
    n_listeners = np.zeros(len(songs), np.int32)
    n_listeners[played[there]] = np.bincount(plays["item"])
    return n_listeners


def _write_vectors(folder: Path, songs: np.ndarray, users: np.ndarray, n_listeners: np.ndarray) -> None:
    folder.mkdir(parents=True)
    np.save(folder / "item_factors.npy", look_alikes(len(songs), 1))
    np.save(folder / "user_factors.npy", look_alikes(len(users), 2))
    table = pd.DataFrame({"song_id": songs, "n_listeners": n_listeners, "heard": True, "unlike": False})
    write_table(folder / "items.parquet", table)
    write_table(folder / "users.parquet", pd.DataFrame({"user_id": users}))
    write_json(folder / "summary.json", {"release": RELEASE})


def _write_lists(
    folder: Path, songs: np.ndarray, users: np.ndarray, new: np.ndarray, draw: np.random.Generator
) -> None:
    (folder / "ranked").mkdir(parents=True)
    write_table(folder / "ranked" / "items.parquet", pd.DataFrame({"song_id": songs}))
    rows = draw.integers(0, len(songs), (len(users), K)).ravel()
    lists = {"user_id": np.repeat(users, K), "song_id": songs[rows], "cold": new[rows], "release": RELEASE}
    lists["rank"] = np.tile(np.arange(1, K + 1, dtype=np.int32), len(users))
    lists["score"] = np.tile(np.linspace(1, 0, K, dtype=np.float32), len(users))
    write_table(folder / "recommendations.parquet", pd.DataFrame(lists))
    write_json(folder / "summary.json", {"release": RELEASE})


def _write_catalogue(folder: Path, songs: np.ndarray, draw: np.random.Generator) -> None:
    folder.mkdir(parents=True)
    artists = draw.integers(0, max(1, len(songs) // 8), len(songs))
    catalogue = pd.DataFrame({"song_id": songs, "title": [f"Song {n}" for n in range(len(songs))]})
    catalogue["artist_id"] = [f"a{n}" for n in artists]
    catalogue["artist"] = [f"Artist {n}" for n in artists]
    catalogue["genres"] = np.array(["rock", "jazz", "folk;rock", ""], dtype=object)[artists % 4]
    write_table(folder / "songs.parquet", catalogue.assign(withdrawn=False, delivery="one"))


def _into_dvc(root: Path) -> None:
    """dvc.lock, and the outputs in a cache, as DVC would leave them."""
    (root / ".dvc").mkdir()
    for name in ("dvc.yaml", "params.yaml"):
        (root / name).write_bytes((PROJECT / name).read_bytes())
    made = {output.name: _keep_folder(root, output) for output in sorted((root / "data").iterdir())}
    stages = {
        name: {"cmd": name, "outs": [{"path": f"data/{name}", "md5": whole}]} for name, whole in made.items()
    }
    deps = [{"path": f"data/{name}", "md5": made[name]} for name in ("play_counts", "raw_audio")]
    stages["recommendations"]["deps"] = deps
    write_json(root / "dvc.lock", {"schema": "2.0", "stages": stages})  # which is YAML too


def _keep_folder(root: Path, output: Path) -> str:
    files = [path for path in sorted(output.rglob("*")) if path.is_file()]
    entries = [{"relpath": path.relative_to(output).as_posix(), "md5": _keep(root, path)} for path in files]
    write_json(root / "manifest", entries)
    return f"{_keep(root, root / 'manifest', '.dir')}.dir"


def _keep(root: Path, path: Path, suffix: str = "") -> str:
    name = md5(path.read_bytes()).hexdigest()
    place = root / ".dvc" / "cache" / "files" / "md5" / name[:2] / f"{name[2:]}{suffix}"
    place.parent.mkdir(parents=True, exist_ok=True)
    path.rename(place)
    return name


def ask(port: int, key: str, paths: list[str], clients: int) -> tuple[np.ndarray, float]:
    """Seconds of every answer, and of all together, with so many questions under way at a time."""
    chooser, waiting, took = selectors.DefaultSelector(), list(reversed(paths)), []
    started = time.perf_counter()
    for _ in range(min(clients, len(paths))):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        chooser.register(connection, selectors.EVENT_READ, _send(connection, key, waiting.pop()))
    while chooser.get_map():
        for event, _ in chooser.select():
            sent, received = event.data
            received += event.fileobj.recv(1 << 20)
            head, _, body = received.partition(b"\r\n\r\n")
            if not body or len(body) < int(
                head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]
            ):
                continue
            assert head.startswith(b"HTTP/1.1 200"), received[:500]
            took.append(time.perf_counter() - sent)
            if waiting:
                chooser.modify(event.fileobj, selectors.EVENT_READ, _send(event.fileobj, key, waiting.pop()))
            else:
                chooser.unregister(event.fileobj)
                event.fileobj.close()
    return np.array(took), time.perf_counter() - started


def _send(connection: socket.socket, key: str, path: str) -> tuple[float, bytearray]:
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{connection.getpeername()[1]}\r\nX-Api-Key: {key}\r\n\r\n"
    sent = time.perf_counter()
    connection.sendall(head.encode())
    return sent, bytearray()


def measure(n_songs: int, folder: Path) -> dict[str, float]:
    """Serve a catalogue of so many songs and ask; prints a table."""
    songs, users = write_state(folder, n_songs)
    key = KeyStore(folder).add("benchmark", "operator")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "earshot", "serve", "--port", str(port)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(PROJECT / "src")}
    started = time.perf_counter()
    server = subprocess.Popen(command, cwd=folder, env=environment)
    try:
        _wait_for(port, server)
        found = {"start_s": time.perf_counter() - started}
        draw = np.random.default_rng(0)
        kinds: dict[str, Callable[[], str]] = {
            "health": lambda: "/api/v1/health",
            "list": lambda: f"/api/v1/recommend?user={draw.choice(users)}&k={K}",
            "recommend": lambda: f"/api/v1/recommend?user={draw.choice(users)}&k={K}&max_per_artist=3",
            "similar": lambda: f"/api/v1/similar?song={draw.choice(songs)}&k={K}",
            "listeners": lambda: f"/api/v1/listeners?song={draw.choice(songs)}&k={K}",
        }
        print(f"\n{n_songs:,} songs, {len(users):,} listeners: p50, p99 in ms, requests a second")
        for kind, path in kinds.items():
            ask(port, key, [path() for _ in range(CLIENTS)], CLIENTS)  # the first are made ready
            for clients, asked in ((CLIENTS, ASKED), (1, ASKED // 10)):
                paths = [path() for _ in range(asked if n_songs <= 100_000 else asked // 10)]
                took, together = ask(port, key, paths, clients)
                p50, p99 = 1000 * np.quantile(took, [0.5, 0.99])
                rate = len(took) / together
                found |= {f"{kind}_{clients}": p99, f"{kind}_{clients}_rate": rate}
                print(f"{kind:10} {clients:3} at once {p50:8.1f} {p99:8.1f} {rate:8.0f}", flush=True)
        found["peak_gb"] = _peak(server.pid) / 1e9
        now = psutil.Process(server.pid).memory_info().rss / 1e9
        print(f"starts in {found['start_s']:.1f} s; peak {found['peak_gb']:.2f} GB, now {now:.2f} GB")
        return found
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()


def _peak(pid: int) -> int:
    """Largest resident size so far of one process, in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    while True:
        assert server.poll() is None, "the server ended"
        try:
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.settimeout(1)
                connection.sendall(f"GET /api/v1/health HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode())
                if b'"ok"' in connection.recv(10_000):
                    return
        except OSError:
            pass
        time.sleep(0.05)


def main() -> None:
    """Measure each size; the last line is of the last."""
    told = {}
    for n_songs in map(int, sys.argv[1:] or (1000, 100_000)):
        with tempfile.TemporaryDirectory() as folder:
            found = measure(n_songs, Path(folder))
        told = {
            "songs": n_songs,
            "recommend_p99_ms": round(found[f"recommend_{CLIENTS}"], 1),
            "similar_p99_ms": round(found[f"similar_{CLIENTS}"], 1),
            "requests_per_s": round(found[f"recommend_{CLIENTS}_rate"]),
            "over_nothing": round(found[f"recommend_{CLIENTS}"] / found[f"health_{CLIENTS}"], 2),
            "together_over_alone": round(found[f"recommend_{CLIENTS}_rate"] / found["recommend_1_rate"], 2),
            "peak_gb": round(found["peak_gb"], 2),
            "start_s": round(found["start_s"], 1),
        }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
