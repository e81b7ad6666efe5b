"""A state of songs that nobody delivered, as a server holds it, without a workspace behind it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from earshot.serve.app import Server, make_server
from earshot.serve.safety import Settings
from earshot.serve.snapshot import Snapshot


def made_up(root: Path, n_songs: int, seed: int, title: str = "Title") -> Snapshot:
    """Look-alike songs of 60 kinds, 100 factors; nobody has played every tenth one, and one is withdrawn."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(0, 60, n_songs)
    strength = 0.5 ** (np.arange(100) / 6)  # as of a factorization
    vectors = strength * (rng.standard_normal((60, 100))[kinds] + rng.standard_normal((n_songs, 100)))
    numbers = range(n_songs)
    songs = pd.Index([f"song{n:07d}" for n in numbers], name="song_id", dtype=object)
    new = np.arange(n_songs) % 10 == 0
    catalogue = {
        "title": [f"{title} {n}" for n in numbers],
        "artist": [f"Artist {n // 8}" for n in numbers],
        "artist_id": [f"a{n // 8}" for n in numbers],
        "genres": [f"genre {kind % 12};tag {kind}" for kind in kinds.tolist()],
        "withdrawn": np.arange(n_songs) == 7,
    }
    snapshot = Snapshot(root, "0" * 12, {})
    # what would otherwise be read of the files of a workspace
    vars(snapshot).update(
        name=f"made-up-{n_songs}-{seed}",
        songs=pd.DataFrame({"n_listeners": np.where(new, 0, 3), "heard": True, "unlike": False}, songs),
        catalogue=pd.DataFrame(catalogue, songs),
        recordings=pd.DataFrame({"audio": None}, songs),
        is_new=new,
        _vectors={"item_factors.npy": vectors.astype(np.float32)},
    )
    return snapshot


def server_of(snapshot: Snapshot) -> Server:
    """There is no dvc.lock where it looks that would name another state."""
    server = make_server(snapshot.root, Settings(rate=1e6, burst=1e6))
    server.live._snapshot = snapshot
    return server
