"""How good the list is that listeners get: known and new songs together, as the candidate would be served.

Lists keep to the rules that params.yaml has for recommendations; some others are compared with none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from earshot.arrays import positions_of
from earshot.columns import SONG_ID
from earshot.evaluation import tables
from earshot.evaluation.list_makeup import make_up, miscalibration
from earshot.evaluation.list_quality import JudgedLists, Key, ListMeasures, look
from earshot.factors.numbers import read_numbers
from earshot.files import read_json, write_json
from earshot.params import Params
from earshot.recommend.held_out_lists import HeldOutLists, HeldOutServed, Recipe, refit, serve_held_out
from earshot.recommend.list_rules import ListRules
from earshot.spaces.placing import Placed
from earshot.spaces.space import read_space
from earshot.stages.held_out import LISTS, HeldOut, genre_shares, read_held_out
from earshot.stages.paths import Paths
from earshot.stages.rules_compared import compare_rules

DEPTHS = (10, 20, 100)
_HEADLINE: Key = ("recall", 20)
_LEAST_LISTENERS = 20
"""A part of the listeners with fewer is not shown apart."""


def run(paths: Paths, params: Params) -> dict[str, Any]:
    """Make lists without the held-out plays; write served_quality.json, and the lists for the gate."""
    held_out = read_held_out(paths.data("training_set"), params.served_quality)
    if not len(held_out.asked):
        write_json(paths.output / "served_quality.json", {"question": _describe(held_out, params)})
        return {"listeners": 0, "notices": ["no listener has both a play that is known and one held out"]}
    rules = ListRules.of(params.recommendations)
    served = _serve_candidate(paths, params, held_out)
    lists = served.lists(held_out.maker(rules))
    np.save(paths.output / LISTS, lists.songs)
    found = {
        "question": _describe(held_out, params),
        "found": {name: _named(some) for name, some in _by_kind(lists, held_out)},
        "by_popularity": list(_by_popularity(lists, held_out)),
        "by_activity": list(_by_activity(lists, held_out)),
        "by_genre": list(_by_genre(lists, held_out)),
        "makeup": {str(k): _make_up(lists, held_out, k) for k in DEPTHS},
        "rules": compare_rules(served, held_out, rules, DEPTHS),
    }
    write_json(paths.output / "served_quality.json", found)
    return _summary(found)


def _serve_candidate(paths: Paths, params: Params, held_out: HeldOut) -> HeldOutServed:
    predicted = paths.data("predicted_factors")
    ids = pd.read_parquet(predicted / "items.parquet")[SONG_ID].to_numpy(dtype=object)
    wmf = paths.data("wmf_factors")
    space = read_space(paths.data("cnn_checkpoint"), wmf)
    n0 = float(read_json(paths.data("warm_up") / "warm_up.json")["n0"])
    heard = Placed(ids, np.load(predicted / "item_factors.npy", allow_pickle=False))
    recipe = Recipe(read_numbers(wmf).iterations, params.seed)
    refitted = refit(space, held_out.known, recipe)
    return serve_held_out(held_out.known, held_out.asked, held_out.song_ids, heard, refitted, n0)


def _by_kind(lists: HeldOutLists, held_out: HeldOut) -> Iterator[tuple[str, ListMeasures]]:
    """All songs, then those that stay known and the new ones, of the same lists."""
    for name, songs in (("all", np.ones_like(held_out.new)), ("known", ~held_out.new), ("new", held_out.new)):
        yield name, look(lists.songs, held_out.about(songs), DEPTHS)


def _by_popularity(lists: HeldOutLists, held_out: HeldOut) -> Iterator[dict[str, Any]]:
    """Known songs by quarters of their number of listeners, the least played first."""
    known = np.flatnonzero(~held_out.new & (held_out.n_listeners > 0))
    ordered = known[np.argsort(held_out.n_listeners[known], kind="stable")]
    for quarter in np.array_split(ordered, 4):
        songs = np.isin(np.arange(len(held_out.new)), quarter)
        listeners = held_out.n_listeners[quarter]
        ends = f"{listeners.min()} to {listeners.max()}" if len(quarter) else "no"
        yield _part(f"{ends} listeners", len(quarter), lists.songs, held_out.about(songs))


def _by_activity(lists: HeldOutLists, held_out: HeldOut) -> Iterator[dict[str, Any]]:
    """Quarters of the listeners by how many songs they are known to have played, the fewest first."""
    played = np.diff(held_out.known.matrix.indptr)[held_out.asked]
    for quarter in np.array_split(np.argsort(played, kind="stable"), 4):
        if not len(quarter):
            continue
        rows = np.sort(quarter)
        name = f"{played[rows].min()} to {played[rows].max()} songs played"
        yield _part(name, len(rows), lists.songs[rows], held_out.about(np.ones_like(held_out.new), rows))


def _by_genre(lists: HeldOutLists, held_out: HeldOut) -> Iterator[dict[str, Any]]:
    """Every genre whose songs are among the positives of enough listeners, the largest first."""
    names, shares = genre_shares(held_out.genres)
    for column in np.argsort(-(shares > 0).sum(axis=0), kind="stable"):
        songs = shares[:, column] > 0
        question = held_out.about(songs)
        if (np.diff(question.positives.indptr) > 0).sum() >= _LEAST_LISTENERS:
            yield _part(names[column], int(songs.sum()), lists.songs, question)


def _part(name: str, size: int, lists: NDArray[np.int32], question: JudgedLists) -> dict[str, Any]:
    """The headline alone: `size` songs, or listeners, called `name`."""
    return {"name": name, "size": size, **_named(look(lists, question, [_HEADLINE[1]]))}


def _make_up(lists: HeldOutLists, held_out: HeldOut, k: int) -> dict[str, float | None]:
    found = make_up(lists.songs, lists.vectors, held_out.n_listeners, held_out.new, k)
    _, shares = genre_shares(held_out.genres)
    if shares.shape[1]:
        found["miscalibration"] = miscalibration(lists.songs, _history(held_out, shares), shares, k)
    return {name: tables.rounded(value) for name, value in found.items()}


def _history(held_out: HeldOut, shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n_asked, n_genres): the known plays of every asked listener, by genre."""
    rows = positions_of(held_out.song_ids, held_out.known.song_ids)  # every played song is there
    return np.asarray((held_out.known.matrix[held_out.asked] > 0).astype(np.float64) @ shares[rows])


def _named(found: ListMeasures) -> dict[str, Any]:
    asked = ~np.isnan(next(iter(found.per_user.values())))
    named: dict[str, Any] = {"listeners": int(asked.sum()), "n_artists": found.n_artists}
    for metric, k in found.per_user:
        interval = found.interval((metric, k))
        named[f"{metric}_at_{k}"] = tables.rounded(interval.value)
        named[f"{metric}_at_{k}_ci95_artists"] = [tables.rounded(interval.low), tables.rounded(interval.high)]
    return named


def _describe(held_out: HeldOut, params: Params) -> dict[str, Any]:
    of_new = int(held_out.positives[:, np.flatnonzero(held_out.new)].nnz)
    # (n_asked,): songs that each listener is not known to have played
    listable = len(held_out.song_ids) - np.diff(held_out.known.matrix.indptr)[held_out.asked]
    share = held_out.new.sum() / listable  # no new song is known to be played
    return {
        "held_out_share": params.served_quality.held_out_share,
        "listeners": len(held_out.asked),
        "listeners_by_date": int(held_out.by_date.sum()),
        "songs": len(held_out.song_ids),
        "new_songs": int(held_out.new.sum()),
        "listable_songs": tables.rounded(float(listable.mean())) if len(listable) else None,
        "new_songs_of_listable": tables.rounded(float(share.mean())) if len(listable) else None,
        "held_out_plays": int(held_out.positives.nnz) - of_new,
        "plays_of_new_songs": of_new,
        "n_artists": held_out.question.n_artists,
    }


def _summary(found: dict[str, Any]) -> dict[str, Any]:
    quality = {f"recall_at_20_{name}": values["recall_at_20"] for name, values in found["found"].items()}
    shares = {f"new_songs_at_{k}": values["new_songs"] for k, values in found["makeup"].items()}
    return {"listeners": found["question"]["listeners"], **quality, **shares}
