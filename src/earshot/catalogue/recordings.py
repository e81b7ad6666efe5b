"""Songs that are one recording: one file under several ids, and what a delivery calls a version of another.

Of such songs none may be held out while another is trained on: it would be heard before it is judged.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from earshot.columns import AUDIO_MD5, SONG_ID, VERSION_OF

if TYPE_CHECKING:
    import pandas as pd

_LONGEST_CHAIN = 100
"""Versions of versions that are followed; a delivery may name them in a circle."""


def recordings(raw_audio: Path) -> pd.Series:
    """By song_id of the catalogue `raw_audio`, the id that stands for its recording.

    That of the first song that came with the same file, byte for byte, and of the song that this one is
    said to be a version of, and so on. What comes later changes nothing of it.
    """
    import pandas as pd

    songs = pd.read_parquet(raw_audio / "songs.parquet", columns=[SONG_ID, AUDIO_MD5, VERSION_OF])
    files = pd.read_parquet(raw_audio / "files.parquet", columns=[SONG_ID, AUDIO_MD5])
    first = files.drop_duplicates(AUDIO_MD5).set_index(AUDIO_MD5)[SONG_ID]  # in order of arrival
    own = songs[AUDIO_MD5].map(first).fillna(songs[SONG_ID])
    version_of = songs[VERSION_OF].fillna("")
    named = own.where(version_of == "", version_of)
    leads_to = dict(zip(songs[SONG_ID], named, strict=True))
    return pd.Series([_followed(song_id, leads_to) for song_id in songs[SONG_ID]], songs[SONG_ID], dtype=str)


def _followed(song_id: str, leads_to: dict[str, str]) -> str:
    way = [song_id]
    while len(way) < _LONGEST_CHAIN:
        onward = leads_to.get(way[-1], way[-1])
        if onward in way:
            # at the end of a chain it is the last one; of a circle every song gets the same one
            return way[-1] if onward == way[-1] else min(way[way.index(onward) :])
        way.append(onward)
    return way[-1]
