"""Artist and title out of the names of files and folders, where tags are missing."""

from __future__ import annotations

import pytest

from earshot.datasets.folder_names import name_songs
from earshot.datasets.folder_tags import FileTags


def named(*paths: str, genre_folders: int = 0, **tags: FileTags) -> list[tuple[str, str]]:
    """Artist and title of each path; `tags` by the path's place, as `_0`."""
    said = [tags.get(f"_{place}", FileTags()) for place in range(len(paths))]
    return [(song.artist, song.title) for song in name_songs(paths, said, genre_folders)]


@pytest.mark.parametrize(
    ("path", "artist", "title"),
    [
        ("Ada - Half a Bridge.mp3", "Ada", "Half a Bridge"),
        ("Ada – Half – Live.mp3", "Ada", "Half - Live"),
        ("Half_a_Bridge_-_Ada_Loops.ogg", "Ada Loops", "Half a Bridge"),
        ("01 - Ada - Half.mp3", "Ada", "Half"),
        ("2-03. Ada - Half.mp3", "Ada", "Half"),
        ("Ada - Album - 07 - Half.flac", "Ada", "Half"),
        ("Ada - 1999.mp3", "Ada", "1999"),
        ("311 - Down.mp3", "311", "Down"),
        ("01 - Half.mp3", "", "01 - Half"),
        ("99 Luftballons.mp3", "", "99 Luftballons"),
        ("half-a-bridge.mp3", "", "half-a-bridge"),
        ("Various Artists - Half.mp3", "", "Half"),
        (" - Half.mp3", "", "- Half"),
        ("Ada - Album/01 - Half.mp3", "Ada", "Half"),
        ("Ada - Half/mixture.wav", "Ada", "Half"),
        ("Half_-_Ada/song 1.wav", "Ada", "Half"),
        ("Ada/Album/CD 1/01 Half.mp3", "Ada", "Half"),
        ("Ada/Album/11 30$ Bag.mp3", "Ada", "30$ Bag"),
        ("Various Artists/Album/01 Half.mp3", "", "Half"),
        ("Various Artists/Album/01 Ada - Half.mp3", "Ada", "Half"),
        ("new/half.mp3", "", "half"),
    ],
)
def test_names_as_people_write_them(path: str, artist: str, title: str) -> None:
    assert named(path) == [(artist, title)]


def test_other_names_in_the_folder_say_which_side_is_the_artist() -> None:
    repeated = named("Kay_Mac_-_Vibe.ogg", "Kay_Mac_-_Vibe.hq.ogg", "Kay_Mac_-_Plum.ogg", "so_-_solo.ogg")
    assert repeated == [("Kay Mac", "Vibe"), ("Kay Mac", "Vibe"), ("Kay Mac", "Plum"), ("so", "solo")]
    assert named("Rag - Joplin.mp3", "Sun - Joplin.mp3", "Sea - Ray.mp3")[2] == ("Ray", "Sea")
    tagged = FileTags(artist="ADA", title="Nine")
    assert named("x/Half - Ada.mp3", "y/01.mp3", _1=tagged) == [("Ada", "Half"), ("ADA", "Nine")]
    assert named("Ada/Half - Ada.mp3") == [("Ada", "Half")]


def test_tags_come_first_and_say_what_the_rest_is() -> None:
    assert named("Half - Ada.mp3", _0=FileTags(artist="ada")) == [("ada", "Half")]
    assert named("Half - Ada.mp3", _0=FileTags(title="HALF")) == [("Ada", "HALF")]
    assert named("Half - Live.mp3", _0=FileTags(artist="Ada")) == [("Ada", "Half - Live")]
    assert named("A - B.mp3", _0=FileTags(artist="C", title="D")) == [("C", "D")]


def test_a_folder_of_a_genre_is_no_artist() -> None:
    assert named("Rock/Best/01 Half.mp3", genre_folders=1) == [("", "01 Half")]
    assert named("Post - Rock/half.mp3", genre_folders=1) == [("", "half")]
    assert named("Rock/Ada/Best/01 Half.mp3", genre_folders=1) == [("Ada", "Half")]
