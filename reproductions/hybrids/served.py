"""The lists that listeners would get by each hybrid: known and new songs, without the held-out plays.

As the stage served_quality makes and judges them. A ranker's scores stand for the products there: a
listener's vector are their scores, a song's the unit vector. Where a list goes by plays, songs without any
come last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from earshot.columns import SONG_ID
from earshot.evaluation import tables
from earshot.evaluation.list_quality import ListMeasures, list_difference, look
from earshot.factors.numbers import read_numbers
from earshot.recommend.held_out_lists import HeldOutServed, Recipe, refit, serve_held_out
from earshot.recommend.list_rules import NO_RULES
from earshot.spaces.hybrid import RULES
from earshot.spaces.placing import Placed, columns_of, rows_of
from earshot.spaces.space import TasteSpace
from earshot.spaces.wmf import WmfSpace
from earshot.stages.held_out import HeldOut, read_held_out
from hybrids.item_knn import ItemKnn
from hybrids.question import Warming
from hybrids.rankers import Cascade, Ints, Mixed, Ranker, Scores, SwitchingByListener
from hybrids.systems import BY_LISTENER, CASCADE, KNN, MIXED, ROW_SOLVE, Setting

K = 20
KINDS = ("all", "known", "new")


@dataclass(frozen=True)
class ByRow:
    """A ranker of scores that stand in a table, `(n_users, n_songs)`."""

    scores: Scores

    def rank(self, users: Ints, songs: Ints) -> Scores:
        """As `Ranker.rank`."""
        scores: Scores = self.scores[users][:, songs]
        return scores


def describe_lists(warming: Warming, chosen: Mapping[str, Setting]) -> dict[str, Any]:
    """By system recall@20 of all, known and new songs, less the row solve's, and the share of new songs."""
    held_out = read_held_out(warming.fold.training_set, warming.params.served_quality)
    if not len(held_out.asked):
        return {"listeners": 0, "systems": {}}
    lists = {
        name: served.lists(held_out.maker(NO_RULES)).songs
        for name, served in _serve_all(warming, held_out, chosen)
    }
    found = {name: _found(some, held_out) for name, some in lists.items()}
    return {
        "listeners": len(held_out.asked),
        "songs": len(held_out.song_ids),
        "new_songs": int(held_out.new.sum()),
        "systems": {
            name: {
                **_described(found[name], found[ROW_SOLVE]),
                "new_songs_at_20": _share_new(lists[name], held_out),
            }
            for name in lists
        },
    }


def _serve_all(
    warming: Warming, held_out: HeldOut, chosen: Mapping[str, Setting]
) -> Iterator[tuple[str, HeldOutServed]]:
    heard = Placed(warming.fold.songs[SONG_ID].to_numpy(dtype=object), warming.heard)
    recipe = Recipe(read_numbers(warming.fold.wmf_factors).iterations, warming.fold.seed)
    inner = refit(warming.space, held_out.known, recipe)
    assert isinstance(inner, WmfSpace)

    def by(space: TasteSpace, n0: float, songs: Placed = heard) -> HeldOutServed:
        return serve_held_out(held_out.known, held_out.asked, held_out.song_ids, songs, space, n0)

    row_solve = by(inner, chosen[ROW_SOLVE])
    # n0 below one listener: whoever has a play is where the plays put it, the others where they are heard
    plays, sound = by(inner, 1e-6), _by_sound(held_out, heard, inner)
    yield ROW_SOLVE, row_solve
    for rule in RULES:
        yield rule, by(replace(warming.hybrid(rule), inner=inner), chosen[rule])
    for name, ranker in _rankers(held_out, _scores(sound), _by_plays(held_out, plays), chosen).items():
        yield name, _as_served(ranker, row_solve)


def _by_sound(held_out: HeldOut, heard: Placed, inner: WmfSpace) -> HeldOutServed:
    """Every song where it is heard, and listeners against these; songs without a sound are nowhere."""
    vectors = rows_of(heard.ids, heard.vectors, held_out.song_ids)
    placed = np.isin(held_out.song_ids, heard.ids)
    listeners = inner.place_listeners(held_out.known, heard).vectors[held_out.asked]
    played = columns_of(
        csr_array(held_out.known.matrix[held_out.asked]), held_out.known.song_ids, held_out.song_ids
    )
    return HeldOutServed(listeners, vectors, placed, played)


def _scores(served: HeldOutServed) -> Scores:
    scores = served.user_vectors.astype(np.float64) @ served.item_vectors.astype(np.float64).T
    return np.where(served.placed, scores, -np.inf)


def _by_plays(held_out: HeldOut, plays: HeldOutServed) -> Scores:
    return np.where(held_out.n_listeners > 0, _scores(plays), -np.inf)


def _rankers(
    held_out: HeldOut, sound: Scores, plays: Scores, chosen: Mapping[str, Setting]
) -> dict[str, Ranker]:
    """Rows of all are those of the asked listeners."""
    first, second = ByRow(sound), ByRow(plays)
    every = columns_of(held_out.known.matrix, held_out.known.song_ids, held_out.song_ids)
    neighbourhoods = ItemKnn.of(every, int(chosen[KNN]))
    n_played = np.diff(held_out.known.matrix.indptr)[held_out.asked]
    return {
        MIXED: Mixed(first, second),
        CASCADE: Cascade(first, second, chosen[CASCADE]),
        BY_LISTENER: SwitchingByListener(first, second, n_played, int(chosen[BY_LISTENER])),
        KNN: ItemKnn(csr_array(neighbourhoods.played[held_out.asked]), neighbourhoods.neighbours),
    }


def _as_served(ranker: Ranker, like: HeldOutServed) -> HeldOutServed:
    """Places in the ranker's lists as products."""
    n_users, n_songs = len(like.user_vectors), len(like.item_vectors)
    scores = ranker.rank(np.arange(n_users), np.arange(n_songs))
    lowest = scores[np.isfinite(scores)].min(initial=0.0) - 1
    finite = np.where(np.isfinite(scores), scores, lowest).astype(np.float32)
    return replace(like, user_vectors=finite, item_vectors=np.eye(n_songs, dtype=np.float32))


def _found(lists: NDArray[np.int32], held_out: HeldOut) -> dict[str, ListMeasures]:
    asked = {"all": np.ones_like(held_out.new), "known": ~held_out.new, "new": held_out.new}
    return {kind: look(lists, held_out.about(songs), [K]) for kind, songs in asked.items()}


def _described(found: Mapping[str, ListMeasures], reference: Mapping[str, ListMeasures]) -> dict[str, Any]:
    described: dict[str, Any] = {"n_artists": found["all"].n_artists}
    for kind in KINDS:
        own, minus = (
            found[kind].interval(("recall", K)),
            list_difference(found[kind], reference[kind], ("recall", K)),
        )
        for name, interval in ((f"recall_{kind}", own), (f"recall_{kind}_minus_row_solve", minus)):
            described[name] = tables.rounded(interval.value)
            described[f"{name}_ci95_artists"] = [tables.rounded(interval.low), tables.rounded(interval.high)]
    return described


def _share_new(lists: NDArray[np.int32], held_out: HeldOut) -> float | None:
    first = lists[:, :K]
    there = first >= 0
    return tables.rounded(float((held_out.new[first] & there).sum() / there.sum())) if there.any() else None
