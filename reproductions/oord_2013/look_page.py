"""The page of the closer look."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from earshot.columns import ARTIST, SONG_ID, TITLE
from earshot.pages.elements import document, number, section, table, text
from earshot.pages.script import SCRIPT
from earshot.pages.song_map import draw_map

_FACTORS_SHOWN = 5


def draw_page(songs: pd.DataFrame, tables: Mapping[str, pd.DataFrame]) -> str:
    """One HTML document that loads nothing, of the tables that stand as CSV beside it."""
    parts = (
        '<header class="top"><p class="brand">earshot <span>van den Oord et al. 2013</span></p>'
        "<h1>What factors know of songs</h1>"
        "<p>One fold, one seed. Cold songs count as what their plays would make of them, or as what "
        "the network hears.</p></header>",
        _tags(tables["tags"]),
        _artists(tables["artists"]),
        _neighbours(songs, tables["neighbours"]),
        _map(songs, tables["map"]),
    )
    return document("a closer look", "\n".join(parts), f"<script>{SCRIPT}</script>")


def _tags(tags: pd.DataFrame) -> str:
    kinds = list(tags.columns[2:])
    rows = [
        _row(str(line.tag), str(line.n_songs), *(number(getattr(line, kind)) for kind in kinds))
        for line in tags.itertuples(index=False)
    ]
    means = [number(float(mean)) for mean in tags[kinds].mean()] if len(tags) else []
    mean = [_row("mean", "", *means)] if means else []
    lead = (
        "AUC of a logistic regression for each of the most popular tags, from the factors, from what the "
        "network hears and from the bag of words (section 5.1)."
    )
    shown = table(["Tag", "Songs", *kinds], [*mean, *rows], "results") if rows else "<p>No tags.</p>"
    return section("tags", "Tags", lead, shown)


def _artists(artists: pd.DataFrame) -> str:
    rows = []
    for factor in range(min(_FACTORS_SHOWN, artists["factor"].max() + 1)):
        own = artists[artists["factor"] == factor]
        ends = (
            ", ".join(text(name) for name in own.loc[own["end"] == end, "artist"]) for end in ("high", "low")
        )
        rows.append(_row(f"factor {factor}", *ends))
    lead = "Artists with the most extreme means of the first factors (Table 1); all are in artists.csv."
    return section("artists", "Artists", lead, table(["Factor", "High", "Low"], rows, "results"))


def _neighbours(songs: pd.DataFrame, neighbours: pd.DataFrame) -> str:
    names = _names(songs)
    rows = []
    for song_id, own in neighbours.groupby("song_id", sort=False):
        lists = (
            "<br>".join(text(names[near]) for near in own.loc[own["by"] == by, "neighbour"])
            for by in ("plays", "sound")
        )
        rows.append(_row(names[str(song_id)], *lists))
    lead = "Nearest to the most heard songs by the cosine of usage patterns: of plays, of sound (Table 4)."
    return section("neighbours", "Neighbours", lead, table(["Song", "By plays", "By sound"], rows, "results"))


def _map(songs: pd.DataFrame, places: pd.DataFrame) -> str:
    shown = songs.set_index(SONG_ID, drop=False).loc[places[SONG_ID]]
    lead = "t-SNE of the usage patterns that are heard, coloured by genre (Figure 1). Hollow songs are cold."
    return section("map", "Map", lead, draw_map(shown, places[["x", "y"]].to_numpy(), ()))


def _names(songs: pd.DataFrame) -> dict[str, str]:
    titles = songs[TITLE].fillna("").where(songs[TITLE].fillna("") != "", songs[SONG_ID])
    artists = songs[ARTIST].fillna("")
    names = titles.where(artists == "", titles + " · " + artists)
    return dict(zip(songs[SONG_ID], names, strict=True))


def _row(heading: str, *cells: str) -> str:
    """`heading` is text, `cells` are HTML."""
    return f'<tr><th scope="row">{text(heading)}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'
