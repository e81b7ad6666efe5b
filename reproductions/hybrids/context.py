"""What the hour of the day and songs heard together tell, on a made catalogue with dates.

Of every listener the last session is held out. At the moment when it begins all songs that they have not
played are ranked; those of the session are to be found. A context filter takes out, before the ranking, what
does not go with the hour: songs of other moods than the one most heard in that quarter of the day (by tag),
or the plays of other quarters of the day, of which the ranker then knows nothing (by hour).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from comparison.claims import Claim, above, write_claims
from comparison.foot import draw_sources
from earshot.evaluation import tables
from earshot.evaluation.cold_start import ColdStart
from earshot.evaluation.protocol import Result, System, evaluate, pool, random_system
from earshot.files import write_json
from earshot.stages.paths import Paths
from hybrids.context_page import draw_page
from hybrids.item_knn import ItemKnn, heard_together, n_listeners
from hybrids.made_plays import MOODS, DatedPlays, make_plays, quarter_of
from hybrids.params import Hybrids, MadeCatalogue
from hybrids.rankers import Ints, Scores, places

PARAMS = Hybrids

DESCRIPTIONS = {
    "random": "a random order for everybody",
    "popularity": "how many listeners a song has",
    "item_knn": "item neighbourhoods: songs played by the same listeners",
    "heard_together": "the same; who plays both within half an hour counts twice",
    "item_knn_tag": "item_knn, after songs of another mood than that of the hour are taken out",
    "item_knn_hour": "item_knn on the plays of the same quarter of the day",
    "heard_together_tag": "heard_together, after songs of another mood than that of the hour are taken out",
}
K = 500


@dataclass(frozen=True)
class Sessions:
    """Sessions to be told.

    Attributes
    ----------
    known
        The plays before them.
    question
        Listeners, songs, and who played what; what is known to be played is revealed.
    quarters
        (n_users,): the quarter of the day in which the session of each listener of the question begins.
    order
        (n_songs,): rows of the songs in the order of the question's candidates.
    """

    known: DatedPlays
    question: ColdStart
    quarters: Ints
    order: Ints


def run(paths: Paths, params: Hybrids) -> dict[str, Any]:
    """Write metrics.json, differences.json, claims.json and report.html."""
    settings = params.made_catalogue
    found = [_judge(settings, seed) for seed in settings.seeds]
    results = {name: pool([one[name] for one in found]) for name in found[0]}
    systems = {name: tables.describe(result, K) for name, result in results.items()}
    metrics = {
        "systems": systems,
        "over_seeds": {name: [round(one[name].value("auc"), 6) for one in found] for name in results},
        "k": K,
        "made": asdict(settings),
    }
    differences = tables.differences(results, K)
    claims = _claims(differences)
    write_json(paths.output / "metrics.json", metrics)
    write_json(paths.output / "differences.json", differences)
    write_claims(paths.output, claims)
    foot = draw_sources(paths.root, "reproductions/hybrids/dvc.yaml:context")
    (paths.output / "report.html").write_text(
        draw_page(metrics, differences, claims, DESCRIPTIONS, foot), encoding="utf-8"
    )
    return {f"{name}_auc": values["auc"] for name, values in systems.items()}


def _judge(settings: MadeCatalogue, seed: int) -> dict[str, Result]:
    asked = ask(make_plays(settings, seed))
    n_songs, users = len(asked.order), asked.question.users
    systems = {
        "random": random_system(asked.known.n_users, n_songs, seed),
        "popularity": _popularity(asked),
    }
    systems |= {
        name: _as_system(asked, scores)
        for name, scores in rank_all(asked, users, settings.neighbours).items()
    }
    return {name: evaluate(systems[name], asked.question, K) for name in DESCRIPTIONS}


def ask(plays: DatedPlays) -> Sessions:
    """Hold out the last session of every listener who has an earlier one, and a new song in the last."""
    last = np.zeros(plays.n_users, dtype=np.int64)
    np.maximum.at(last, plays.users, plays.sessions)
    held_out = plays.sessions == last[plays.users]
    known, later = plays.only(~held_out), plays.only(held_out)
    names = np.array([f"artist{n:04}" for n in plays.artists], dtype=object)
    songs = np.array([f"song{n:05}" for n in range(len(names))], dtype=object)
    order = np.lexsort((songs.astype(str), names.astype(str)))
    played, heard = matrix_of(known)[:, order], matrix_of(later)[:, order]
    positives = csr_array((heard - heard.multiply(played)).astype(bool))
    positives.eliminate_zeros()
    users = np.flatnonzero((np.diff(positives.indptr) > 0) & (np.diff(csr_array(played).indptr) > 0))
    begins = np.zeros(plays.n_users, dtype=np.int64)
    there, firsts = np.unique(later.users, return_index=True)  # plays of a listener are in the order of time
    begins[there] = later.seconds[firsts]
    revealed = csr_array(csr_array(played)[users].astype(bool))
    question = ColdStart(
        songs[order],
        names[order],
        np.ones(len(order), np.bool_),
        users,
        csr_array(positives[users]),
        revealed,
    )
    return Sessions(known, question, quarter_of(begins)[users], order)


def matrix_of(plays: DatedPlays) -> csr_array:
    """float64 (n_users, n_songs): 1 where there is a play."""
    shape = (plays.n_users, len(plays.moods))
    counts = csr_array(coo_array((np.ones(len(plays.users)), (plays.users, plays.songs)), shape=shape))
    counts.data[:] = 1
    return counts


def rank_all(asked: Sessions, users: Ints, k: int) -> dict[str, Scores]:
    """Scores (n_users, n_songs) by system; songs in the order of their rows."""
    known, songs = asked.known, np.arange(len(asked.order))
    plays = matrix_of(known)
    together = heard_together(known.users, known.songs, known.seconds, len(songs))
    plain = ItemKnn.of(plays, k).rank(users, songs)
    near = ItemKnn.of(plays, k, together).rank(users, songs)
    fits = known.moods == mood_of_quarters(known)[asked.quarters][:, None]  # (n_users, n_songs)
    return {
        "item_knn": plain,
        "heard_together": near,
        "item_knn_tag": filtered(plain, fits),
        "item_knn_hour": _by_hour(asked, users, k),
        "heard_together_tag": filtered(near, fits),
    }


def mood_of_quarters(plays: DatedPlays) -> Ints:
    """(4,): the mood most heard in each quarter of the day."""
    counts = np.zeros((4, len(MOODS)))
    np.add.at(counts, (quarter_of(plays.seconds), plays.moods[plays.songs]), 1)
    return np.asarray(counts.argmax(axis=1))


def filtered(scores: Scores, fits: NDArray[np.bool_]) -> Scores:
    """Songs that fit, in the order of their scores, then the others in theirs: places, counted down.

    All (n_users, n_songs).
    """
    place = places(scores)
    return -np.where(fits, place, place + scores.shape[1]).astype(np.float64)


def _by_hour(asked: Sessions, users: Ints, k: int) -> Scores:
    known, songs = asked.known, np.arange(len(asked.order))
    scores = np.zeros((len(users), len(songs)))
    quarters = quarter_of(known.seconds)
    for quarter in range(4):
        rows = asked.quarters == quarter
        scores[rows] = ItemKnn.of(matrix_of(known.only(quarters == quarter)), k).rank(users[rows], songs)
    return scores


def _popularity(asked: Sessions) -> System:
    listeners = n_listeners(matrix_of(asked.known))[asked.order]
    return System(np.ones((asked.known.n_users, 1)), listeners[:, None].astype(np.float64))


def _as_system(asked: Sessions, scores: Scores) -> System:
    users = np.zeros((asked.known.n_users, len(asked.order)))
    users[asked.question.users] = scores[:, asked.order]
    return System(users, np.eye(len(asked.order)))


def _claims(differences: Mapping[str, Any]) -> list[Claim]:
    figure = "a survey: no figure"
    return [
        above(
            "Counting songs heard one after another twice puts more of a session at the top of a list",
            figure,
            differences,
            ("heard_together", "item_knn"),
            f"map_at_{K}",
        ),
        above(
            "Taking out, before the ranking, songs of a mood that the hour does not have helps",
            figure,
            differences,
            ("item_knn_tag", "item_knn"),
        ),
        above(
            "Knowing only the plays of the same part of the day helps",
            figure,
            differences,
            ("item_knn_hour", "item_knn"),
        ),
    ]
