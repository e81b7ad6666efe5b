"""The sheet of a song of the catalogue, or of any audio file, as a PNG."""

from __future__ import annotations

import re
from pathlib import Path

from earshot.audio.probing import quiet_codecs
from earshot.audio.samples import AudioError
from earshot.columns import ARTIST, AUDIO, PATH, SONG_ID, TITLE
from earshot.datasets.folder_names import name_songs
from earshot.datasets.folder_tags import read_tags
from earshot.errors import UserError
from earshot.features.hyper_image import DEFAULTS
from earshot.files import replace_bytes
from earshot.pages.song_sheet import Heading, song_sheet
from earshot.params import load_params
from earshot.terminal import on_one_line
from earshot.workspace import not_yet

_LONGEST_NAME = 50
_SHOWN = (AUDIO, TITLE, ARTIST, PATH)


def plot_song(root: Path, song: str, output: Path | None = None) -> Path:
    """Draw the sheet of a song; it appears whole or not at all.

    Parameters
    ----------
    root
        The workspace, or any other folder.
    song
        A song_id of its catalogue, or else the path of an audio file.
    output
        A PNG; by default `<song>.png` in `root`.

    Returns
    -------
    The path that was written.

    Raises
    ------
    UserError
        `song` is neither, has no audio or cannot be decoded; `output` cannot be written.
    """
    audio = find_audio(root, song)
    place = output or root / file_name(audio.stem if audio == root / song else song)
    if place.suffix.lower() != ".png":
        raise UserError(f"{place}: wanted a name that ends in .png")
    if not place.parent.is_dir():
        raise UserError(f"{place.parent}: no such folder; the picture goes into one that is there")
    params = root / "params.yaml"
    settings = load_params(params).hyper_images if params.is_file() else DEFAULTS
    try:
        with quiet_codecs():
            sheet = song_sheet(audio, settings, heading_of(root, song, audio))
    except (AudioError, OSError) as error:
        raise UserError(f"{audio}: {error}") from None
    try:
        replace_bytes(place, sheet)
    except OSError as error:
        raise UserError(f"{place}: cannot be written: {error.strerror}") from None
    return place


def find_audio(root: Path, song: str) -> Path:
    """The audio of a song of the catalogue in `root`, or `song` itself where it is a file."""
    table, file = root / "data" / "raw_audio" / "songs.parquet", root / song
    delivered = _delivered(root)
    if song in delivered:
        return _usable(root, song, delivered[song][AUDIO])
    if file.is_file():
        return file
    nowhere = f"{song!r} is neither a song_id of {table} nor a file: there is no {file}"
    raise UserError(nowhere) if table.is_file() else not_yet(root, f"{nowhere}, and no catalogue yet")


def heading_of(root: Path, song: str, audio: Path) -> Heading:
    """What the catalogue in `root` says of a song; of another file, what its tags and its name say."""
    row = _delivered(root).get(song)
    if row is None:
        (tags,) = name_songs([audio.name], [read_tags(audio)])
        row = {TITLE: tags.title, ARTIST: tags.artist}
    file = row.get(PATH) or audio.name
    return Heading(*(on_one_line(text) for text in (row.get(TITLE, ""), row.get(ARTIST, ""), file)))


def _delivered(root: Path) -> dict[str, dict[str, str]]:
    """song_id -> its row of the catalogue, `""` where nothing was said; empty where there is no catalogue."""
    import pandas as pd
    from pyarrow.parquet import read_schema

    table = root / "data" / "raw_audio" / "songs.parquet"
    if not table.is_file():
        return {}
    there = set(read_schema(table).names)
    songs = pd.read_parquet(table, columns=[name for name in (SONG_ID, *_SHOWN) if name in there])
    rows = songs.fillna("").to_dict("records")
    return {row[SONG_ID]: {str(name): text for name, text in row.items()} for row in rows}


def _usable(root: Path, song: str, audio: str) -> Path:
    if not audio:
        aside = root / "data" / "raw_audio" / "set_aside.parquet"
        raise UserError(
            f"song {song!r} has no audio: no delivery brought a file of it that can be used; "
            f"those that cannot are in {aside}"
        )
    if not (root / audio).is_file():
        raise UserError(f"{root / audio}: not there; `dvc checkout` brings it back")
    return root / audio


def file_name(song: str) -> str:
    """The picture's name, of letters, digits, `_`, `.` and `-` alone: it stays in its folder.

    >>> file_name("../AC/DC: Hells Bells")
    'AC_DC__Hells_Bells.png'
    """
    safe = re.sub(r"[^\w.-]", "_", song).strip("._-")
    return f"{safe[:_LONGEST_NAME] or 'song'}.png"
