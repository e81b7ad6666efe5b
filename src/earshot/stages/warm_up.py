"""How fast a song's listeners take over from its sound: n0, chosen on held-out plays of cold songs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from earshot.catalogue.play_counts import read_play_counts
from earshot.catalogue.play_dates import read_play_dates
from earshot.catalogue.split import chosen, halves
from earshot.checks import (
    AHEAD_OF_BOTH_ENDS,
    FIRST_LISTENERS_PUSH_NOTHING_DOWN,
    N0_INSIDE_ITS_GRID,
    NOT_BELOW_EITHER_END,
    SOME_N0_PUSHES_NOTHING_DOWN,
    check,
)
from earshot.columns import SONG_ID
from earshot.evaluation import mixed_list, warm_up
from earshot.evaluation.arrivals import Draw
from earshot.evaluation.choosing_n0 import Tried, choose, mean_listeners, try_all
from earshot.evaluation.cold_start import read_cold_start, read_vectors
from earshot.evaluation.first_listeners import ColdSongs, cold_songs
from earshot.evaluation.mixed_list import MixedList, mix
from earshot.evaluation.tables import rounded
from earshot.evaluation.warm_up import WarmUpColumn, judge_columns, starts
from earshot.files import write_json
from earshot.params import Params
from earshot.spaces.space import read_space
from earshot.stages.paths import Paths


def run(paths: Paths, params: Params) -> dict[str, Any]:
    """Choose n0 on one half of the artists, show it on the other; write warm_up.json."""
    settings, seed = params.warm_up, params.seed
    songs = read_songs(paths, params)
    mean = mean_listeners(read_play_counts(paths.data("training_set")), songs.space)
    choosing = halves(songs.cold_start.artist_ids, "warm_up")
    tried = try_all(songs.only(choosing), mean, settings, seed)
    best, shown = choose(tried), songs.only(~choosing)
    columns = judge_columns(shown, best.n0, settings, seed)
    mixed = {draw: _mix(shown, draw, best.n0, params) for draw in shown.draws}
    found = {
        "n0": best.n0,
        "multiple": best.multiple,
        "mean_listeners": rounded(mean),
        "songs": {"choosing": int(choosing.sum()), "shown": int((~choosing).sum())},
        "choice": [_describe(one) for one in tried],
        "draws": [
            {
                "draw": draw,
                "columns": [warm_up.describe(column) for column in columns[draw]],
                "mixed": [mixed_list.describe(lists, settings.bootstraps, seed) for lists in mixed[draw]],
            }
            for draw in shown.draws
        ],
    }
    write_json(paths.output / "warm_up.json", found)
    checks = [*_checks(columns, mixed, settings.bootstraps, seed), *_checks_of_choice(best, tried)]
    return _summary(found) | {"checks": checks}


def read_songs(paths: Paths, params: Params) -> ColdSongs:
    """The cold songs of the snapshot, or so many of them."""
    folder, wmf, predicted = (
        paths.data(name) for name in ("training_set", "wmf_factors", "predicted_factors")
    )
    every = read_cold_start(folder)
    few = every.only(np.isin(every.song_ids, chosen(every.song_ids, params.warm_up.max_songs, "warm_up")))
    vectors = read_vectors(predicted / "item_factors.npy", predicted / "items.parquet", SONG_ID, few.song_ids)
    space = read_space(paths.data("cnn_checkpoint"), wmf)
    return cold_songs(read_play_counts(folder), few, vectors, space, read_play_dates(folder))


def _mix(songs: ColdSongs, draw: Draw, n0: float, params: Params) -> list[MixedList]:
    settings, seed = params.warm_up, params.seed
    mixed = [mix(starts(songs, draw, n, settings, seed), n, n0, seed) for n in settings.listeners]
    return [lists for lists in mixed if lists is not None]


def _describe(tried: Tried) -> dict[str, Any]:
    rises = [asdict(rise) | {"value": rounded(rise.value)} for rise in tried.rises]
    return {"n0": tried.n0, "multiple": tried.multiple, "auc": rounded(tried.auc), "rises": rises}


def _summary(found: dict[str, Any]) -> dict[str, Any]:
    first, *_ = found["draws"]
    values = {
        f"{name}_auc_{column['listeners']}_listeners": system["auc"]
        for column in first["columns"]
        for name, system in column["systems"].items()
    }
    rises = [row["relevant"]["rise"] for drawn in found["draws"] for row in drawn["mixed"]]
    return {
        "n0": found["n0"],
        "n0_multiple": found["multiple"],
        "mean_listeners": found["mean_listeners"],
        "songs": found["songs"]["shown"],
        "lowest_rise": min(rises, default=None),
        **values,
    }


def _checks(
    columns: Mapping[Draw, Sequence[WarmUpColumn]],
    mixed: Mapping[Draw, Sequence[MixedList]],
    bootstraps: int,
    seed: int,
) -> list[dict[str, Any]]:
    below = [f"{draw}: {where}" for draw, those in columns.items() for where in warm_up.below_an_end(those)]
    ahead = warm_up.ahead_of_both(next(iter(columns.values())))
    down = [
        f"{draw}: {lists.listeners}"
        for draw, those in mixed.items()
        for lists in those
        if lists.rise("relevant", bootstraps, seed).high < 0
    ]
    return [
        check(
            NOT_BELOW_EITHER_END,
            "sound and first listeners together find the others no worse than either alone",
            passed=not below,
            observed="; ".join(below) or "nowhere below",
            expected="no paired interval below 0, in AUC or mAP, whoever comes first",
        ),
        check(
            AHEAD_OF_BOTH_ENDS,
            "there are numbers of listeners with which they find them better than either alone",
            passed=bool(ahead),
            observed=f"with {', '.join(map(str, ahead))} listeners" if ahead else "nowhere ahead",
            expected="both paired intervals of the AUC above 0",
        ),
        check(
            FIRST_LISTENERS_PUSH_NOTHING_DOWN,
            "in one list with new songs, first listeners do not lower a song for those yet to play it",
            passed=not down,
            observed=f"lower with listeners {', '.join(down)}" if down else "lower nowhere",
            expected="no interval of the rise below 0, whoever comes first",
        ),
    ]


def _checks_of_choice(best: Tried, tried: Sequence[Tried]) -> list[dict[str, Any]]:
    lowest, ends = best.lowest, (tried[0].multiple, tried[-1].multiple)
    fall = f"{lowest.draw}, {lowest.listeners} listeners: {lowest.value:+.4f}" if lowest else "nobody to ask"
    return [
        check(
            SOME_N0_PUSHES_NOTHING_DOWN,
            "with the n0 that is chosen, first listeners lower no song in the lists that it is chosen on",
            passed=best.loss == 0,
            observed=fall,
            expected="no rise below 0, whoever comes first",
        ),
        check(
            N0_INSIDE_ITS_GRID,
            "the n0 that is chosen has smaller and larger ones beside it",
            passed=best.multiple not in ends,
            observed=f"{best.multiple:g} times the mean listeners of a song",
            expected=f"between {ends[0]:g} and {ends[1]:g} (warm_up.n0_multiples)",
        ),
    ]
