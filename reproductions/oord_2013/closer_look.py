"""Section 5 of the paper: what factors tell of tags and artists, and which songs they put together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from comparison.foot import draw_sources
from earshot.arrays import positions_of
from earshot.catalogue.split import chosen
from earshot.columns import ARTIST, ARTIST_ID, N_LISTENERS, SONG_ID, TAGS
from earshot.evaluation.song_map import lay_out
from earshot.evaluation.tags import tag_table
from earshot.recommend.similar import similar_songs
from earshot.stages.paths import Paths
from oord_2013.look import Look, read_look
from oord_2013.look_page import draw_page
from oord_2013.params import Oord2013

PARAMS = Oord2013


def run(paths: Paths, params: Oord2013) -> dict[str, Any]:
    """Write tags.csv, artists.csv, neighbours.csv, map.csv and report.html."""
    look, settings = read_look(paths.data("oord_2013") / "cross_validation" / "first_run"), params.closer_look
    vectors = {"factors": look.wmf_factors, "predicted": look.predicted_patterns, "bag_of_words": look.bags}
    tables = {
        "tags": tag_table(look.songs[TAGS].fillna("").tolist(), vectors, settings.tags, seed=0),
        "artists": extreme_artists(look, settings.artists),
        "neighbours": nearest_songs(look, settings.songs, settings.neighbours),
        "map": song_map(look, settings.map_songs),
    }
    for name, table in tables.items():
        table.to_csv(paths.output / f"{name}.csv", index=False)
    foot = draw_sources(
        paths.root, "reproductions/oord_2013/dvc.yaml:closer_look", ["data/oord_2013/cross_validation"]
    )
    (paths.output / "report.html").write_text(draw_page(look.songs, tables, foot), encoding="utf-8")
    means = tables["tags"][list(vectors)].mean()
    return {"songs": len(look.songs), "tags": len(tables["tags"])} | {
        f"tag_auc_{kind}": None if np.isnan(mean) else round(float(mean), 6) for kind, mean in means.items()
    }


def extreme_artists(look: Look, n: int) -> pd.DataFrame:
    """Table 1: the `n` artists with the largest and the smallest mean of each factor.

    factor, end (`high` or `low`), place, artist, value in standard deviations over artists.
    """
    artists = look.songs[ARTIST_ID].where(look.songs[ARTIST_ID].fillna("") != "", look.songs[SONG_ID])
    means = pd.DataFrame(look.wmf_factors).groupby(artists.to_numpy()).mean()
    names = dict(zip(artists, look.songs[ARTIST].fillna(""), strict=True))
    scaled = (means - means.mean()) / means.std(ddof=0).replace(0, 1)
    lines = []
    for factor in scaled.columns:
        ordered = scaled[factor].sort_values(ascending=False, kind="stable")
        for end, part in (("high", ordered[:n]), ("low", ordered[::-1][:n])):
            for place, (artist, value) in enumerate(part.items(), start=1):
                lines.append((factor, end, place, names[str(artist)] or artist, round(float(value), 4)))
    return pd.DataFrame(lines, columns=["factor", "end", "place", "artist", "value"])


def nearest_songs(look: Look, n_songs: int, n: int) -> pd.DataFrame:
    """Table 4: songs nearest by the cosine of usage patterns, those of the plays beside those heard.

    song_id, by (`plays` or `sound`), place, neighbour (song_id), cosine; of the most heard songs.
    """
    most = look.songs[N_LISTENERS].sort_values(ascending=False, kind="stable").index[:n_songs]
    ids, lines = look.songs[SONG_ID].tolist(), []
    for row in (look.songs.index.get_loc(label) for label in most):
        for by, patterns in (("plays", look.wmf_patterns), ("sound", look.predicted_patterns)):
            # one more, since the song itself is among them
            rows, cosines = similar_songs(patterns, patterns[row], n + 1)
            near = [
                (other, cosine) for other, cosine in zip(rows.tolist(), cosines, strict=True) if other != row
            ]
            for place, (other, cosine) in enumerate(near[:n], start=1):
                lines.append((ids[row], by, place, ids[other], round(float(cosine), 4)))
    return pd.DataFrame(lines, columns=["song_id", "by", "place", "neighbour", "cosine"])


def song_map(look: Look, n: int) -> pd.DataFrame:
    """Figure 1: t-SNE of the usage patterns heard, of at most `n` songs; song_id, x, y (per cent)."""
    picked = chosen(look.songs[SONG_ID], n, "map")
    rows = positions_of(look.songs[SONG_ID], picked)
    places: NDArray[np.float64] = lay_out(look.predicted_patterns[rows], seed=0)
    return pd.DataFrame({SONG_ID: picked, "x": places[:, 0].round(2), "y": places[:, 1].round(2)})
