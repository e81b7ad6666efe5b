"""The songs that a report shows: which, what is said of them, and how they sound."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import pandas as pd

from earshot.catalogue.split import chosen
from earshot.columns import ARTIST, SONG_ID, TITLE
from earshot.pages.elements import data_uri, number, text
from earshot.pages.song_map import first_genre


@dataclass(frozen=True)
class ShownSong:
    """What the page says of a song; `title` is its id where it has none."""

    song_id: str
    title: str
    artist: str
    genre: str


@dataclass(frozen=True)
class Example:
    """A song with its picture (PNG) and its nearest neighbours with their cosines, nearest first."""

    song: ShownSong
    picture: bytes
    neighbours: Sequence[tuple[ShownSong, float]]


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


def _neighbour(song: ShownSong, cosine: float, playable: Collection[str]) -> str:
    return (
        f'<li>{_play(song, playable)}{_name(song, "div")}<span class="cosine">{number(cosine, 2)}</span></li>'
    )


def _name(song: ShownSong, tag: str) -> str:
    detail = " · ".join(text(part) for part in (song.artist, song.genre) if part)
    return f'<{tag} class="name"><b>{text(song.title)}</b><small>{detail}</small></{tag}>'


def _play(song: ShownSong, playable: Collection[str]) -> str:
    if song.song_id not in playable:
        return '<span class="play silent" aria-hidden="true"></span>'
    return (
        f'<button class="play" data-sound="{text(song.song_id)}" aria-pressed="false" '
        f'aria-label="Play {text(song.title)}"></button>'
    )


def read_clips(training_set: Path) -> dict[str, Path]:
    """song_id -> audio file of the clips that came with the training set, in its order."""
    table = pd.read_parquet(training_set / "clips" / "clips.parquet")
    files = (training_set / "clips" / name for name in table["clip"])
    return dict(zip(table[SONG_ID], files, strict=True))


def songs_to_draw(song_ids: Iterable[str], always: Iterable[str], most: int) -> list[str]:
    """`most` songs of `song_ids` by hash, and those of `always`; sorted."""
    return sorted({*chosen(song_ids, most, "map"), *always})


def describe_songs(songs: pd.DataFrame) -> dict[str, ShownSong]:
    """song_id -> what the page says of it, from columns of songs.parquet."""
    titles, artists = songs[TITLE].fillna(""), songs[ARTIST].fillna("")
    return {
        song_id: ShownSong(song_id, title or song_id, artist, genre)
        for song_id, title, artist, genre in zip(
            songs[SONG_ID], titles, artists, first_genre(songs), strict=True
        )
    }


MEDIA_TYPES = {
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".oga": "audio/ogg",
    ".opus": "audio/ogg",
    ".flac": "audio/flac",
    ".wav": "audio/wav",
    ".m4a": "audio/mp4",
    ".mp4": "audio/mp4",
    ".aac": "audio/aac",
}
"""What a browser plays; a clip of another kind stays silent."""

MAX_BYTES = 9_000_000
"""Of audio in one page (a third more as text)."""


def choose_sounds(
    clips: Mapping[str, Path], wanted: Iterable[str], most_bytes: int = MAX_BYTES
) -> dict[str, Path]:
    """The clips of `wanted` songs, first come first served, that browsers play and that fit into the page."""
    chosen: dict[str, Path] = {}
    left = most_bytes
    for song_id in wanted:
        clip = clips.get(song_id)
        if song_id in chosen or clip is None or clip.suffix.lower() not in MEDIA_TYPES:
            continue
        if (size := clip.stat().st_size) <= left:
            chosen[song_id] = clip
            left -= size
    return chosen


def audio_elements(sounds: Mapping[str, Path]) -> str:
    """Every clip once; buttons and dots name it by its song."""
    return "\n".join(
        f'<audio preload="none" data-song="{text(song_id)}" '
        f'src="{data_uri(clip.read_bytes(), MEDIA_TYPES[clip.suffix.lower()])}"></audio>'
        for song_id, clip in sounds.items()
    )


ROWS = {
    "Waveform": "The sound itself: the swing of the membrane over time.",
    "Power spectrum": "How strong each frequency is at each moment; on the logarithmic axis every octave "
    "has the same room, as in the ear.",
    "Constant-Q": "The same with filters that widen with their pitch, so that notes lie evenly spaced.",
    "Chroma": "The twelve pitch classes, whatever their octave: the harmony. Grey is silence.",
    "Tempogram": "The tempi at which a passage repeats itself, a tempo and its double being one.",
    "Log mel": "Power in bands as wide as hearing is coarse.",
    "MFCC": "The outline of the mel bands in a few numbers, the timbre; Δ and ΔΔ are how it changes.",
    "Contrast": "How far peaks stand above valleys, octave by octave: tone against noise.",
    "Tonnetz": "The harmony as a point on the circles of fifths, minor and major thirds.",
    "Hyper-image": "The rows of the six before it and of the changes of MFCC, each on a scale that is the "
    "same for every song.",
}


def draw_sheet(song: ShownSong, sheet: bytes) -> str:
    """The sheet (PNG) of `song`, folded, with a sentence a row."""
    rows = "".join(f"<dt>{text(name)}</dt><dd>{text(said)}</dd>" for name, said in ROWS.items())
    return (
        f"<details><summary>{text(song.title)}, step by step</summary>"
        f'<dl class="steps">{rows}</dl><div class="seen">'
        f'<img alt="Sheet of {text(song.title)}" src="{data_uri(sheet, "image/png")}"></div></details>'
    )
