"""How well each system ranks songs that nobody has played, with intervals, and what its page shows."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from earshot.arrays import positions_of
from earshot.artists import BEATS_P, too_few_artists
from earshot.checks import (
    ARTIST_MEAN,
    BASELINES,
    CANDIDATE,
    COMPARED,
    LINEAR_BOW,
    PERFECT_EAR,
    SOUND_ONLY,
    UPPER_BOUND,
    beats,
    check,
)
from earshot.columns import SONG_ID, USER_ID
from earshot.evaluation import tables
from earshot.evaluation.cold_start import read_vectors
from earshot.evaluation.judging import Judged, Judgement, evaluate_all, judge
from earshot.evaluation.protocol import (
    ColdStart,
    Permutations,
    System,
    pool,
    random_system,
    read_cold_start,
)
from earshot.files import read_json, replace_arrays, write_json, write_table
from earshot.params import Params
from earshot.spaces.placing import rows_of
from earshot.spaces.space import read_space
from earshot.stages.folds import Encoded, Predict, read_predictions, read_snapshots, served_system
from earshot.stages.paths import Paths
from earshot.stages.shown_songs import write_shown
from earshot.trusted import trusted_in

N_WORDS = 500


def run(paths: Paths, params: Params) -> dict[str, Any]:
    """Write metrics.json, differences and tables beside it, and what the page shows of songs (`shown_songs`).

    `curves.csv` is that of the training, `set_aside.json` says what earlier stages left out, and
    `over_folds.json` is there where other folds have a model.
    """
    settings = params.evaluation_report
    cold_start = read_cold_start(paths.data("training_set"), settings.max_listeners)
    systems = _systems(paths, cold_start, params)
    _write_baselines(paths.output / BASELINES, systems)
    judged = judge(systems, cold_start, settings.k)
    recipe = _judge_recipe(paths, params)
    judged.metrics["candidate"] = read_json(paths.data("cnn_checkpoint") / "summary.json").get("candidate")
    _write_tables(paths, params, judged, cold_start)
    if recipe is not None:
        write_json(paths.output / "over_folds.json", recipe)
    training_set = paths.data("training_set")
    n_examples, predicted = settings.report_songs, partial(_predicted, paths)
    write_shown(training_set, paths.output, predicted, n_examples, params.seed)
    write_json(paths.output / "set_aside.json", read_json(training_set / "summary.json")["set_aside"])
    shutil.copyfile(paths.data("cnn_checkpoint") / "curves.csv", paths.output / "curves.csv")
    return _summary(judged, settings.k)


def _write_baselines(path: Path, systems: Mapping[str, Judged]) -> None:
    named = {name: systems[name] for name in (LINEAR_BOW, ARTIST_MEAN)}
    vectors = {name: system.item_vectors for name, system in named.items() if isinstance(system, System)}
    replace_arrays(path, **vectors)


def _judge_recipe(paths: Paths, params: Params) -> dict[str, Any] | None:
    """The candidate and the models of other folds, each on its held-out songs, as the gate judges them."""
    folds = read_json(paths.data("fold_models") / "summary.json")["folds"]
    if not folds:
        return None
    settings, answers = params.evaluation_report, []
    n0 = float(read_json(paths.data("warm_up") / "warm_up.json")["n0"])
    snapshots = read_snapshots(paths, params, params.training_set.split, folds)
    for snapshot in snapshots:
        if snapshot.fold in folds:
            model = paths.data("fold_models") / str(snapshot.fold)
            space = read_space(model, model)
            work = paths.work / str(snapshot.fold)
            predict: Predict = Encoded(model, snapshot.folder, work, trusted_in(params))
        else:
            space = read_space(paths.data("cnn_checkpoint"), paths.data("wmf_factors"))
            predict = read_predictions(paths.data("predicted_factors"))
        system = served_system(snapshot, space, n0, predict)
        sizes = len(system.user_vectors), len(system.item_vectors)
        systems: dict[str, Judged] = {
            "random": random_system(*sizes, params.seed),
            "shuffled_content": Permutations(system, params.seed),
            CANDIDATE: system,
        }
        answers.append(evaluate_all(systems, snapshot.cold_start, settings.k))
    results = {name: pool([found[name] for found in answers]) for name in answers[0]}
    return {
        "folds": [snapshot.fold for snapshot in snapshots],
        "candidates": sum(len(snapshot.cold_start.song_ids) for snapshot in snapshots),
        "n_users": sum(len(snapshot.cold_start.users) for snapshot in snapshots),
        "systems": {name: tables.describe(result, settings.k) for name, result in results.items()},
        "differences": tables.differences(results, settings.k),
    }


def _write_tables(paths: Paths, params: Params, judged: Judgement, cold_start: ColdStart) -> None:
    users = pd.read_parquet(paths.data("training_set") / "users.parquet")[USER_ID]
    write_json(paths.output / "metrics.json", judged.metrics)
    write_json(paths.output / "headline.json", tables.headline(judged.metrics, params.evaluation_report.k))
    write_json(paths.output / "differences.json", judged.differences)
    write_json(paths.output / "known_and_cold_artists.json", judged.kinds)
    write_table(paths.output / "per_user.parquet", tables.per_user(judged.results, cold_start, users))
    write_table(paths.output / "per_song.parquet", tables.per_song(judged.results, cold_start))
    systems = tables.systems_table(judged.metrics, params.evaluation_report.k)
    systems.to_csv(paths.output / "systems.csv", index=False)


def _systems(paths: Paths, cold_start: ColdStart, params: Params) -> dict[str, Judged]:
    """From the least that is known of a song to the most."""
    from earshot.baselines.artist_mean import artist_mean
    from earshot.baselines.known import read_known
    from earshot.baselines.linear import linear_bow
    from earshot.baselines.perfect_ear import perfect_ear
    from earshot.datasets.embedded.catalogue import true_traits

    training_set, wmf = paths.data("training_set"), paths.data("wmf_factors")
    wanted = cold_start.song_ids
    user_ids = pd.read_parquet(training_set / "users.parquet")[USER_ID]
    users = read_vectors(wmf / "user_factors.npy", wmf / "users.parquet", USER_ID, user_ids)
    listeners = read_space(paths.data("cnn_checkpoint"), wmf).training_listeners()
    of_candidate = rows_of(listeners.ids, listeners.vectors, user_ids.to_numpy(dtype=object))
    candidate = System(of_candidate, _predicted(paths, wanted))
    sound_only = paths.data("predicted_factors") / f"{SOUND_ONLY}.npy"
    alone = (sound_only, sound_only.with_suffix(".parquet"), SONG_ID, wanted)
    folded = read_vectors(wmf / "cold_factors.npy", wmf / "cold_items.parquet", SONG_ID, wanted)
    songs = pd.read_parquet(training_set / "songs.parquet")[SONG_ID]
    known = read_known(training_set, wmf, params.seed, N_WORDS)
    rows, traits = positions_of(songs, wanted), true_traits(songs.tolist())
    return {
        "random": random_system(len(users), len(wanted), params.seed),
        "shuffled_content": Permutations(candidate, params.seed),
        LINEAR_BOW: System(users, linear_bow(known)[rows]),
        ARTIST_MEAN: System(users, artist_mean(known)[rows]),
        **({SOUND_ONLY: System(of_candidate, read_vectors(*alone))} if sound_only.is_file() else {}),
        CANDIDATE: candidate,
        **({} if traits is None else {PERFECT_EAR: System(users, perfect_ear(known, traits)[rows])}),
        UPPER_BOUND: System(users, folded),
    }


def _summary(judged: Judgement, k: int) -> dict[str, Any]:
    shown = (f"map_at_{k}", "auc")
    systems, protocol = judged.metrics["systems"], judged.metrics["protocol"]
    values = {f"{name}_{key}": system[key] for name, system in systems.items() for key in shown}
    counts = {"candidates": protocol["candidates"], "users": protocol["n_users"]}
    checks = [_check(judged.differences, a, b, k) for a, b in COMPARED]
    return {**counts, **values, "checks": checks}


def _check(differences: dict[str, Any], a: str, b: str, k: int) -> dict[str, Any]:
    found = differences[f"{a}_minus_{b}"]
    ends = {metric: found[f"{metric}_ci95_artists"] for metric in (f"map_at_{k}", "auc")}
    too_few = too_few_artists(found["n_artists"])
    return check(
        beats(a, b),
        f"{a} ranks cold songs better than {b}: paired over artists, AUC with p <= {BEATS_P:g}",
        passed=found["beats"],
        observed={m: too_few if low is None else f"{low} to {high}" for m, (low, high) in ends.items()},
        expected=f"AUC above 0 with p <= {BEATS_P:g}, mAP not below",
    )


def _predicted(paths: Paths, song_ids: ArrayLike) -> NDArray[np.float32]:
    folder = paths.data("predicted_factors")
    return read_vectors(folder / "item_factors.npy", folder / "items.parquet", SONG_ID, song_ids)
