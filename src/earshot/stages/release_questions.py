"""What the gate asks of models that may be served: across splits, against baselines, by genre, of lists."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from earshot import releases
from earshot.arrays import is_among
from earshot.artists import LEAST_ARTISTS
from earshot.catalogue import split
from earshot.checks import ARTIST_MEAN, BASELINES, CANDIDATE, LINEAR_BOW
from earshot.columns import GENRES, SONG_ID, USER_ID
from earshot.evaluation.cold_start import read_vectors
from earshot.evaluation.intervals import Interval
from earshot.evaluation.judging import Judged, evaluate_among
from earshot.evaluation.list_quality import list_difference, look
from earshot.evaluation.protocol import Metric, Result, System, chance, difference
from earshot.evaluation.tables import metric_name
from earshot.evaluation.tags import large_genres
from earshot.params import Params, Split
from earshot.recommend.list_rules import ListRules
from earshot.releases import Differences, Manifest, NothingReleased
from earshot.stages.folds import FoldSnapshot
from earshot.stages.held_out import read_held_out
from earshot.stages.paths import Paths
from earshot.stages.released_models import Model
from earshot.stages.rivals import Rivals
from earshot.stages.training_set import split_ids

METRICS: tuple[Metric, ...] = ("map", "auc")
LIST_DEPTH = 20


@dataclass(frozen=True)
class FirstFold:
    """What is asked of the models that may be served alone: the question of the snapshot's own split."""

    paths: Paths
    params: Params
    snapshot: FoldSnapshot
    systems: dict[str, Judged]
    k: int

    def across_splits(self, rivals: Rivals) -> dict[str, tuple[Result, Result]]:
        """Candidate and release on the songs that were cold to both, of a release with another split.

        Nothing where too few such songs are left to ask about.
        """
        found: dict[str, tuple[Result, Result]] = {}
        cold_start = self.snapshot.cold_start
        for name, release in rivals.other_split.items():
            songs = pd.read_parquet(self.snapshot.folder / "songs.parquet")
            cold = songs.loc[split.cold(*split_ids(songs), Split(**release.split)), SONG_ID]
            both = is_among(cold_start.song_ids, cold)
            if len(np.unique(cold_start.artists[both])) < LEAST_ARTISTS:
                continue
            model = Model.released(self.paths, self.params, release)
            pair = {CANDIDATE: self.systems[CANDIDATE], name: model.first_system(self.snapshot)}
            results = self._among(pair, both)
            found |= {name: (results[CANDIDATE], results[name])} if results else {}
        return found

    def baselines(self, current: Manifest | NothingReleased, rivals: Rivals) -> dict[str, Differences]:
        """Candidate minus what must not be clearly better, where it replaces what it cannot be paired with.

        The artists' means are asked about songs of known artists alone: they say nothing of the others.
        """
        if isinstance(current, NothingReleased) or rivals.paired:
            return {}
        candidate = self.systems[CANDIDATE]
        assert isinstance(candidate, System)
        cold_start, found = self.snapshot.cold_start, {}
        everywhere = np.ones(len(cold_start.song_ids), dtype=np.bool_)
        with np.load(self.paths.data("evaluation_report") / BASELINES, allow_pickle=False) as items:
            for name, asked in ((LINEAR_BOW, everywhere), (ARTIST_MEAN, cold_start.known_artist)):
                # listeners lie where the factorization put them, as songs do
                pair = {CANDIDATE: candidate, name: System(self._listeners(), items[name])}
                if results := self._among(pair, asked):
                    found[name] = differences(results[CANDIDATE], results[name], self.k)
        return found

    def by_genre(self, rivals: Rivals) -> dict[str, Differences]:
        """Candidate minus release among the songs of every genre that is judged by itself."""
        songs = pd.read_parquet(self.snapshot.folder / "songs.parquet").set_index(SONG_ID)
        genres = songs[GENRES].reindex(self.snapshot.cold_start.song_ids.tolist()).fillna("").tolist()
        found: dict[str, Differences] = {}
        for release in rivals.paired:
            pair = {name: self.systems[name] for name in (CANDIDATE, release)}
            masks = large_genres(genres, self.snapshot.cold_start, self.params.release.min_genre_share)
            for genre, mask in masks.items():
                if results := self._among(pair, mask):
                    found[genre] = differences(results[CANDIDATE], results[release], self.k)
        return found

    def lists(self, models: Mapping[str, Model], rivals: Rivals) -> dict[str, Differences]:
        """Candidate minus release in recall of the lists that listeners get."""
        training_set = self.paths.data("training_set")
        found: dict[str, Differences] = {}
        for name in rivals.paired:
            held_out = read_held_out(training_set, self.params.served_quality)
            if len(held_out.asked):
                maker = held_out.maker(ListRules.of(self.params.recommendations))
                candidate, release = (
                    look(models[each].lists(training_set, held_out, maker), held_out.question, [LIST_DEPTH])
                    for each in (CANDIDATE, name)
                )
                between = list_difference(candidate, release, ("recall", LIST_DEPTH))
                numbers = {**_numbers(between), "artists": held_out.question.n_artists}
                found[name] = {f"recall_at_{LIST_DEPTH}": numbers}
        return found

    def _among(self, systems: Mapping[str, Judged], candidates: NDArray[np.bool_]) -> dict[str, Result]:
        return evaluate_among(systems, self.snapshot.cold_start, candidates, self.k)[1]

    def _listeners(self) -> NDArray[np.float32]:
        factors, ids = self.paths.data("wmf_factors"), self.snapshot.plays.user_ids
        return read_vectors(factors / "user_factors.npy", factors / "users.parquet", USER_ID, ids)


def differences(candidate: Result, other: Result, k: int, by_chance: bool = False) -> Differences:
    """Candidate minus other by metric, with paired intervals; with `by_chance` also p of the AUC."""
    artists = len(candidate.artist_ids)
    found: Differences = {
        metric_name(metric, k): {**_numbers(difference(candidate, other, metric)), "artists": artists}
        for metric in METRICS
    }
    if by_chance:
        p = chance(candidate, other)
        found["auc"]["p"] = p if math.isfinite(p) else None
    return found


def _numbers(interval: Interval) -> releases.Difference:
    return {key: value if math.isfinite(value) else None for key, value in asdict(interval).items()}
