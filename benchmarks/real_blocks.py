"""Claim: on real music a frozen network and genres place songs better than statistics of their sound.

    python benchmarks/real_blocks.py DELIVERY WORK [WHEEL]

DELIVERY is a folder in earshot's own format, of real clips with real plays; the figures on the page are of
521 clips of 30 s by 348 artists, with plays of Last.fm listeners that were counted by artist, so that songs
are held out by artist alone. In WORK, a clone of the project, it is taken in and its catalogue lane is run,
with MusiCNN's two sets of weights out of WHEEL (else downloaded): of MagnaTagATune (MTT), and of the Million
Song Dataset (MSD), whose tags come from Last.fm and have probably heard these artists: what it says of a cold
artist's song is not cold.

Ridge regression on blocks (`earshot.evaluation.block_trials`), five folds of artists, three partitions, three
seeds of the factorization; its numbers are those that the stage wmf_search chooses on the warm songs of the
first fold. Then the head over blocks (`earshot.encoders.blocks`) through the stages' own functions, on the
folds of the split of params.yaml, each the average of three seeds. Differences are paired, intervals are over
artists. An interrupted run goes on.

The last line is JSON: by configuration auc, auc_centred and map_at_500, and more than statistics `auc_more`,
`auc_centred_more`, with `_low` ends; `heads` likewise, beside ridge on the same folds; and `bars`: whether
each holds.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import numpy as np
import pandas as pd

from earshot.arrays import is_among
from earshot.catalogue.play_counts import read_play_counts
from earshot.catalogue.split import cold
from earshot.classes import Component
from earshot.columns import SONG_ID
from earshot.evaluation import tables
from earshot.evaluation.block_trials import HeldOutFold, artist_folds, fold_of
from earshot.evaluation.protocol import Result, System, evaluate, pool
from earshot.factors.numbers import read_numbers
from earshot.files import parse_yaml, replace_arrays
from earshot.lanes.advise import SOUND, Blocks, read_blocks
from earshot.params import Params, load_params
from earshot.predictors.load import load_encoder, predict
from earshot.processes import progress
from earshot.stages.cnn_checkpoint import write_encoder
from earshot.stages.paths import Paths
from earshot.stages.training_set import hold_out, split_ids
from earshot.stages.wmf_factors import write_factors
from earshot.store.reader import HyperImageStore
from earshot.versioning import PreviousOutput

PROJECT = Path(__file__).parents[1]
PARTITIONS, SEEDS, FOLDS, K = 3, 3, 5, 500
PENULTIMATE = 200
"""Of the vector of MusiCNN; behind them stand the pooled layers."""
RIDGE = {
    "statistics": (SOUND,),
    "genres": ("genres",),
    "statistics + genres": (SOUND, "genres"),
    "MTT": ("mtt",),
    "MTT pooled": ("mtt", "mtt_pooled"),
    "MSD": ("msd",),
    "MSD pooled": ("msd", "msd_pooled"),
    "MTT + genres": ("mtt", "genres"),
    "MTT pooled + genres": ("mtt", "mtt_pooled", "genres"),
    "MSD + genres": ("msd", "genres"),
    "MSD pooled + genres": ("msd", "msd_pooled", "genres"),
    "statistics + MTT + genres": (SOUND, "mtt", "genres"),
}
HEADS = {"head: MTT + genres": ["mtt", "metadata"]}
USERS, HEAD_USERS = "users", "users of heads"
Results = dict[str, Result]


def main(delivery: str, work: str, wheel: str | None = None) -> None:
    """Prepare, try all folds, print."""
    root = prepare(Path(delivery), Path(work) / "workspace", wheel)
    for name in ("folds", "heads"):
        (Path(work) / name).mkdir(exist_ok=True)
    ridge = pooled(try_ridge(root, Path(work) / "folds"))
    heads = pooled(try_heads(root, Path(work) / "heads"))
    found = described(ridge, "statistics")
    found_heads = described(heads, "statistics")
    show(found)
    show(found_heads)
    genres = tables.compare(ridge["MTT + genres"], ridge["genres"], K)
    print(f"MTT + genres over genres alone: {gain(genres, 'auc')}, centred {gain(genres, 'auc_centred')}")
    print(json.dumps({"ridge": found, "heads": found_heads, "bars": bars(found)}))


def prepare(delivery: Path, root: Path, wheel: str | None) -> Path:
    """A clone with the delivery taken in, its images and frozen vectors made, and numbers chosen."""
    if not root.is_dir():
        subprocess.run(["git", "clone", "--quiet", str(PROJECT), str(root)], check=True)
    params = root / "params.yaml"
    content = parse_yaml(params.read_text())
    content["training_set"]["split"] = {"by": "artist", "folds": FOLDS, "fold": 0}
    file = "src/earshot/families/musicnn.py"
    layers = ["penultimate", "pooled"]
    content["hyper_images"]["families"] = [
        {"file": file, "class": "MusiCNN", "init_args": {"weights": weights, "layers": layers, "name": name}}
        for name, weights in (("mtt", "MTT"), ("msd", "MSD"))
    ] + [
        {"file": "src/earshot/families/metadata.py", "class": "Metadata", "init_args": {"fields": ["genres"]}}
    ]
    params.write_text(json.dumps(content))  # JSON is YAML
    earshot = [sys.executable, "-m", "earshot"]
    environment = {**os.environ, "PYTHONPATH": str(root / "src")}
    for weights in ("MTT", "MSD"):
        if not (root / "pretrained" / f"musicnn-{weights}.npz").is_file():
            given = ["--wheel", wheel] if wheel else []
            command = [*earshot, "features", "musicnn", "--weights", weights, *given]
            subprocess.run(command, cwd=root, env=environment, check=True)
    subprocess.run([*earshot, "ingest", str(delivery.resolve())], cwd=root, env=environment, check=True)
    subprocess.run(
        [sys.executable, "-m", "dvc", "repro", "-q", "wmf_search"], cwd=root, env=environment, check=True
    )
    return root


def try_ridge(root: Path, kept: Path) -> Iterator[Results]:
    """Results of one fold after another; vectors of folds that are done lie in `kept`."""
    training_set = root / "data" / "training_set"
    plays, songs = read_play_counts(training_set), played_songs(training_set)
    numbers = read_numbers(root / "data" / "wmf_search")
    blocks = blocks_of(training_set, songs)
    wanted = [
        (partition, seed, fold, held_out)
        for partition in range(PARTITIONS)
        for seed in range(SEEDS)
        for fold, held_out in enumerate(artist_folds(songs, FOLDS, partition))
    ]
    for partition, seed, number, held_out in progress(wanted, description="Ridge regressions", unit="folds"):
        path = kept / f"{partition}-{seed}-{number}.npz"
        if not path.is_file():
            fold = fold_of(plays, songs, held_out, numbers, seed)
            assert fold is not None
            replace_arrays(path, **{USERS: fold.users}, **predictions(fold, blocks))
        question = fold_of(plays, songs, held_out, replace(numbers, iterations=1), 0)
        assert question is not None
        yield evaluated(np.load(path), question)


def predictions(fold: HeldOutFold, blocks: Blocks) -> dict[str, np.ndarray]:
    """Of every configuration, (n_candidates, factors)."""
    return {
        name: fold.system([blocks[block] for block in names]).item_vectors for name, names in RIDGE.items()
    }


def evaluated(vectors: Mapping[str, np.ndarray], fold: HeldOutFold) -> Results:
    """Results of all that is in `vectors` but the users; heads have those of their own factorization."""
    systems = {
        name: System(vectors[HEAD_USERS if name in HEADS else USERS], vectors[name])
        for name in vectors
        if name not in (USERS, HEAD_USERS)
    }
    return {name: evaluate(system, fold.cold_start, K) for name, system in systems.items()}


def try_heads(root: Path, kept: Path) -> Iterator[Results]:
    """The head over blocks, trained by the stages' functions on each fold of the split, and ridge there."""
    training_set = root / "data" / "training_set"
    params = load_params(root / "params.yaml")
    plays, songs = read_play_counts(training_set), played_songs(training_set)
    numbers = read_numbers(root / "data" / "wmf_search")
    blocks = blocks_of(training_set, songs)
    recording, artist = split_ids(songs)
    for number in progress(range(FOLDS), description="Heads over blocks", unit="folds"):
        held_out = cold(recording, artist, replace(params.training_set.split, fold=number))
        fold = fold_of(plays, songs, held_out, numbers, params.seed)
        assert fold is not None
        path = kept / f"{number}.npz"
        if not path.is_file():
            found = {USERS: fold.users, **predictions(fold, blocks)}
            for name in HEADS:
                found[HEAD_USERS], found[name] = train(root, params, kept / "work", number, name, fold)
            replace_arrays(path, **found)
        yield evaluated(np.load(path), fold)


def train(
    root: Path, params: Params, work: Path, number: int, name: str, fold: HeldOutFold
) -> tuple[np.ndarray, np.ndarray]:
    """Listeners, and songs as the average of three heads predicts them."""
    work.mkdir(parents=True, exist_ok=True)
    paths = Paths(root, work, work, root / "data" / "deliveries", PreviousOutput(root, None))
    encoder = Component("earshot.encoders.blocks:Blocks", {"families": HEADS[name], "hidden": 128})
    params = replace(params, cnn_checkpoint=replace(params.cnn_checkpoint, encoder=encoder, seeds=SEEDS))
    numbers = read_numbers(root / "data" / "wmf_search")
    inside = hold_out(paths, params.training_set, number)
    inside.make("wmf_factors", lambda made: write_factors(made, numbers, params.seed))
    stage = f"cnn_checkpoint-{list(HEADS).index(name)}"
    inside.make(stage, lambda made: write_encoder(made, params))
    store = HyperImageStore.open(root / "data" / "training_set" / "hyper_images")
    positions = [store.position(song_id) for song_id in fold.cold_start.song_ids]
    users = np.load(inside.data("wmf_factors") / "user_factors.npy")
    return users, predict(load_encoder(inside.data(stage)), store, positions)


def played_songs(training_set: Path) -> pd.DataFrame:
    """The songs with plays and audio."""
    songs = pd.read_parquet(training_set / "songs.parquet")
    return songs[is_among(songs[SONG_ID], read_play_counts(training_set).song_ids)].reset_index(drop=True)


def blocks_of(training_set: Path, songs: pd.DataFrame) -> Blocks:
    """Statistics, genres, and of each MusiCNN the layer before the tags and the pooled ones."""
    found = read_blocks(HyperImageStore.open(training_set / "hyper_images"), songs)
    for name in ("mtt", "msd"):
        found[f"{name}_pooled"] = found[name][:, PENULTIMATE:]
        found[name] = found[name][:, :PENULTIMATE]
    return found


def pooled(folds: Iterator[Results]) -> Results:
    """All folds together, by configuration."""
    every = list(folds)
    return {name: pool([fold[name] for fold in every]) for name in every[0]}


def described(results: Results, against: str) -> dict[str, dict[str, float]]:
    """Metrics of each, and more than `against` with the lower ends."""
    found = {}
    for name, result in results.items():
        values = tables.describe(result, K)
        found[name] = {metric: values[metric] for metric in ("auc", "auc_centred", f"map_at_{K}")}
        if name != against:
            more = tables.compare(result, results[against], K)
            for metric in ("auc", "auc_centred"):
                found[name] |= {
                    f"{metric}_more": more[metric],
                    f"{metric}_more_low": more[f"{metric}_ci95_artists"][0],
                }
    return found


def bars(found: dict[str, dict[str, float]]) -> dict[str, bool]:
    """What was claimed before it was measured."""
    alone, both = found["MTT"], found["MTT + genres"]
    return {
        "MTT at least .035 AUC over statistics": alone["auc_more"] >= 0.035 and alone["auc_more_low"] > 0,
        "MTT + genres at least .08 over statistics": both["auc_more"] >= 0.08 and both["auc_more_low"] > 0,
        "centred, at least .04": both["auc_centred_more"] >= 0.04 and both["auc_centred_more_low"] > 0,
    }


def show(found: dict[str, dict[str, float]]) -> None:
    """A line each."""
    print(f"{'':28}  AUC    centr. mAP    AUC more than statistics [lower end")
    for name, values in found.items():
        more = f"{values['auc_more']:+.3f} [{values['auc_more_low']:+.3f}" if "auc_more" in values else ""
        digits = (f"{values[metric]:.3f}" for metric in ("auc", "auc_centred", f"map_at_{K}"))
        print(f"{name:28}  {'  '.join(digits)}  {more}")


def gain(values: Mapping[str, Any], metric: str) -> str:
    """A difference with its interval."""
    low, high = values[f"{metric}_ci95_artists"]
    return f"{values[metric]:+.3f} [{low:+.3f}, {high:+.3f}]"


if __name__ == "__main__":
    main(*sys.argv[1:])
