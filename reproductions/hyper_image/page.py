"""The page of the reproduction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from earshot.catalogue.split import chosen
from earshot.columns import SONG_ID
from earshot.pages.elements import document, facts, number, section, signed, table, text
from earshot.pages.results import draw_systems
from earshot.pages.songs import ShownSong, describe_songs, songs_to_draw
from hyper_image.cloud import SCRIPT, draw_cloud, three_components
from hyper_image.params import HyperImageParams
from hyper_image.snippets import GENRE, HELD_OUT
from hyper_image.song_level import COSINE, LOGISTIC, NEIGHBOUR

HEADINGS = {"precision_at_1": "Precision@1", "precision_at_3": "Precision@3", "macro_f1": "Macro F1"}
SPLITS = {
    "snippet": ("Random snippets", "A network has met other snippets of the same songs."),
    "song": ("Whole songs", "It has met other songs of the same artists."),
    "artist": ("By artist", "It has met neither song nor artist."),
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
) -> str:
    """One HTML document that loads nothing; `metrics` as in metrics.json, the others as the files beside.

    `embedding` is float32 (n_songs, width), a row for each of `songs`.
    """
    parts = (
        _header(metrics, params.candidate),
        _results(metrics, params),
        _songs(metrics, params),
        _folds(metrics),
        _cloud(songs, embedding),
        _neighbours(songs, near, metrics["protocol"]["by"][-1]),
        _protocol(metrics["protocol"]),
    )
    return document("hyper-image genres", "\n".join(parts), f"<script>{SCRIPT}</script>")


def _header(metrics: Mapping[str, Any], candidate: str) -> str:
    found = {by: values["systems"][candidate]["precision_at_1"] for by, values in metrics["splits"].items()}
    strictest = metrics["protocol"]["by"][-1]
    lead = (
        f"<b>{text(candidate)}</b> names the genre of <b>{number(found[strictest])}</b> of the snippets of "
        f"{UNMET[strictest]}."
    )
    if "snippet_minus_artist" in metrics:
        flattery = metrics["snippet_minus_artist"][candidate]
        low, high = flattery["precision_at_1_ci95_artists"]
        lead += (
            f" Split at random it seems to name {number(found['snippet'])}: that flatters "
            f"it by <b>{signed(flattery['precision_at_1'])}</b> ({signed(low)} to {signed(high)})."
        )
    return (
        '<header class="top"><p class="brand">earshot <span>the hyper-image paper</span></p>'
        "<h1>The genre of a song, from a few seconds of it</h1>"
        f"<p>{lead}</p></header>"
    )


def _results(metrics: Mapping[str, Any], params: HyperImageParams) -> str:
    described = {
        "majority": "the most frequent genres of the snippets to learn from; chance, where it is more"
    }
    described |= {
        name: encoder.init_args.get("architecture", "") for name, encoder in params.networks.items()
    }
    tables = (
        f"<h3>{title}</h3><p>{lead}</p>"
        + draw_systems(metrics["splits"][by]["systems"], described, HEADINGS, params.candidate)
        for by, (title, lead) in SPLITS.items()
        if by in metrics["splits"]
    )
    flattery = (
        (
            "<h3>How much random snippets flatter</h3><p>Random snippets minus by artist, the same artists "
            "drawn for both; the fine line is no difference.</p>",
            draw_systems(metrics["snippet_minus_artist"], {}, HEADINGS, params.candidate),
        )
        if "snippet_minus_artist" in metrics
        else ()
    )
    return section(
        "results",
        "Ways of splitting",
        "Precision@k is the share of held-out snippets whose genre is among the k with the highest scores. "
        "Bars are 95 % intervals over artists. Made by <code>make paper</code>.",
        *tables,
        *flattery,
    )


def _songs(metrics: Mapping[str, Any], params: HyperImageParams) -> str:
    described = {LOGISTIC: "logistic regression on the means and deviations of 20 MFCCs"}
    parts = (
        f"<h3>{SPLITS[by][0]}, {found['songs']:,} songs</h3>"
        + draw_systems(found["systems"], described, HEADINGS, params.candidate)
        + f"<p>Minus {LOGISTIC}; the fine line is no difference.</p>"
        + draw_systems(found[f"minus_{LOGISTIC}"], {}, HEADINGS, params.candidate)
        for by, found in metrics["songs"].items()
    )
    return section(
        "songs",
        "Whole songs, against a plain yardstick",
        "The same folds, a song at a time: a network's answers to its held-out snippets as one, beside a "
        "regression that hears no order in time. Differences are paired: the same songs, the same artists "
        "drawn for both.",
        *parts,
    )


def _folds(metrics: Mapping[str, Any]) -> str:
    rows = [
        f'<tr><th scope="row">{text(SPLITS[by][0])}, fold {text(fold)}<small>{text(system)}, '
        f"{found['snippets']:,} snippets of {found['artists']:,} artists</small></th>"
        + "".join(f'<td data-label="{title}">{number(values[name])}</td>' for name, title in HEADINGS.items())
        + "</tr>"
        for by, split in metrics["splits"].items()
        for fold, found in split["folds"].items()
        for system, values in found["systems"].items()
    ]
    drawn = table(["Fold", *HEADINGS.values()], rows, "results")
    summary = "<summary>Every fold by itself, as in Table 1 of the paper</summary>"
    return f"<details>{summary}{drawn}</details>"


def _cloud(songs: pd.DataFrame, embedding: NDArray[np.float32]) -> str:
    drawn = songs[SONG_ID].isin(songs_to_draw(songs[SONG_ID], (), MOST_POINTS)).to_numpy()
    points = three_components(embedding)[drawn]
    names = [_name(song) for song in describe_songs(songs[drawn]).values()]
    return section(
        "embedding",
        "All songs, as the network hears them",
        f"The last fully connected layer, {embedding.shape[1]} values a song, by its first three principal "
        "components. Drag to turn; point at a song for its name.",
        draw_cloud(points, songs.loc[drawn, GENRE].tolist(), names),
    )


def _neighbours(songs: pd.DataFrame, near: pd.DataFrame, by: str) -> str:
    described = describe_songs(songs)
    unmet = songs[HELD_OUT] if by != "snippet" else songs[SONG_ID] != ""
    asked = chosen(songs.loc[unmet, SONG_ID], SHOWN_NEIGHBOURS, "neighbours")
    lists = dict(iter(near.groupby(SONG_ID, sort=False)))
    rows = [
        f'<tr><th scope="row">{text(_name(described[song_id]))}</th>'
        f"<td>{_list(lists[song_id], described)}</td></tr>"
        for song_id in asked
    ]
    return section(
        "neighbours",
        "Nearest by the embedding",
        f"Songs{NEIGHBOURS_OF[by]}, drawn by a hash of their ids, and the others whose "
        "embeddings point most nearly the same way (cosine).",
        table(["Song", "Nearest"], rows, "results"),
    )


def _list(lines: pd.DataFrame, described: Mapping[str, ShownSong]) -> str:
    return "<br>".join(
        f"{text(_name(described[song_id]))} {number(cosine, 2)}"
        for song_id, cosine in zip(lines[NEIGHBOUR], lines[COSINE], strict=True)
    )


def _name(song: ShownSong) -> str:
    return " · ".join(part for part in (song.title, song.artist, song.genre) if part)


def _protocol(protocol: Mapping[str, Any]) -> str:
    asked = {
        "Folds held out": f"{len(protocol['held_out'])} of {protocol['folds']}",
        "Snippets": f"{protocol['snippets']:,} of {protocol['snippet_seconds']:g} s",
        "Songs": f"{protocol['songs']:,} of {protocol['artists']:,} artists",
        **{f"Songs left out, {why}": f"{n:,}" for why, n in protocol["songs_left_out"].items()},
        **{f"Songs of {genre}": f"{n:,}" for genre, n in protocol["songs_by_genre"].items()},
    }
    lead = "Songs of one genre, that enough songs are of, cut into snippets side by side."
    return section("protocol", "What took part", lead, facts(asked))
