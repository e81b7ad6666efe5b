"""Numbers of the factorization: those of params.yaml, or the best on held-out songs where it says auto."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from earshot.arrays import is_among
from earshot.catalogue.play_counts import PlayCounts, read_play_counts
from earshot.catalogue.split import chosen, parts
from earshot.checks import CHOICE_INSIDE_THE_GRID, check
from earshot.columns import ARTIST_ID, COLD, SONG_ID
from earshot.errors import UserError
from earshot.evaluation.choosing_wmf import FALLBACK, GRID, Grid, TriedNumbers, choose, search
from earshot.evaluation.wmf_trials import SongRanking, Trial, hold_out, score
from earshot.extraction.statistics import row_statistics
from earshot.factors.numbers import said, write_numbers
from earshot.files import append_json, read_json_lines, replace_array
from earshot.params import Params, Split, WmfFactors, WmfSettings
from earshot.processes import progress
from earshot.stages.paths import Paths
from earshot.store.reader import HyperImageStore
from earshot.terminal import say

if TYPE_CHECKING:
    import pandas as pd

PURPOSE = "wmf_search"
"""Of the hashes that draw and hold out; they have nothing to do with those of the split."""
MAX_LISTENERS, MAX_SONGS, MAX_OTHER_ITEMS = 10_000, 3_000, 20_000
"""Of more, so many: what tells numbers apart on these holds for the others, in a bounded time.

Listeners and songs are drawn by a hash of their ids. Of the other songs, without audio or not drawn, those
that most of these listeners play are there as well: without them a listener of a large catalogue would be
known by one or two plays, and other numbers be the best (docs/benchmarks.md).
"""
PARTS, ENOUGH_SONGS = 4, 300
"""A part of the songs is held out; then another, until so many songs were ranked."""


def run(paths: Paths, params: Params) -> dict[str, Any]:
    """Write wmf.json, and search.csv with all that was tried; nothing is where params.yaml says every number.

    Of the training set the warm songs alone are looked at.
    """
    settings = params.wmf_factors
    if all(getattr(settings, name) != "auto" for name in GRID):
        return _write(paths.output, WmfFactors(**asdict(settings)), [], "as params.yaml says", [])
    plays, songs = warm_sample(paths.data("training_set"))
    trials = _trials(paths, plays, songs, params.training_set.split)
    grid = Grid.of(settings, plays.matrix.data)
    tried = search(grid, _Scores(paths.work / "tried.jsonl", trials, params.seed)) if trials else {}
    if not tried:
        told = f"nothing could be tried on {len(songs)} warm songs with audio: the default numbers stand"
        say(told)
        return _write(paths.output, _fallback(settings), [], told, [])
    place = choose(tried)
    ranked = sum(len(trial.cold_start.song_ids) for trial in trials)
    told = f"the best of {len(tried)} tried on {ranked} of {len(songs)} warm songs with audio, held out"
    return _write(paths.output, tried[place].numbers, list(tried.values()), told, grid.at_an_end(place))


def warm_sample(training_set: Path) -> tuple[PlayCounts, pd.DataFrame]:
    """Plays of items that are not cold, and the warm songs with audio among these that are looked at."""
    import pandas as pd

    plays = read_play_counts(training_set)
    songs = pd.read_parquet(training_set / "songs.parquet")
    warm, cold = (songs.loc[songs[COLD] == is_cold, SONG_ID] for is_cold in (False, True))
    of_songs = chosen(plays.song_ids[is_among(plays.song_ids, warm)], MAX_SONGS, PURPOSE)
    users = is_among(plays.user_ids, set(chosen(plays.user_ids, MAX_LISTENERS, PURPOSE)))
    of_users = csr_array(plays.matrix[users])
    items = is_among(plays.song_ids, set(of_songs))
    others = np.flatnonzero(~items & ~is_among(plays.song_ids, cold))
    n_listeners = np.bincount(of_users.indices, minlength=len(items))[others]
    items[others[np.argsort(-n_listeners, kind="stable")][:MAX_OTHER_ITEMS]] = True
    matrix = csr_array(of_users[:, items])
    left = songs[is_among(songs[SONG_ID], set(of_songs))].reset_index(drop=True)
    return PlayCounts(plays.user_ids[users], plays.song_ids[items], matrix), left


def _trials(paths: Paths, plays: PlayCounts, songs: pd.DataFrame, split: Split) -> list[Trial]:
    """Held out by artist where the split is, or mixes both; else by song."""
    ids, artists = songs[SONG_ID].tolist(), songs[ARTIST_ID].fillna("").tolist()
    by = ids if split.by == "song" else [artist or song for artist, song in zip(artists, ids, strict=True)]
    part = parts(by, PARTS, PURPOSE)
    statistics = _statistics(paths, songs)
    trials: list[Trial] = []
    for held_out in range(PARTS):
        if sum(len(trial.cold_start.song_ids) for trial in trials) >= ENOUGH_SONGS:
            break
        trial = hold_out(plays, songs, statistics, part == held_out)
        trials += [] if trial is None else [trial]
    return trials


def _statistics(paths: Paths, songs: pd.DataFrame) -> NDArray[np.float32]:
    """(n, 3 * n_rows), as `row_statistics`; they outlive a kill."""
    kept = paths.work / "statistics.npy"
    if not kept.is_file():
        store = HyperImageStore.open(paths.data("training_set") / "hyper_images")
        ids = progress(songs[SONG_ID], description="Statistics of rows", unit="songs")
        rows = [row_statistics(store.frames(store.position(song_id))).ravel() for song_id in ids]
        replace_array(kept, np.stack(rows) if rows else np.empty((0, 0), np.float32))
    found: NDArray[np.float32] = np.load(kept)
    return found


class _Scores:
    """What numbers come to in all trials together; those of an interrupted run are read again."""

    def __init__(self, kept: Path, trials: Sequence[Trial], seed: int) -> None:
        self._kept, self._trials, self._seed = kept, trials, seed
        self._known = {str(line["numbers"]): line["score"] for line in read_json_lines(kept)}
        self._bar = progress(description="Trying numbers of the factorization", unit="trials")

    def __call__(self, numbers: WmfFactors) -> SongRanking | None:
        key = str(asdict(numbers))
        if key not in self._known:
            self._known[key] = self._score(numbers)
            append_json(self._kept, {"numbers": asdict(numbers), "score": self._known[key]})
        self._bar.update()
        found = self._known[key]
        return None if found is None else SongRanking(*found)

    def _score(self, numbers: WmfFactors) -> SongRanking | None:
        try:
            return score(self._trials, numbers, self._seed)
        except UserError:  # no unique solution
            return None


def _fallback(settings: WmfSettings) -> WmfFactors:
    given = {name: value for name, value in asdict(settings).items() if value != "auto"}
    return WmfFactors(**{**FALLBACK, **given})


def _write(
    output: Path, numbers: WmfFactors, tried: list[TriedNumbers], how: str, at_an_end: Sequence[str]
) -> dict[str, Any]:
    import pandas as pd

    write_numbers(output, numbers)
    columns = [*GRID, "map", "auc", "chosen"]
    lines = [
        {**asdict(one.numbers), **one.score._asdict(), "chosen": one.numbers == numbers} for one in tried
    ]
    pd.DataFrame(lines, columns=columns).to_csv(output / "search.csv", index=False, float_format="%.6g")
    return {**said(numbers), "how": how, "tried": len(tried), "checks": [_check(len(tried), at_an_end)]}


def _check(n_tried: int, at_an_end: Sequence[str]) -> dict[str, Any]:
    inside = "inside" if n_tried else "nothing was tried"
    return check(
        CHOICE_INSIDE_THE_GRID,
        "no number of the factorization is the first or the last that was tried; beyond might be better ones",
        passed=not at_an_end,
        observed=f"at an end: {', '.join(at_an_end)}" if at_an_end else inside,
        expected="inside",
    )
