"""Writing the catalogue, the later new songs, and the first plays of these, as deliveries."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from earshot import columns
from earshot.datasets.embedded.catalogue import (
    N_LISTENERS,
    N_SONGS,
    MadeSong,
    catalogue_songs,
    larger_catalogue,
    new_songs,
    play_table,
    song_table,
)
from earshot.datasets.embedded.instruments import SAMPLE_RATE
from earshot.datasets.embedded.randomness import digest
from earshot.datasets.embedded.synthesis import render
from earshot.errors import UserError
from earshot.executors import parallel_map
from earshot.files import write_json

SOURCE = "earshot-demo"


def write_catalogue(folder: Path, n_songs: int = N_SONGS, n_listeners: int = N_LISTENERS) -> None:
    """Write songs, plays and sound as the delivery `folder`.

    It appears whole or not at all, and rendering that was interrupted is
    continued. Fewer songs and listeners make a small catalogue for tests.

    Raises
    ------
    UserError
        `folder` is there already.
    """
    _write_songs_and_plays(folder, catalogue_songs(n_songs), n_listeners)


def write_larger_catalogue(folder: Path, n_artists: int) -> None:
    """Write a catalogue of `n_artists`, which is not the frozen one; otherwise as `write_catalogue`."""
    _write_songs_and_plays(folder, *larger_catalogue(n_artists))


def _write_songs_and_plays(folder: Path, songs: list[MadeSong], n_listeners: int) -> None:
    unfinished = _begin(folder, songs)
    _write_songs(unfinished, songs)
    play_table(songs, n_listeners).to_csv(unfinished / "plays.csv", index=False)
    unfinished.rename(folder)


def write_new_songs(folder: Path) -> None:
    """Write the later delivery of songs that nobody has played; otherwise as `write_catalogue`."""
    songs = new_songs()
    unfinished = _begin(folder, songs)
    _write_songs(unfinished, songs)
    unfinished.rename(folder)


def write_first_plays(folder: Path, n_songs: int = N_SONGS, n_listeners: int = N_LISTENERS) -> None:
    """Write what the listeners of the catalogue play of the new songs; otherwise as `write_catalogue`."""
    later = new_songs()
    plays = play_table([*catalogue_songs(n_songs), *later], n_listeners)
    unfinished = _begin(folder, later)
    of_these = plays[columns.SONG_ID].isin([song.song_id for song in later])
    plays[of_these].to_csv(unfinished / "plays.csv", index=False)
    _describe(unfinished)
    unfinished.rename(folder)


def _begin(folder: Path, songs: list[MadeSong]) -> Path:
    """The hidden folder beside `folder` to write in; its name says for which songs."""
    if folder.exists():
        raise UserError(f"{folder}: there already; name a folder that is not")
    key = digest("delivery", *(song.number for song in songs))[:8]
    unfinished = folder.with_name(f".{folder.name}.{key}.unfinished")
    unfinished.mkdir(parents=True, exist_ok=True)
    return unfinished


def _write_songs(folder: Path, songs: list[MadeSong]) -> None:
    (folder / "audio").mkdir(exist_ok=True)
    missing = [song for song in songs if not (folder / song.audio).exists()]
    for _ in parallel_map(partial(write_audio, folder), missing, description="Rendering songs", unit="songs"):
        pass
    song_table(songs).to_csv(folder / "songs.csv", index=False)
    _describe(folder)


def _describe(folder: Path) -> None:
    write_json(folder / "delivery.json", {columns.SOURCE: SOURCE, "plays": "increment"})


def write_audio(folder: Path, song: MadeSong) -> None:
    """Render one song to its MP3 inside `folder`.

    The bit rate is constant, so the size of the file says nothing about the song;
    libsndfile's MP3 has no random serial number, as its Ogg has.
    """
    import soundfile

    samples = render(song.number, song.traits)
    beside = folder / "audio" / f"{song.song_id}.part"
    soundfile.write(
        beside,
        samples,
        SAMPLE_RATE,
        format="MP3",
        subtype="MPEG_LAYER_III",
        bitrate_mode="CONSTANT",
        compression_level=0.7,
    )
    beside.replace(folder / song.audio)  # a file that is there is whole: it is not rendered again
