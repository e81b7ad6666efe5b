"""Results as tables: metrics.json, a line a user, a line a song, and what the plots read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from earshot.checks import CANDIDATE
from earshot.columns import ARTIST_ID, N_LISTENERS, SONG_ID, USER_ID
from earshot.evaluation.intervals import Interval, clearly_above
from earshot.evaluation.protocol import METRICS, ColdStart, Metric, Result, chance, difference

SYSTEM = "system"
Results = Mapping[str, Result]

_DIGITS = 6


def metric_name(metric: Metric, k: int) -> str:
    """Its key in metrics.json: `map_at_500`, `ndcg_at_500`, `recall_at_tenth`, `auc`, `auc_centred`."""
    if metric == "recall":
        return "recall_at_tenth"
    return metric if metric in ("auc", "auc_centred") else f"{metric}_at_{k}"


def describe(result: Result, k: int) -> dict[str, Any]:
    """Every metric and its `..._ci95_artists`, null where nothing can be said, and `n_artists`.

    Of a mean of permutations also `..._permutations`: the least and the most of them.
    """
    found = {metric: result.interval(metric) for metric in METRICS}
    spread = {
        f"{metric_name(metric, k)}_permutations": [rounded(values.min()), rounded(values.max())]
        for metric, values in result.permutations.items()
    }
    return {**_named(found, k), **spread, "n_artists": len(result.artist_ids)}


def compare(a: Result, b: Result, k: int) -> dict[str, Any]:
    """a - b with paired intervals, `auc_p`, that it is above by chance, and `beats`: `clearly_above`."""
    found, p = {metric: difference(a, b, metric) for metric in METRICS}, chance(a, b)
    above = clearly_above(found["auc"], p, found["map"])
    return {**_named(found, k), "n_artists": len(a.artist_ids), "auc_p": rounded(p), "beats": above}


def differences(results: Results, k: int) -> dict[str, dict[str, Any]]:
    """Every pair of systems, the later one minus the earlier, as `<later>_minus_<earlier>`."""
    return {f"{b}_minus_{a}": compare(results[b], results[a], k) for a, b in combinations(results, 2)}


def describe_protocol(cold_start: ColdStart, k: int) -> dict[str, Any]:
    """How many were asked about how many songs, and how many could not be."""
    n_positives = np.diff(cold_start.positives.indptr)
    return {
        "k": k,
        "candidates": len(cold_start.song_ids),
        "candidates_of_known_artists": int(cold_start.known_artist.sum()),
        "n_artists": len(cold_start.artist_starts),
        "n_users": len(cold_start.users),
        "median_positives": float(np.median(n_positives)),
        "users_without_warm_play": cold_start.users_without_warm_play,
        "users_without_candidate": cold_start.users_without_candidate,
        "users_not_drawn": cold_start.users_not_drawn,
        "cold_songs_without_listeners": cold_start.songs_without_listeners,
    }


def per_user(results: Results, cold_start: ColdStart, user_ids: pd.Series) -> pd.DataFrame:
    """A line a system and user: n_positives, average_precision, auc, auc_centred, recall, ndcg."""
    asked = {
        USER_ID: user_ids.iloc[cold_start.users].to_numpy(),
        "n_positives": np.diff(cold_start.positives.indptr).astype(np.int32),
    }
    parts = []
    for name, result in results.items():
        values = {"average_precision" if m == "map" else m: result.per_user[m] for m in METRICS}
        parts.append(pd.DataFrame({SYSTEM: name, **asked, **values}))
    return pd.concat(parts, ignore_index=True)


def per_song(results: Results, cold_start: ColdStart) -> pd.DataFrame:
    """A line a system and candidate that a user listens to.

    n_listeners of those asked; auc, the mean over them of the share of their
    negatives that score less; median_rank, of the song in their rankings.
    """
    song = cold_start.positives.indices  # (n_positives,), in the order of positive_auc
    parts = []
    for name, result in results.items():
        pairs = pd.DataFrame({"song": song, "auc": result.positive_auc, "rank": result.positive_rank})
        found = pairs.groupby("song").agg(
            **{N_LISTENERS: ("rank", "size")}, auc=("auc", "mean"), median_rank=("rank", "median")
        )
        rows = found.index.to_numpy()
        ids: dict[str, Any] = {SONG_ID: cold_start.song_ids[rows], ARTIST_ID: cold_start.artist_ids[rows]}
        ids["known_artist"] = cold_start.known_artist[rows]
        parts.append(found.assign(**{SYSTEM: name}, **ids))
    columns = [SYSTEM, SONG_ID, ARTIST_ID, "known_artist", N_LISTENERS, "auc", "median_rank"]
    return pd.concat(parts, ignore_index=True)[columns]


def systems_table(metrics: Mapping[str, Any], k: int) -> pd.DataFrame:
    """A line a system with every metric and the ends of its interval, or of its permutations, for plots."""
    lines = []
    for name, values in metrics["systems"].items():
        line: dict[str, Any] = {SYSTEM: name}
        for metric in (metric_name(metric, k) for metric in METRICS):
            low, high = values.get(f"{metric}_permutations") or values[f"{metric}_ci95_artists"]
            line |= {metric: values[metric], f"{metric}_low": low, f"{metric}_high": high}
        lines.append(line)
    return pd.DataFrame(lines)


def headline(metrics: Mapping[str, Any], k: int) -> dict[str, float | None]:
    """The columns of `dvc metrics show` and `dvc exp show`: some of the candidate's metrics, by name."""
    found = metrics["systems"][CANDIDATE]
    shown: tuple[Metric, ...] = ("auc", "map", "auc_centred")
    return {name: found[name] for name in (metric_name(metric, k) for metric in shown)}


def _named(intervals: Mapping[Metric, Interval], k: int) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for metric, interval in intervals.items():
        name = metric_name(metric, k)
        named[name] = rounded(interval.value)
        named[f"{name}_ci95_artists"] = [rounded(interval.low), rounded(interval.high)]
    return named


def rounded(value: float) -> float | None:
    """As it is written to JSON; null for NaN."""
    return None if math.isnan(value) else round(value, _DIGITS)
