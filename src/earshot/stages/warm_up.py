"""How fast a song's listeners take over from its sound: n0, chosen on held-out plays of cold songs."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np

from earshot.catalogue.play_counts import read_play_counts
from earshot.catalogue.split import chosen, halves
from earshot.checks import AHEAD_OF_BOTH_ENDS, FIRST_LISTENERS_PUSH_NOTHING_DOWN, NOT_BELOW_EITHER_END, check
from earshot.columns import SONG_ID
from earshot.evaluation import mixed_list, warm_up
from earshot.evaluation.choosing_n0 import Tried, choose, try_all
from earshot.evaluation.cold_start import read_cold_start, read_vectors
from earshot.evaluation.first_listeners import ColdSongs, cold_songs
from earshot.evaluation.mixed_list import MixedList, mix
from earshot.evaluation.warm_up import WarmUpColumn, judge_columns
from earshot.files import write_json
from earshot.params import Params
from earshot.spaces.space import read_space
from earshot.stages.paths import Paths


def run(paths: Paths, params: Params) -> dict[str, Any]:
    """Choose n0 on one half of the artists, show it on the other; write warm_up.json."""
    settings, seed = params.warm_up, params.seed
    songs = _read_songs(paths, params)
    choosing = halves(songs.cold_start.artist_ids, "warm_up")
    tried = try_all(songs.only(choosing), settings, seed)
    n0, shown = choose(tried), songs.only(~choosing)
    columns = judge_columns(shown, n0, settings, seed)
    mixed = [lists for n in settings.listeners if (lists := mix(shown, n, n0, settings, seed))]
    found = {
        "n0": n0,
        "songs": {"choosing": int(choosing.sum()), "shown": int((~choosing).sum())},
        "choice": [_describe(one) for one in tried],
        "columns": [warm_up.describe(column) for column in columns],
        "mixed": [mixed_list.describe(lists, settings.bootstraps, seed) for lists in mixed],
    }
    write_json(paths.output / "warm_up.json", found)
    return _summary(found) | {"checks": _checks(columns, mixed, settings.bootstraps, seed)}


def _read_songs(paths: Paths, params: Params) -> ColdSongs:
    """The cold songs of the snapshot, or so many of them."""
    folder, wmf, predicted = (
        paths.data(name) for name in ("training_set", "wmf_factors", "predicted_factors")
    )
    every = read_cold_start(folder)
    few = every.only(np.isin(every.song_ids, chosen(every.song_ids, params.warm_up.max_songs, "warm_up")))
    vectors = read_vectors(predicted / "item_factors.npy", predicted / "items.parquet", SONG_ID, few.song_ids)
    space = read_space(paths.data("cnn_checkpoint"), wmf)
    return cold_songs(read_play_counts(folder), few, vectors, space)


def _describe(tried: Tried) -> dict[str, Any]:
    return asdict(tried) | {"auc": None if math.isnan(tried.auc) else round(tried.auc, 6)}


def _summary(found: dict[str, Any]) -> dict[str, Any]:
    values = {
        f"{name}_auc_{column['listeners']}_listeners": system["auc"]
        for column in found["columns"]
        for name, system in column["systems"].items()
    }
    return {"n0": found["n0"], "songs": found["songs"]["shown"], **values}


def _checks(
    columns: list[WarmUpColumn], mixed: list[MixedList], bootstraps: int, seed: int
) -> list[dict[str, Any]]:
    below, ahead = warm_up.below_an_end(columns), warm_up.ahead_of_both(columns)
    down = [lists.listeners for lists in mixed if lists.rise("relevant", bootstraps, seed).high < 0]
    return [
        check(
            NOT_BELOW_EITHER_END,
            "sound and first listeners together find the others no worse than either alone",
            passed=not below,
            observed="; ".join(below) or "nowhere below",
            expected="no paired interval below 0, in AUC or mAP, with any number of listeners",
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
            observed=f"lower with {', '.join(map(str, down))} listeners" if down else "lower nowhere",
            expected="no interval of the rise below 0",
        ),
    ]
