"""A workspace as the training lane leaves it: made-up songs whose traits are heard and liked."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile

from earshot.catalogue.play_counts import write_play_counts
from earshot.files import write_json
from earshot.params import Params, WmfSettings, load_params
from earshot.stages import wmf_factors, wmf_search
from earshot.stages.paths import Paths
from earshot.store.reader import write_store
from earshot.store.rows import FAMILIES, ImageFormat, Row
from earshot.store.shards import write_shard
from earshot.versioning import PreviousOutput

GENRES = ["dub", "folk", "house; deep house", ""]


def paths_of(root: Path, stage: str) -> Paths:
    folders = [root / "work" / stage / name for name in ("output", "kept", "failed")]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    return Paths(root, *folders, PreviousOutput(root / "cache", None))


def write_workspace(root: Path, n_songs: int = 120, n_users: int = 80) -> Params:
    """Write training_set, wmf_factors (by its stage), cnn_checkpoint/curves.csv and predicted_factors."""
    draw = np.random.default_rng(7)
    traits = draw.standard_normal((n_songs, 4))
    songs = _songs(n_songs, traits)
    training_set = root / "data" / "training_set"
    _write_plays(training_set, songs, traits, n_users, draw)
    songs.to_parquet(training_set / "songs.parquet")
    (root / "data" / "fold_models").mkdir()
    (root / "data" / "fold_models" / "summary.json").write_text(json.dumps({"folds": []}))
    (training_set / "summary.json").write_text(json.dumps({"set_aside": {"files that do not decode": 3}}))
    _write_images(training_set / "hyper_images", songs, traits, draw)
    _write_clips(training_set / "clips", songs, traits)
    params = load_params(Path(__file__).parents[2] / "params.yaml")
    params = replace(params, wmf_factors=WmfSettings(20, 2.0, 1e-6, 100.0, 15))
    paths = paths_of(root, "wmf_search")
    wmf_search.run(paths, params)
    paths.output.rename(root / "data" / "wmf_search")
    paths = paths_of(root, "wmf_factors")
    wmf_factors.run(paths, params)
    paths.output.rename(root / "data" / "wmf_factors")
    _write_predictions(root / "data", songs, traits)
    return params


def _songs(n_songs: int, traits: np.ndarray) -> pd.DataFrame:
    number = np.arange(n_songs)
    return pd.DataFrame(
        {
            "song_id": [f"song-{n:04}" for n in number],
            "artist_id": [f"artist-{n // 4:03}" for n in number],
            "artist": [f"Artist {n // 4}" for n in number],
            "title": [f"Title & <b>{n}</b>" if n % 9 else "" for n in number],
            "genres": [GENRES[int(trait > 0) + 2 * int(other > 0)] for trait, other in traits[:, :2]],
            "cold": number % 4 == 0,
            "n_listeners": 1,  # not counted here: nobody asks
        }
    )


def _write_plays(
    folder: Path, songs: pd.DataFrame, traits: np.ndarray, n_users: int, draw: np.random.Generator
) -> None:
    folder.mkdir(parents=True)
    affinity = draw.standard_normal((n_users, 4)) @ traits.T + draw.standard_normal((n_users, len(songs)))
    users, items = np.nonzero(affinity > np.quantile(affinity, 0.85))
    plays = pd.DataFrame({"user": users, "item": items, "play_count": 1 + draw.poisson(2, len(users))})
    heard = np.unique(items)
    plays["item"] = np.searchsorted(heard, items)
    user_ids = np.array([f"user-{n:04}" for n in range(n_users)], dtype=object)
    write_play_counts(folder, user_ids, songs["song_id"].to_numpy(dtype=object)[heard], plays)


def _write_images(folder: Path, songs: pd.DataFrame, traits: np.ndarray, draw: np.random.Generator) -> None:
    rows = tuple(Row(f"{family}_{n}", family, 0.0, 1.0) for family in FAMILIES for n in range(4))
    (folder / "shards").mkdir(parents=True)
    level = 128 + 40 * np.tile(traits, len(FAMILIES))[:, None]
    images = np.clip(level + draw.normal(0, 10, (len(songs), 60, len(rows))), 0, 255).astype(np.uint8)
    write_shard(folder / "shards" / "all.npy", list(images), len(rows))
    index = songs[["song_id"]].assign(shard="all", first_frame=60 * np.arange(len(songs)), n_frames=60)
    write_store(folder, ImageFormat("a-key", 22050, 512, rows), index)


def _write_clips(folder: Path, songs: pd.DataFrame, traits: np.ndarray) -> None:
    folder.mkdir()
    chosen = songs[songs["cold"]].index[:8]
    for number, song in enumerate(chosen):
        tone = 0.3 * np.sin(2 * np.pi * 220 * 2 ** (traits[song, 0] / 2) * np.arange(8000) / 8000)
        soundfile.write(folder / f"{number}.ogg", tone, 8000)
    table = {"song_id": songs["song_id"][chosen], "clip": [f"{n}.ogg" for n in range(8)], "source": "made-up"}
    pd.DataFrame(table).to_parquet(folder / "clips.parquet")


def _write_predictions(data: Path, songs: pd.DataFrame, traits: np.ndarray) -> None:
    """Factors as a function of the traits, fitted where they are known: a perfect ear."""
    warm = pd.read_parquet(data / "wmf_factors" / "items.parquet")["song_id"]
    factors = np.load(data / "wmf_factors" / "item_factors.npy")
    known = songs.set_index("song_id").index.get_indexer(warm)
    heard = np.column_stack([traits, np.ones(len(traits))])
    weights, *_ = np.linalg.lstsq(heard[known], factors, rcond=None)
    predicted = data / "predicted_factors"
    predicted.mkdir()
    np.save(predicted / "item_factors.npy", (heard @ weights).astype(np.float32))
    songs[["song_id"]].to_parquet(predicted / "items.parquet")
    (data / "cnn_checkpoint").mkdir()
    named = {"name": "toy+factors_mse", "encoder": "toy", "objective": "factors_mse", "space": "wmf"}
    write_json(data / "cnn_checkpoint" / "summary.json", {"candidate": named})
    (data / "cnn_checkpoint" / "curves.csv").write_text(
        "epoch,training_loss,validation_loss\n0,1.0,0.9\n1,0.6,0.7\n2,0.5,0.75\n"
    )
