"""A workspace that has a release of earshot's own classes to share, made without running a stage."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import torch

from earshot import versioning
from earshot.files import read_json, write_json, write_table
from earshot.predictors.load import save_encoder
from earshot.predictors.song_encoder import EncoderDescription, build
from earshot.releases import Manifest
from earshot.releases.candidate import MODEL, NUMBERS, REPORT, model_name
from earshot.releases.manifest import write_pointer
from tests.deliveries.workspaces import empty_workspace
from tests.releases.archives import OWN, PARAMS, SMALL
from tests.releases.tiny_workspace import FACTORS, PROJECT, SPLIT, World, write_model

N0 = 20.0
TRAINING = asdict(PARAMS.cnn_checkpoint) | {
    "encoder": {"class_path": OWN, "init_args": SMALL},
    "window_seconds": 0.093,  # 4 frames
    "max_epochs": 1,
    "min_steps": 0,
    "augment": None,
}


def importing_workspace(root: Path) -> Path:
    """One in which nothing was done yet, with the pipeline of this project."""
    empty_workspace(root)
    shutil.copyfile(PROJECT / "dvc.yaml", root / "dvc.yaml")
    return root


def write_home(root: Path, n_users: int = 120, own: bool = True) -> Manifest:
    """The tiny world with so many listeners, and its release.

    Its encoder is a small one of earshot's `own`, which has learned nothing, or that of the tests.
    """
    importing_workspace(root)
    world, data = World(n_users=n_users), root / "data"
    world.write_training_set(data / "training_set")
    write_json(data / "training_set" / "summary.json", {"set_aside": {"audio files set aside": 4}})
    write_model(data, seed=1)
    if own:
        torch.manual_seed(0)
        description = EncoderDescription(OWN, SMALL, list(range(FACTORS)), FACTORS, 4, "key-1")
        save_encoder(data / "cnn_checkpoint", build(description), description)
    figures = {"map_at_500": 0.25, "auc": 0.75, "auc_ci95_artists": [0.7, 0.8]}
    write_json(data / REPORT, {"systems": {"candidate": figures}})
    (data / "raw_audio").mkdir()
    songs = world.songs()[["song_id"]].assign(
        audio_md5=lambda songs: [md5(name) for name in songs["song_id"]]
    )
    write_table(data / "raw_audio" / "songs.parquet", songs)
    files = {name: _kept(root, data / name) for name in (*MODEL, NUMBERS, REPORT)}
    release = Manifest(
        release=model_name(files, N0),
        number=1,
        previous=None,
        feature_key="key-1",
        split=asdict(SPLIT),
        files=files,
        outputs={"training_set": _kept_folder(root, data / "training_set")},
        params={"wmf_factors": read_json(data / NUMBERS), "cnn_checkpoint": TRAINING},
        metrics={"candidate": {"map_at_500": 0.25, "auc": 0.75}},
        n0=N0,
    )
    (root / "releases").mkdir()
    write_pointer(root / "releases" / "current.json", release)
    return release


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def _kept(root: Path, file: Path) -> str:
    """The md5 of `file`, which is in DVC's cache from now on."""
    found = versioning.file_md5(file)
    versioning.add_object(versioning.cache_folder(root), found, file)
    return found


def _kept_folder(root: Path, folder: Path) -> str:
    """The same of a folder, as DVC names one."""
    listed = [
        {"md5": _kept(root, path), "relpath": path.relative_to(folder).as_posix()}
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]
    text = json.dumps(listed)
    place = versioning.cache_path(versioning.cache_folder(root), f"{md5(text)}.dir")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    return f"{md5(text)}.dir"


def ids_in(root: Path) -> set[str]:
    """Every id of a listener of the home `root`."""
    return set(pd.read_parquet(root / "data" / "wmf_factors" / "users.parquet")["user_id"])
