"""Songs of another server: by MusicBrainz id, then path, then names."""

from __future__ import annotations

import pandas as pd
import pytest

from earshot.queries.library import Library
from earshot.queries.song_refs import SongRef, SongRefs

MBID = "8f3471b5-7e6a-48da-86a9-c1c07a0f47ae"
ROWS = [
    # song_id, title, artist, album, recording_mbid, path, seconds
    ("s0", "Nine Rivers", "Ada", "One", MBID, "ada/1.flac", 60.0),
    ("s1", "Nine Rivers", "Ada", "Live", "", "ada/live/1.flac", 75.0),
    ("s2", "Nine Rivers", "Ada", "Live", "", "ada/live/2.flac", 90.0),
    ("s3", "Été", "Café Noir", "", "", "b/3.flac", None),
    ("s4", "", "Ada", "", "", "", 5.0),
]


@pytest.fixture
def refs() -> SongRefs:
    names = ["song_id", "title", "artist", "album", "recording_mbid", "path", "seconds"]
    table = pd.DataFrame(ROWS, columns=names).assign(
        artist_id="", genres="", n_listeners=0, track="", year="", audio="", delivery="d"
    )
    return SongRefs(Library(table, {}))


@pytest.mark.parametrize(
    ("ref", "row"),
    [
        (SongRef("wrong", mbid=MBID.upper(), path="b/3.flac"), 0),
        (SongRef("wrong", mbid="f" * 36, path="./b/3.flac"), 3),
        (SongRef("ete", artists=("nobody", "cafe noir")), 3),
        (SongRef("nine rivers!", artists=("ADA",)), 0),
        (SongRef("nine rivers", artists=("Ada",), album="live"), 1),
        (SongRef("nine rivers", artists=("Ada",), album="live", seconds=88.0), 2),
        (SongRef("nine rivers", artists=("Ada",), seconds=74.0), 1),
        (SongRef("nine rivers", artists=("Bob",)), None),
        (SongRef("nine rivers"), None),
        (SongRef("", artists=("Ada",)), None),
    ],
)
def test_a_song_is_found_by_what_is_surest(refs: SongRefs, ref: SongRef, row: int | None) -> None:
    assert refs.find(ref) == row
