"""The tiny world of tests/releases with a listener of a random name in it, and two releases."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from earshot.serve.playlist_store import Playlists
from tests.releases import tiny_workspace
from tests.releases.tiny_workspace import Repository, World, write_model, write_repository

LISTENER = "u003f7Qx2Lw9Rk4Zt8Vb3Nc6Hd1Pf5Gj"
"""32 characters, and where it stands among the others by its order."""


class WithListener(World):
    def __init__(self, *arguments: int) -> None:
        super().__init__(*arguments)
        self.user_ids[3] = LISTENER


def write_two_releases(root: Path) -> Repository:
    """Released, pushed to the remote `<root>-remote`, committed; and once more with another model."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tiny_workspace, "World", WithListener)
        repository = write_repository(root)
    repository.run("dvc", "remote", "add", "-d", "store", f"{root}-remote")
    for seed in (1, 2):
        write_model(root / "made", seed=seed)
        repository.repro()
        repository.commit()
        repository.run("dvc", "push", "-q")
        repository.run("dvc", "push", "-q", "--run-cache")
    Playlists(root).write(LISTENER, None, "mine", ["s001"])
    waiting = root / "data" / "inbox" / "more"
    waiting.mkdir(parents=True)
    (waiting / "plays.csv").write_text(f"user_id,song_id,play_count\n{LISTENER},s001,3\nu001,s002,2\n")
    for name in ("play_counts", "training_set"):
        without(root / "made" / name)
    return repository


def without(folder: Path) -> None:
    """Do what the real stages do after a delivery without the listener: here they only copy this."""
    users, plays = (pd.read_parquet(folder / f"{name}.parquet") for name in ("users", "plays"))
    row = int(np.flatnonzero(users["user_id"] == LISTENER)[0])
    plays = plays[plays["user"] != row]
    plays = plays.assign(user=plays["user"] - (plays["user"] > row))
    users.drop(index=row).to_parquet(folder / "users.parquet", index=False)
    plays.to_parquet(folder / "plays.parquet", index=False)


def copy(repository: Repository, folder: Path) -> Repository:
    """Of the workspace and its remote."""
    root = folder / "workspace"
    shutil.copytree(repository.root, root, symlinks=True)
    shutil.copytree(f"{repository.root}-remote", f"{root}-remote")
    found = Repository(root)
    found.run("dvc", "remote", "modify", "--local", "store", "url", f"{root}-remote")
    return found
