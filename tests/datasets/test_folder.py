"""A music folder as a delivery: what the tags say, ids that stay, sound that is linked."""

from __future__ import annotations

import os
import shutil
import unicodedata
from pathlib import Path

import pandas as pd
import pytest

from earshot.datasets.folder import FolderImport, import_folder
from earshot.datasets.folder_tags import read_tags
from earshot.errors import UserError
from tests.datasets.imports import content, set_aside, songs, take_in
from tests.datasets.music import with_id3, with_id3_chunk, write_music

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
    assert found["...And Dots/a.m4a"]["artist_id"] == "ünï"
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


def test_two_files_of_one_name_are_two_songs_and_ids_of_others_stay(tmp_path: Path) -> None:
    for form in ("NFC", "NFD"):
        write_music(tmp_path / form / unicodedata.normalize(form, "Für") / "ä.flac", title=form)
        import_folder(tmp_path / form, tmp_path / f"{form}-songs")
        shutil.copytree(tmp_path / form, tmp_path / "both", dirs_exist_ok=True)
    (alone,) = songs(tmp_path / "NFC-songs").index
    assert [alone] == list(songs(tmp_path / "NFD-songs").index)
    import_folder(tmp_path / "both", tmp_path / "songs")
    found = songs(tmp_path / "songs")
    assert found.loc[alone, "title"] == "NFC"
    assert sorted(found["title"]) == ["NFC", "NFD"]
    assert found.index.is_unique
    take_in(tmp_path / "songs", tmp_path / "workspace")


def test_names_whose_characters_are_lost_are_no_artist_and_those_misread_are_not_one(tmp_path: Path) -> None:
    lost = ["????", "???? ????? 2", "\ufffd\ufffd"]
    misread = [name.encode("cp1251").decode("latin-1") for name in ("Баба", "Вага")]
    misread += [name.encode().decode("latin-1") for name in ("аб", "вг")]
    kept = ["?", "Why??", "!!!", "Bj\ufffdrk", "ハナ", "バナ", "C", "C#", "C++", "Björk", *misread]
    for number, artist in enumerate([*lost, *kept]):
        write_music(tmp_path / "m" / f"{number:02d}.flac", artist=artist, title="Ö")
    told = import_folder(tmp_path / "m", tmp_path / "d")
    assert list(songs(tmp_path / "d")["artist"]) == ["", "", "", *kept]
    assert (told.artists, told.set_aside) == (len(kept), 3)
    assert set_aside(tmp_path / "d")[0] == ("00.flac", "", "????")


def test_musicbrainz_ids_in_chunks_and_among_several(tmp_path: Path) -> None:
    ufid = {"UFID": b"http://musicbrainz.org\0" + MBID.encode()}
    wav = with_id3_chunk(write_music(tmp_path / "a.wav"), b"id3 ", "little", ufid)
    aiff = with_id3_chunk(write_music(tmp_path / "a.aiff"), b"ID3 ", "big", ufid)
    several = f"no id/{MBID.upper()};00000000-0000-0000-0000-000000000000"
    flac = write_music(tmp_path / "a.flac", MUSICBRAINZ_TRACKID=several)
    assert [read_tags(path).recording_mbid for path in (wav, aiff, flac)] == [MBID] * 3


def test_rarer_suffixes_are_music(tmp_path: Path) -> None:
    music = write_music(tmp_path / "m" / "a.mp3").read_bytes()
    for number, suffix in enumerate(("m4b", "mp2", "caf", "tta", "webm", "w64")):
        (tmp_path / "m" / f"a.{suffix}").write_bytes(music + bytes([number]))
    assert import_folder(tmp_path / "m", tmp_path / "d").songs == 7


def test_the_same_bytes_are_one_song_and_various_is_no_artist(tmp_path: Path) -> None:
    music = tmp_path / "m"
    first = write_music(
        music / "a.mp3", artist="Various Artists", title="Ö", genre="Folk, World, & Country;Rock"
    )
    shutil.copy(first, music / "b.MP2")
    (music / "c.mp3").symlink_to("a.mp3")
    write_music(music / "d.mp3", artist="VA", album_artist="Ada", title="Nine", genre="Pop/Rock, R&B")
    write_music(music / "e.flac", artist="Compilation")
    write_music(music / "Carrier - Old Mistake" / "mixture.wav")
    (music / "0.wav").hardlink_to(music / "Carrier - Old Mistake" / "mixture.wav")
    told = import_folder(music, tmp_path / "d")
    told_of = (told.songs, told.same_bytes, told.artists, told.artist_from_path, told.set_aside)
    assert told_of == (4, 3, 2, 1, 5)
    found = by_path(tmp_path / "d")
    assert {path: (song["artist"], song["title"], song["genres"]) for path, song in found.items()} == {
        "Carrier - Old Mistake/mixture.wav": ("Carrier", "Old Mistake", ""),
        "a.mp3": ("", "Ö", "Folk;World;Country;Rock"),
        "d.mp3": ("Ada", "Nine", "Pop/Rock;R&B"),
        "e.flac": ("", "e", ""),
    }
    aside = pd.read_csv(tmp_path / "d" / "set_aside.csv", keep_default_na=False).set_index("file")
    assert list(aside.index) == ["0.wav", "b.MP2", "c.mp3", "a.mp3", "e.flac"]
    other = "other bytes than those of Carrier - Old Mistake/mixture.wav, which stands for both"
    assert aside.loc["0.wav", "wanted"] == other
    assert aside.loc["b.MP2", "wanted"] == "other bytes than those of a.mp3, which stands for both"
    assert list(aside["value"]) == ["", "", "", "Various Artists", "Compilation"]
    take_in(tmp_path / "d", tmp_path / "workspace")
