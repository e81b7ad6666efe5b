"""A real repository with a tiny world in it.

`made/` holds what the stages before release would make; their stages only copy
it. release, served_factors and recommendations are the real ones.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from typer.testing import CliRunner

from earshot.catalogue.play_counts import read_play_counts, write_play_counts
from earshot.catalogue.split import cold, validation
from earshot.cli.main import app
from earshot.deliveries.ingest import ingest
from earshot.evaluation.cold_start import read_cold_start
from earshot.factors.numbers import write_numbers
from earshot.factors.solves import confidence, solve_rows
from earshot.files import parse_yaml, replace_arrays, write_json, write_table
from earshot.params import ServedQuality, Split, TrainingSet, WmfFactors
from earshot.predictors.load import load_encoder, predict, save_encoder
from earshot.predictors.song_encoder import EncoderDescription, build
from earshot.recommend.held_out_lists import Recipe, refit, serve_held_out
from earshot.recommend.list_rules import NO_RULES
from earshot.spaces.placing import Placed
from earshot.spaces.wmf import WmfSpace
from earshot.stages.fold_models import KEPT
from earshot.stages.held_out import read_held_out
from earshot.stages.training_set import write_other_split
from earshot.store.reader import HyperImageStore, write_store
from earshot.store.rows import ImageFormat, Row
from earshot.store.shards import write_shard
from tests.deliveries.workspaces import sound

PROJECT = Path(__file__).parents[2]
TOY = "tests.releases.toy_encoder:Means"
OWN_ENCODER = "file: src/earshot/encoders/blocks.py # or a file of yours\n    class: Blocks"
"""As params.yaml names it."""
FACTORS = 4
NUMBERS = WmfFactors(FACTORS, alpha=2.0, epsilon=1.0, regularization=10.0, iterations=15)
N_SONGS = 96
SHARDS = {0: 32, 32: 64, 64: 92, 92: 96}
UNHEARD = range(92, 96)
WITHDRAWN = "s003"
GENRES = ("rock", "jazz;rare", "jazz", "rock")
"""Of the songs, in turn."""
HEARD = "data/deliveries/music/audio/one.wav"
CHECKS = {
    "wmf_search": [],
    "wmf_factors": ["objective_falls", "objective_converged"],
    "cnn_checkpoint": ["validation_loss_falls"],
    "fold_models": [],
    "predicted_factors": [],
    "warm_up": ["first_listeners_push_nothing_down"],
    "served_quality": [],
    "evaluation_report": ["candidate_beats_random"],
}
SPLIT = Split(by="song", folds=2, fold=0)
NAMED = {
    "name": "toy_encoder+factors_mse",
    "encoder": "toy_encoder",
    "objective": "factors_mse",
    "space": "wmf",
}


@dataclass(frozen=True)
class Repository:
    root: Path

    def run(self, *command: str, succeeds: bool = True) -> str:
        environment = os.environ | {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "OMP_NUM_THREADS": "1",
            "EARSHOT_PROGRESS": "always",  # tests read out of it what was done anew
        }
        done = subprocess.run(
            command,
            cwd=self.root,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert (done.returncode == 0) == succeeds, f"{command}: exit {done.returncode}\n{done.stdout}"
        return done.stdout

    def earshot(self, *arguments: str) -> str:
        """The output of a command, in this process; its UserError as it is."""
        with contextlib.chdir(self.root):
            ran = CliRunner().invoke(app, arguments, catch_exceptions=False)
        return ran.stdout

    def repro(self, *arguments: str, succeeds: bool = True) -> str:
        return self.run("dvc", "repro", *arguments, succeeds=succeeds)

    def commit(self) -> None:
        self.run("git", "add", "-A")
        self.run("git", "commit", "-qm", "state")

    def pointer(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.root / "releases" / "current.json").read_text())
        return content

    def decisions(self) -> dict[str, dict[str, Any]]:
        folder = self.root / "releases" / "decisions"
        return {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}

    def read(self, name: str) -> pd.DataFrame:
        return pd.read_parquet(self.root / "data" / name)

    def set_param(self, old: str, new: str) -> None:
        path = self.root / "params.yaml"
        assert path.read_text().count(old) == 1
        path.write_text(path.read_text().replace(old, new))


class World:
    """Songs of 48 artists, the last four never played; what a song is like can be seen in its image."""

    def __init__(self, n_songs: int = N_SONGS, n_users: int = 120) -> None:
        rng = np.random.default_rng(7)
        self.song_ids = np.array([f"s{n:03d}" for n in range(n_songs)], dtype=object)
        self.artist_ids = np.array([f"a{n // 2:02d}" for n in range(n_songs)], dtype=object)
        artists = rng.standard_normal((n_songs // 4, FACTORS))
        self.traits = np.repeat(artists, 4, axis=0) + 0.5 * rng.standard_normal((n_songs, FACTORS))
        self.user_ids = np.array([f"u{n:03d}" for n in range(n_users)], dtype=object)
        liking = rng.standard_normal((n_users, FACTORS)) @ self.traits.T
        self.played = rng.random((n_users, n_songs)) < 1 / (1 + np.exp(2.5 - 2 * liking))
        self.played[:, list(UNHEARD)] = False
        self.cold = cold(self.song_ids, self.artist_ids, SPLIT)

    def write_plays(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        heard = np.flatnonzero(self.played.any(axis=0))
        users, items = np.nonzero(self.played[:, heard])
        plays = pd.DataFrame({"user": users, "item": items, "play_count": 1 + (users + items) % 5})
        write_play_counts(folder, self.user_ids, self.song_ids[heard], plays)

    def folded_in(self, made: Path, song_ids: np.ndarray) -> np.ndarray:
        """Where the listeners of `made`/wmf_factors put songs that it has not seen, float32 (n_songs, d)."""
        plays = read_play_counts(made / "training_set")
        counts = confidence(plays.matrix, alpha=2.0, epsilon=1.0)
        columns = np.searchsorted(plays.song_ids, song_ids)
        users = np.load(made / "wmf_factors" / "user_factors.npy")
        return solve_rows(counts[:, columns].T.tocsr(), users, regularization=10.0)

    def write_images(self, folder: Path, feature_key: str = "key-1", n_songs: int = N_SONGS) -> None:
        (folder / "shards").mkdir(parents=True)
        rows = tuple(Row(f"mel_{n}", "mel", 0.0, 1.0) for n in range(FACTORS))
        parts = [self._write_shard(folder / "shards", first) for first in SHARDS if first < n_songs]
        write_store(folder, ImageFormat(feature_key, 22050, 512, rows), pd.concat(parts))

    def _write_shard(self, folder: Path, first: int) -> pd.DataFrame:
        rng = np.random.default_rng(first)
        songs = slice(first, SHARDS[first])
        lengths = 8 + np.arange(len(self.song_ids[songs])) % 5
        images = [
            np.clip(128 + 25 * traits + 10 * rng.standard_normal((n, FACTORS)), 0, 255).astype(np.uint8)
            for traits, n in zip(self.traits[songs], lengths, strict=True)
        ]
        shard = f"shard{first:03d}"
        write_shard(folder / f"{shard}.npy", images, FACTORS)
        table = pd.DataFrame({"song_id": self.song_ids[songs], "n_frames": lengths})
        table["first_frame"] = np.cumsum(lengths) - lengths
        write_table(folder / f"{shard}.parquet", table)
        return table.assign(shard=shard)

    def write_catalogue(self, folder: Path) -> None:
        (folder / "parts").mkdir(parents=True)
        write_table(folder / "parts" / "music-0123456789abcdef.parquet", self.songs()[["song_id"]])
        write_table(folder / "songs.parquet", self.songs())

    def songs(self) -> pd.DataFrame:
        """All, of the delivery `music`, which brings the sound of the first one alone."""
        n_songs = len(self.song_ids)
        return pd.DataFrame(
            {
                "song_id": self.song_ids,
                "artist_id": self.artist_ids,
                "artist": [f"Artist {artist_id}" for artist_id in self.artist_ids],
                "title": [f"Title {song_id}" for song_id in self.song_ids],
                "genres": [GENRES[n % len(GENRES)] for n in range(n_songs)],
                "audio": [HEARD if n == 0 else None for n in range(n_songs)],
                "delivery": "music",
                "withdrawn": self.song_ids == WITHDRAWN,
            }
        )

    def write_training_set(
        self, folder: Path, feature_key: str = "key-1", validation_share: float = 0.1
    ) -> None:
        self.write_plays(folder)
        self.write_images(folder / "hyper_images", feature_key)
        songs = self.songs().drop(columns="withdrawn")
        stops = ~self.cold & self.played.any(axis=0) & validation(self.song_ids, validation_share)
        columns = {"cold": self.cold, "n_listeners": self.played.sum(axis=0), "validation": stops}
        write_table(folder / "songs.parquet", songs.assign(**columns))
        write_json(folder / "summary.json", {})


def write_model(made: Path, seed: int, learned: bool = True) -> None:
    """What training would make of `made`/training_set; with `learned` false, of factors out of order."""
    for name in CHECKS:
        shutil.rmtree(made / name, ignore_errors=True)
        (made / name).mkdir()
    write_numbers(made / "wmf_search", NUMBERS)
    _write_factors(made, seed)
    _write_encoder(made, seed, learned)
    store = HyperImageStore.open(made / "training_set" / "hyper_images")
    predicted = predict(load_encoder(made / "cnn_checkpoint", [TOY]), store, np.arange(len(store.songs)))
    np.save(made / "predicted_factors" / "item_factors.npy", predicted)
    write_table(made / "predicted_factors" / "items.parquet", store.songs[["song_id"]])
    write_json(made / "warm_up" / "warm_up.json", {"n0": 20.0})
    _write_lists(made, Placed(store.songs["song_id"].to_numpy(dtype=object), predicted))
    candidates = len(read_cold_start(made / "training_set").song_ids)
    noise = np.random.default_rng(seed).standard_normal((2, candidates, FACTORS)).astype(np.float32)
    replace_arrays(made / "evaluation_report" / "baselines.npz", linear_bow=noise[0], artist_mean=noise[1])
    systems = {"candidate": {"map_at_500": 0.25, "auc": 0.75}}
    write_json(made / "evaluation_report" / "metrics.json", {"systems": systems})
    write_json(made / "evaluation_report" / "headline.json", {})
    for name, checks in CHECKS.items():
        held = [{"name": check, "passed": True} for check in checks]
        write_json(made / name / "summary.json", {"checks": held, "candidate": NAMED})


def _write_lists(made: Path, predicted: Placed) -> None:
    """As the stage served_quality does, with the parameters of `_write_pipeline`."""
    held_out = read_held_out(made / "training_set", ServedQuality(0.1, 5000))
    space = WmfSpace.read(made / "wmf_factors")
    refitted = refit(space, held_out.known, Recipe(NUMBERS.iterations, seed=0))
    question = (held_out.known, held_out.asked, held_out.song_ids)
    lists = serve_held_out(*question, predicted, refitted, 20.0).lists(held_out.maker(NO_RULES))
    np.save(made / "served_quality" / "lists.npy", lists.songs)


def write_fold_model(made: Path, seed: int) -> None:
    """What training would make of `made`/training_set with the other half of the songs held out."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("training_set", "wmf_factors", "cnn_checkpoint"):
            (Path(folder) / name).mkdir()
        settings = TrainingSet(replace(SPLIT, fold=1), validation_share=0.1)
        write_other_split(made / "training_set", Path(folder) / "training_set", settings)
        _write_factors(Path(folder), seed)
        _write_encoder(Path(folder), seed, learned=True)
        (made / "fold_models" / "1").mkdir()
        for stage, names in KEPT.items():
            for name in names:
                shutil.copy(Path(folder) / stage / name, made / "fold_models" / "1")


def _write_factors(made: Path, seed: int) -> None:
    plays = read_play_counts(made / "training_set")
    songs = pd.read_parquet(made / "training_set" / "songs.parquet")
    warm = ~np.isin(plays.song_ids, songs.loc[songs["cold"], "song_id"])
    counts = confidence(plays.matrix[:, warm], NUMBERS.alpha, NUMBERS.epsilon)
    items = np.random.default_rng(seed).standard_normal((warm.sum(), FACTORS)).astype(np.float32)
    for _ in range(8):
        users = solve_rows(counts, items, NUMBERS.regularization)
        items = solve_rows(counts.T.tocsr(), users, NUMBERS.regularization)
    folder = made / "wmf_factors"
    write_numbers(folder, NUMBERS)
    np.save(folder / "user_factors.npy", users)
    np.save(folder / "item_factors.npy", items)
    write_table(folder / "users.parquet", pd.DataFrame({"user_id": plays.user_ids}))
    write_table(folder / "items.parquet", pd.DataFrame({"song_id": plays.song_ids[warm]}))


def _write_encoder(made: Path, seed: int, learned: bool) -> None:
    import torch

    store = HyperImageStore.open(made / "training_set" / "hyper_images")
    items = pd.read_parquet(made / "wmf_factors" / "items.parquet")["song_id"]
    heard = np.stack([255 * store.image(song_id).mean(axis=1) for song_id in items])
    targets = np.load(made / "wmf_factors" / "item_factors.npy")
    if not learned:
        targets = np.random.default_rng(seed).permutation(targets)
    line = np.linalg.lstsq(np.column_stack([heard, np.ones(len(heard))]), targets)[0]
    description = EncoderDescription(TOY, {}, list(range(FACTORS)), FACTORS, 4, store.feature_key)
    encoder = build(description)
    with torch.no_grad():
        encoder.network.line.weight.copy_(torch.from_numpy(line[:-1].T))
        encoder.network.line.bias.copy_(torch.from_numpy(line[-1]))
    save_encoder(made / "cnn_checkpoint", encoder, description)


def write_repository(root: Path, validation_share: float = 0.1) -> Repository:
    """The tiny world in a repository, its first model made, nothing run yet."""
    world, made = World(), root / "made"
    world.write_training_set(made / "training_set", validation_share=validation_share)
    world.write_plays(made / "play_counts")
    world.write_images(made / "hyper_images")
    world.write_catalogue(made / "raw_audio")
    write_model(made, seed=1)
    _write_pipeline(root)
    repository = Repository(root)
    repository.run("git", "init", "-q")
    repository.run("git", "config", "user.name", "tester")
    repository.run("git", "config", "user.email", "tester@example.org")
    repository.run("dvc", "init", "-q")
    shutil.copy(PROJECT / ".dvc" / "config", root / ".dvc" / "config")
    (root / ".gitignore").write_text(".earshot/\n")
    (root / ".dvcignore").write_text(".earshot\n")
    ingest(_write_delivery(root / "made" / "music"), root)
    repository.commit()
    return repository


def _write_delivery(folder: Path) -> Path:
    (folder / "audio").mkdir(parents=True)
    (folder / "audio" / "one.wav").write_bytes(sound())
    (folder / "songs.csv").write_text("song_id,audio\ns000,audio/one.wav\n")
    return folder


def _write_pipeline(root: Path) -> None:
    stages = parse_yaml((PROJECT / "dvc.yaml").read_text())["stages"]
    del stages["drift"], stages["pages"]
    for name, stage in stages.items():
        stage["deps"] = [dep for dep in stage["deps"] if dep.startswith(("data/", "releases/"))]
        if name in ("release", "served_factors", "recommendations"):
            paths = shlex.quote(f"{PROJECT}/src:{PROJECT}")
            stage["cmd"] = stage["cmd"].replace("PYTHONPATH=src", f"PYTHONPATH={paths}")
        else:
            stage["deps"] = [
                *(dep for dep in stage["deps"] if not re.search("deliveries|[$]", dep)),
                f"made/{name}",
            ]
            stage["cmd"] = f"mkdir -p data && cp -r made/{name} data/{name}"
    write_json(root / "dvc.yaml", {"stages": stages})
    params = (PROJECT / "params.yaml").read_text()
    for old, new in {
        "folds: 4": "folds: 2",
        OWN_ENCODER: f"class_path: {TOY}",
        "init_args: {families: [mel, artist]}": "init_args: {}",
    }.items():
        assert params.count(old) == 1
        params = params.replace(old, new)
    (root / "params.yaml").write_text(params)
