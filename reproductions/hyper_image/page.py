"""The page of the reproduction."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from markupsafe import Markup
from numpy.typing import NDArray

from earshot.catalogue.split import chosen
from earshot.columns import SONG_ID
from earshot.evaluation.song_map import songs_to_draw
from earshot.pages.render import number, render
from earshot.pages.results import Cell, TableRow, draw_systems, draw_table
from earshot.pages.songs import ShownSong, describe_songs
from hyper_image.cloud import draw_cloud, three_components
from hyper_image.neighbours import COSINE, NEIGHBOUR
from hyper_image.params import LABEL, HyperImageParams
from hyper_image.snippets import HELD_OUT
from hyper_image.song_level import LOGISTIC

HEADINGS = {"precision_at_1": "Precision@1", "precision_at_3": "Precision@3", "macro_f1": "Macro F1"}


class SplitHeading(NamedTuple):
    """A way of splitting, and what a network has met in it of those asked about."""

    title: str
    description: str


SPLITS = {
    "snippet": SplitHeading("Random snippets", "A network has met other snippets of the same songs."),
    "song": SplitHeading("Whole songs", "It has met other songs of the same artists."),
    "artist": SplitHeading("By artist", "It has met neither song nor artist."),
}
UNMET = {"snippet": "songs", "song": "songs it never met", "artist": "artists it never met"}
NEIGHBOURS_OF = {
    "snippet": "",
    "song": " that the network never met",
    "artist": " of artists that the network never met",
}
MOST_POINTS = 2000
SHOWN_NEIGHBOURS = 12


def draw_page(
    metrics: Mapping[str, Any],
    songs: pd.DataFrame,
    embedding: NDArray[np.float32],
    near: pd.DataFrame,
    params: HyperImageParams,
    foot: str = "",
) -> str:
    """One HTML document that loads nothing; `metrics` as in metrics.json, the others as the files beside.

    `embedding` is float32 (n_songs, width), a row for each of `songs`; `foot` is drawn below.
    """
    by = metrics["protocol"]["by"][-1]
    splits = metrics["splits"]
    return render(
        "page.html",
        Path(__file__).parent,
        foot=foot,
        word=params.labels.word,
        candidate=params.candidate,
        precision=splits[by]["systems"][params.candidate]["precision_at_1"],
        unmet=UNMET[by],
        splits=_splits(metrics, params),
        flattery=_flattery(metrics, params.candidate),
        songs=_songs(metrics, params),
        yardstick=LOGISTIC,
        folds=_folds(metrics),
        width=embedding.shape[1],
        cloud=_cloud(songs, embedding),
        neighbours_of=NEIGHBOURS_OF[by],
        neighbours=_neighbours(songs, near, by),
        asked=_asked(metrics["protocol"], params.labels.word),
    )


def _splits(metrics: Mapping[str, Any], params: HyperImageParams) -> list[tuple[SplitHeading, Markup]]:
    """Each way of splitting, the strictest last, and the table of its systems."""
    word = params.labels.word
    described = {
        "majority": f"the most frequent {word}s of the snippets to learn from; chance, where it is more"
    }
    described |= {
        name: encoder.init_args.get("architecture", "") for name, encoder in params.networks.items()
    }
    return [
        (split, draw_systems(metrics["splits"][by]["systems"], described, HEADINGS, params.candidate))
        for by, split in SPLITS.items()
        if by in metrics["splits"]
    ]


def _flattery(metrics: Mapping[str, Any], candidate: str) -> dict[str, Any] | None:
    """How much better the candidate seems on random snippets; None where it was not asked both ways."""
    if "snippet_minus_artist" not in metrics:
        return None
    found = metrics["snippet_minus_artist"]
    low, high = found[candidate]["precision_at_1_ci95_artists"]
    return {
        "seems": metrics["splits"]["snippet"]["systems"][candidate]["precision_at_1"],
        "by": found[candidate]["precision_at_1"],
        "low": low,
        "high": high,
        "table": draw_systems(found, {}, HEADINGS, candidate),
    }


def _songs(
    metrics: Mapping[str, Any], params: HyperImageParams
) -> list[tuple[SplitHeading, int, Markup, Markup]]:
    """Each way of splitting, how many songs were asked about, the systems, and these minus the yardstick."""
    described = {LOGISTIC: "logistic regression on the means and deviations of 20 MFCCs"}
    return [
        (
            SPLITS[by],
            found["songs"],
            draw_systems(found["systems"], described, HEADINGS, params.candidate),
            draw_systems(found[f"minus_{LOGISTIC}"], {}, HEADINGS, params.candidate),
        )
        for by, found in metrics["songs"].items()
    ]


def _folds(metrics: Mapping[str, Any]) -> Markup:
    rows = [
        TableRow(
            f"{SPLITS[by].title}, fold {fold}",
            [Cell(title, words=[number(values[name])]) for name, title in HEADINGS.items()],
            [f"{system}, {found['snippets']:,} snippets of {found['artists']:,} artists"],
        )
        for by, split in metrics["splits"].items()
        for fold, found in split["folds"].items()
        for system, values in found["systems"].items()
    ]
    return draw_table(["Fold", *HEADINGS.values()], rows)


def _cloud(songs: pd.DataFrame, embedding: NDArray[np.float32]) -> Markup:
    drawn = songs[SONG_ID].isin(songs_to_draw(songs[SONG_ID], (), MOST_POINTS)).to_numpy()
    names = [_name(song) for song in describe_songs(songs[drawn]).values()]
    return draw_cloud(three_components(embedding)[drawn], songs.loc[drawn, LABEL].tolist(), names)


def _neighbours(songs: pd.DataFrame, near: pd.DataFrame, by: str) -> Markup:
    described = describe_songs(songs)
    unmet = songs[HELD_OUT] if by != "snippet" else songs[SONG_ID] != ""
    asked = chosen(songs.loc[unmet, SONG_ID], SHOWN_NEIGHBOURS, "neighbours")
    lists = dict(iter(near.groupby(SONG_ID, sort=False)))
    rows = [
        TableRow(_name(described[song_id]), [Cell("Nearest", words=_lines(lists[song_id], described))])
        for song_id in asked
    ]
    return draw_table(["Song", "Nearest"], rows)


def _lines(near: pd.DataFrame, described: Mapping[str, ShownSong]) -> list[str]:
    return [
        f"{_name(described[song_id])} {number(cosine, 2)}"
        for song_id, cosine in zip(near[NEIGHBOUR], near[COSINE], strict=True)
    ]


def _name(song: ShownSong) -> str:
    return " · ".join(part for part in (song.title, song.artist, song.genre) if part)


def _asked(protocol: Mapping[str, Any], word: str) -> dict[str, str]:
    return {
        "Folds held out": f"{len(protocol['held_out'])} of {protocol['folds']}",
        "Snippets": f"{protocol['snippets']:,} of {protocol['snippet_seconds']:g} s",
        "Songs": f"{protocol['songs']:,} of {protocol['artists']:,} artists",
        **{f"Songs left out, {why}": f"{n:,}" for why, n in protocol["songs_left_out"].items()},
        **{f"Songs of {label}": f"{n:,}" for label, n in protocol[f"songs_by_{word}"].items()},
    }
