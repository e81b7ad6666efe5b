"""A few songs: what the encoder sees of them, and what it finds alike."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from earshot.evaluation.report.elements import data_uri, number, text


@dataclass(frozen=True)
class Song:
    """What the page says of a song; `title` is its id where it has none."""

    song_id: str
    title: str
    artist: str
    genre: str


@dataclass(frozen=True)
class Example:
    """A song with its picture (PNG) and its nearest neighbours with their cosines, nearest first."""

    song: Song
    picture: bytes
    neighbours: Sequence[tuple[Song, float]]


def in_order_of_need(examples: Sequence[Example]) -> list[str]:
    """Songs whose sound the page wants, the most wanted first: the examples, then all nearest, ..."""
    lists = [[example.song, *(song for song, _ in example.neighbours)] for example in examples]
    return [song.song_id for rank in zip_longest(*lists) for song in rank if song is not None]


def draw_examples(examples: Sequence[Example], playable: Collection[str]) -> str:
    """A card a song."""
    return "".join(_card(example, playable) for example in examples)


def _card(example: Example, playable: Collection[str]) -> str:
    picture = data_uri(example.picture, "image/png")
    items = "".join(_neighbour(song, cosine, playable) for song, cosine in example.neighbours)
    near = f'<div class="near"><h4>Sounds alike</h4><ol>{items}</ol></div>' if items else ""
    return (
        f'<article class="song"><header>{_play(example.song, playable)}{_name(example.song, "h3")}</header>'
        f'<div class="seen"><img alt="Hyper-image of {text(example.song.title)}" src="{picture}"></div>'
        f"{near}</article>"
    )


def _neighbour(song: Song, cosine: float, playable: Collection[str]) -> str:
    return (
        f'<li>{_play(song, playable)}{_name(song, "div")}<span class="cosine">{number(cosine, 2)}</span></li>'
    )


def _name(song: Song, tag: str) -> str:
    detail = " · ".join(text(part) for part in (song.artist, song.genre) if part)
    return f'<{tag} class="name"><b>{text(song.title)}</b><small>{detail}</small></{tag}>'


def _play(song: Song, playable: Collection[str]) -> str:
    if song.song_id not in playable:
        return '<span class="play silent" aria-hidden="true"></span>'
    return (
        f'<button class="play" data-sound="{text(song.song_id)}" aria-pressed="false" '
        f'aria-label="Play {text(song.title)}"></button>'
    )
