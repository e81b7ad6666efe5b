"""What the models say of held-out ratings, of known songs and of new ones, and how they rank known songs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.sparse import coo_array, csr_array

from comparison.fold import Fold
from earshot.catalogue.split import artist_or_song
from earshot.columns import ARTIST_ID, SONG_ID
from earshot.evaluation import tables
from earshot.evaluation.cold_start import ColdStart
from earshot.evaluation.protocol import Result, System, evaluate, pool
from earshot.spaces.placing import Ids
from wang_2014_hldbn.errors import Errors, add_up, describe
from wang_2014_hldbn.fitting import Fitted
from wang_2014_hldbn.models import DESCRIPTIONS, HLDBN, PMF, Models
from wang_2014_hldbn.pairs import Ints, RatingQuestion


def describe_told(runs: Sequence[Models], k: int) -> dict[str, Any]:
    """RMSE of `known_songs`, less PMF's, and of `new_songs`, less HLDBN's; `ranking` of known songs.

    A model's ranking has the metrics of every table, and `minus_pmf`, paired.
    """
    errors = {kind: {name: _errors(runs, name, kind) for name in DESCRIPTIONS} for kind in ("warm", "cold")}
    ranked = {name: pool(results) for name, results in _rankings(runs, k).items()}
    return {
        "known_songs": describe(errors["warm"], PMF),
        "new_songs": describe(errors["cold"], HLDBN),
        "ranking": {
            name: {**tables.describe(found, k), "minus_pmf": tables.compare(found, ranked[PMF], k)}
            for name, found in ranked.items()
        },
        "ratings": {
            "known_songs": sum(len(run.question.warm.users) for run in runs),
            "new_songs": sum(len(run.question.cold.users) for run in runs),
            "learned_from": sum(len(run.question.users) for run in runs),
        },
    }


def _errors(runs: Sequence[Models], name: str, kind: str) -> Errors:
    artists, squared = [], []
    for run in runs:
        pairs, fitted = getattr(run.question, kind), run.fitted(name)
        rate = fitted.of_known if kind == "warm" else fitted.of_new
        artists.append(_artists(run.fold)[pairs.songs])
        squared.append(np.square(pairs.ratings - rate(pairs.users, pairs.songs), dtype=np.float64))
    return add_up(artists, squared)


def _rankings(runs: Sequence[Models], k: int) -> dict[str, list[Result]]:
    found: dict[str, list[Result]] = {name: [] for name in DESCRIPTIONS}
    for run in runs:
        songs = _candidates(run)
        asked = ask_of_known(
            run.question, songs, run.fold.songs[SONG_ID].to_numpy(dtype=object), _artists(run.fold)
        )
        for name, results in found.items():
            results.append(evaluate(of_known(run.fitted(name), songs), asked, k))
    return found


def of_known(fitted: Fitted, songs: Ints) -> System:
    """Both terms, side by side, of the songs in these rows."""
    users = np.concatenate([fitted.beta, fitted.gamma], axis=1)
    return System(users, np.concatenate([fitted.x[songs], fitted.y[songs]], axis=1))


def _candidates(run: Models) -> Ints:
    """Rows of the songs that are learned from, by artist, then song."""
    learned = run.question.pool
    ids = run.fold.songs[SONG_ID].to_numpy(dtype=str)[learned]
    return np.asarray(learned[np.lexsort((ids, _artists(run.fold)[learned].astype(str)))])


def ask_of_known(question: RatingQuestion, songs: Ints, song_ids: Ids, artist_ids: Ids) -> ColdStart:
    """Held-out plays of the `songs` in these rows, of listeners with other plays, which are revealed."""
    held_out = question.warm.ratings == 1
    others = question.stop_warm.ratings == 1
    positives = _by_candidate(question, songs, question.warm.users[held_out], question.warm.songs[held_out])
    revealed = _by_candidate(
        question,
        songs,
        np.concatenate([question.users, question.stop_warm.users[others]]),
        np.concatenate([question.songs, question.stop_warm.songs[others]]),
    )
    users = np.flatnonzero((np.diff(positives.indptr) > 0) & (np.diff(revealed.indptr) > 0))
    return ColdStart(
        song_ids[songs],
        artist_ids[songs],
        np.ones(len(songs), np.bool_),
        users,
        csr_array(positives[users]),
        csr_array(revealed[users]),
    )


def _by_candidate(question: RatingQuestion, candidates: Ints, users: Ints, songs: Ints) -> csr_array:
    """bool (n_users, n_candidates): who has played what."""
    place = np.full(len(question.features), -1)  # row of a song to its place among the candidates
    place[candidates] = np.arange(len(candidates))
    entries = (np.ones(len(users), np.bool_), (users, place[songs]))
    matrix = csr_array(coo_array(entries, shape=(question.n_users, len(candidates))))
    matrix.sort_indices()
    return matrix


def _artists(fold: Fold) -> Ids:
    """(n_songs,): the artist of every song, or the song itself where none is named."""
    artists = fold.songs[ARTIST_ID].fillna("")
    return np.array(artist_or_song(fold.songs[SONG_ID], artists), dtype=object)
