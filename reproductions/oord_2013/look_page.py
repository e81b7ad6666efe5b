"""The page of the closer look."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from markupsafe import Markup

from earshot.columns import ARTIST, SONG_ID, TITLE
from earshot.pages.render import number, render
from earshot.pages.results import Cell, TableRow, draw_table
from earshot.pages.song_map import draw_map

_FACTORS_SHOWN = 5
_ENDS = {"high": "High", "low": "Low"}
_BY = {"plays": "By plays", "sound": "By sound"}


def draw_page(songs: pd.DataFrame, tables: Mapping[str, pd.DataFrame], foot: str = "") -> str:
    """The page, above its `foot`: one HTML document that loads nothing, of the tables beside it."""
    places = tables["map"]
    shown = songs.set_index(SONG_ID, drop=False).loc[places[SONG_ID]]
    return render(
        "look_page.html",
        Path(__file__).parent,
        tags=_tags(tables["tags"]),
        artists=_artists(tables["artists"]),
        neighbours=_neighbours(songs, tables["neighbours"]),
        map=draw_map(shown, places[["x", "y"]].to_numpy(), ()),
        foot=foot,
    )


def _tags(tags: pd.DataFrame) -> Markup | None:
    """The mean over tags, and each of them; None where there are none."""
    if tags.empty:
        return None
    kinds = [str(kind) for kind in tags.columns[2:]]
    lines = [
        ("mean", "", tags[kinds].mean()),
        *((line["tag"], line["n_songs"], line) for _, line in tags.iterrows()),
    ]
    rows = [
        TableRow(
            str(tag),
            [
                Cell("Songs", words=[str(n_songs)]),
                *(Cell(kind, words=[number(float(aucs[kind]))]) for kind in kinds),
            ],
        )
        for tag, n_songs, aucs in lines
    ]
    return draw_table(["Tag", "Songs", *kinds], rows)


def _artists(artists: pd.DataFrame) -> Markup:
    rows = []
    for factor in range(min(_FACTORS_SHOWN, artists["factor"].max() + 1)):
        own = artists[artists["factor"] == factor]
        cells = [
            Cell(heading, words=[", ".join(own.loc[own["end"] == end, "artist"])])
            for end, heading in _ENDS.items()
        ]
        rows.append(TableRow(f"factor {factor}", cells))
    return draw_table(["Factor", *_ENDS.values()], rows)


def _neighbours(songs: pd.DataFrame, neighbours: pd.DataFrame) -> Markup:
    names = _names(songs)
    rows = []
    for song_id, own in neighbours.groupby("song_id", sort=False):
        cells = [
            Cell(heading, words=[names[near] for near in own.loc[own["by"] == by, "neighbour"]])
            for by, heading in _BY.items()
        ]
        rows.append(TableRow(names[str(song_id)], cells))
    return draw_table(["Song", *_BY.values()], rows)


def _names(songs: pd.DataFrame) -> dict[str, str]:
    titles = songs[TITLE].fillna("").where(songs[TITLE].fillna("") != "", songs[SONG_ID])
    artists = songs[ARTIST].fillna("")
    names = titles.where(artists == "", titles + " · " + artists)
    return dict(zip(songs[SONG_ID], names, strict=True))
