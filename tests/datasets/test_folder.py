"""A music folder as a delivery: what the tags say, ids that stay, sound that is linked."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from earshot.datasets.folder import FolderImport, import_folder
from earshot.errors import UserError
from tests.datasets.imports import content, set_aside, songs, take_in
from tests.datasets.music import with_id3, write_music

MBID = "8f3471b5-7e6a-48da-86a9-c1c07a0f47ae"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("library") / "music"
    write_music(
        folder / "Ada" / "01.flac",
        artist="Ada  and\nthe Loops",
        title='Half, a "Bridge"',
        genre="Folk;Rock; ",
        MUSICBRAINZ_TRACKID=MBID.upper(),
    )
    write_music(
        folder / "Ada" / "02.opus", artist="ADA AND THE LOOPS", title="Nine", MUSICBRAINZ_TRACKID="no id"
    )
    write_music(folder / "...And Dots" / "a.m4a", artist="Ünï", title="Ö", genre="Pop")
    tagged = write_music(folder / "_new" / "b.MP3")
    with_id3(
        tagged,
        {
            "TPE1": b"\3Carrier\0Other",
            "TIT2": b"\3Old",
            "TCON": b"\3Jazz\0Blues",
            "UFID": b"http://musicbrainz.org\0" + MBID.encode(),
            "TXXX": b"\3MusicBrainz Release Track Id\0x",
        },
    )
    write_music(folder / "untitled.mp3")
    (folder / "noise.mp3").write_bytes(b"\0\1\2" * 100)
    (folder / "cover.jpg").write_bytes(b"picture")
    (folder / ".trash").mkdir()
    write_music(folder / ".trash" / "gone.mp3")
    (folder / "lost.mp3").symlink_to("nowhere.mp3")
    os.mkfifo(folder / "pipe.mp3")
    return folder


def by_path(delivery: Path) -> dict[str, dict[str, str]]:
    return songs(delivery).set_index("path").to_dict("index")


def test_tags_become_songs_and_the_source_is_only_read(library: Path, tmp_path: Path) -> None:
    before = {path: path.lstat().st_mtime_ns for path in library.rglob("*")}
    imported = import_folder(library, tmp_path / "d")
    assert imported == FolderImport(
        songs=6, artists=3, with_artist=4, with_genre=3, with_recording_mbid=2, other_files=1, set_aside=3
    )
    found = by_path(tmp_path / "d")
    assert list(found) == sorted(found)
    first = found["Ada/01.flac"]
    assert (first["artist"], first["title"]) == ("Ada and the Loops", 'Half, a "Bridge"')
    assert (first["genres"], first["recording_mbid"]) == ("Folk;Rock", MBID)
    assert first["artist_id"] == found["Ada/02.opus"]["artist_id"] == "adaandtheloops"
    assert found["Ada/02.opus"]["recording_mbid"] == ""
    assert found["...And Dots/a.m4a"]["artist_id"] == "uni"
    assert found["_new/b.MP3"]["artist"] == "Carrier"
    assert (found["_new/b.MP3"]["genres"], found["_new/b.MP3"]["recording_mbid"]) == ("Jazz", MBID)
    assert (found["untitled.mp3"]["artist"], found["untitled.mp3"]["title"]) == ("", "untitled")
    assert found["noise.mp3"]["title"] == "noise"
    assert sorted(set_aside(tmp_path / "d")) == [
        ("lost.mp3", "", ""),
        ("noise.mp3", "", ""),
        ("pipe.mp3", "", ""),
    ]
    for path, song in found.items():
        assert (tmp_path / "d" / song["audio"]).samefile(library / path)
    assert {path: path.lstat().st_mtime_ns for path in library.rglob("*")} == before
    take_in(tmp_path / "d", tmp_path / "workspace")


def test_ids_stay_when_the_folder_moves_and_bytes_are_the_same(library: Path, tmp_path: Path) -> None:
    import_folder(library, tmp_path / "a")
    moved = shutil.copytree(
        library, tmp_path / "elsewhere", ignore=shutil.ignore_patterns("pipe.mp3", "lost.mp3")
    )
    os.mkfifo(moved / "pipe.mp3")
    (moved / "lost.mp3").symlink_to("nowhere.mp3")
    import_folder(moved, tmp_path / "b")
    assert content(tmp_path / "a") == content(tmp_path / "b")


def test_genres_from_folders(library: Path, tmp_path: Path) -> None:
    import_folder(library, tmp_path / "d", genres_from_folders=True)
    genres = {path: song["genres"] for path, song in by_path(tmp_path / "d").items()}
    assert genres["Ada/01.flac"] == genres["Ada/02.opus"] == "Ada"
    assert genres["untitled.mp3"] == ""


def test_errors(library: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="gone: not a folder; wanted one with music"):
        import_folder(tmp_path / "gone", tmp_path / "d")
    with pytest.raises(UserError, match=r"lies in .*, which is only read"):
        import_folder(library, library / "Ada" / "d")
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").touch()
    with pytest.raises(UserError, match=r"texts: no music; wanted \.aac, .*; there are 1 other files"):
        import_folder(tmp_path / "texts", tmp_path / "d")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["texts"]
