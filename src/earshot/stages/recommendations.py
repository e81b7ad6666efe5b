"""The songs each listener should hear next."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from earshot.columns import N_LISTENERS, SONG_ID, USER_ID, WITHDRAWN
from earshot.files import read_json
from earshot.params import Params
from earshot.plays.tables import PlayCounts, read_play_counts
from earshot.recommend.hybrid import Ids, columns_of
from earshot.recommend.ranking import rank_songs
from earshot.recommend.tables import write_recommendations
from earshot.stages.paths import Paths

TABLE = "recommendations.parquet"


def run(paths: Paths, params: Params) -> dict[str, Any]:
    """Write recommendations.parquet: for every listener the k best songs not played yet and not withdrawn."""
    served = paths.data("served_factors")
    summary = read_json(served / "summary.json")
    songs = pd.read_parquet(served / "items.parquet")
    song_ids, cold = songs[SONG_ID].to_numpy(dtype=object), songs[N_LISTENERS].to_numpy() == 0
    user_ids = pd.read_parquet(served / "users.parquet")[USER_ID].to_numpy(dtype=object)
    lists = rank_songs(
        np.load(served / "user_factors.npy", allow_pickle=False),
        np.load(served / "item_factors.npy", allow_pickle=False),
        _played(read_play_counts(paths.data("play_counts")), user_ids, song_ids),
        np.isin(song_ids, _listed(paths.data("raw_audio"))),
        params.recommendations.k,
    )
    release = summary["release"]
    rows = write_recommendations(paths.output / TABLE, lists, user_ids, song_ids, cold, str(release))
    told = {"reason": summary["reason"]} if release is None else {"cold_songs": int(cold.sum())}
    return {"release": release, "listeners": len(user_ids), "rows": rows, **told}


def _listed(raw_audio: Path) -> Ids:
    """Songs that may stand in a list: those of the catalogue that are not withdrawn."""
    catalogue = pd.read_parquet(raw_audio / "songs.parquet", columns=[SONG_ID, WITHDRAWN])
    return catalogue.loc[~catalogue[WITHDRAWN], SONG_ID].to_numpy(dtype=object)


def _played(plays: PlayCounts, user_ids: Ids, song_ids: Ids) -> Any:
    by_song = columns_of(plays.matrix.T.tocsr(), plays.user_ids, user_ids)
    return columns_of(by_song.T.tocsr(), plays.song_ids, song_ids)
