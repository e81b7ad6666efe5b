"""A music server's own counts as a delivery."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from earshot.datasets.navidrome import import_navidrome
from earshot.errors import UserError
from tests.datasets.imports import content, plays, set_aside, take_in

SONGS = """song_id,artist,title,recording_mbid,path
1,Ada,Half a Bridge,m-1,
2,Bo,Old,,Bo/Old.flac
3,Ünï,Ö,,
"""
TABLES = """
CREATE TABLE user (id TEXT, user_name TEXT, name TEXT, password TEXT);
INSERT INTO user VALUES ('u1', 'ada', 'Ada', 'x'), ('u2', 'eve', 'Eve', 'x');
CREATE TABLE library (id INTEGER, name TEXT, path TEXT);
INSERT INTO library VALUES (1, 'Music', '/music/');
CREATE TABLE media_file (id TEXT, path TEXT, title TEXT, artist TEXT, mbz_recording_id TEXT, library_id INT);
INSERT INTO media_file VALUES ('a', 'x.mp3', '', '', 'm-1', 1),
    ('b', '/music/Bo/Old.flac', 'q', 'q', NULL, 1),
    ('c', 'y.mp3', 'ö', 'ünï', '', 1), ('d', 'z.mp3', 'Nothing', 'Nobody', '', 1);
CREATE TABLE annotation (user_id TEXT, item_id TEXT, item_type TEXT, play_count INTEGER, play_date TEXT);
INSERT INTO annotation VALUES ('u1', 'a', 'media_file', 3, ''), ('u1', 'b', 'media_file', 0, ''),
    ('u2', 'b', 'media_file', 2, ''), ('u2', 'c', 'media_file', 1, ''), ('u2', 'd', 'media_file', 4, ''),
    ('u2', 'gone', 'media_file', 1, ''), ('u2', 'a', 'album', 9, '');
"""
SCROBBLES = """
CREATE TABLE scrobbles (media_file_id TEXT, user_id TEXT, submission_time INTEGER);
INSERT INTO scrobbles VALUES ('a', 'u1', 1700000001), ('a', 'u1', 1700000000), ('c', 'u2', 1700000002),
    ('c', 'u2', -5);
"""


def _database(folder: Path, script: str) -> Path:
    folder.mkdir(parents=True)
    with closing(sqlite3.connect(folder / "navidrome.db")) as opened:
        opened.executescript("PRAGMA journal_mode = wal;" + script)
    return folder / "navidrome.db"


def test_counts_are_totals_and_scrobbles_say_when(tmp_path: Path) -> None:
    (tmp_path / "songs.csv").write_text(SONGS)
    old = _database(tmp_path / "old", TABLES)
    before = content(tmp_path / "old")
    told = import_navidrome(old, tmp_path / "d", songs=tmp_path)
    assert plays(tmp_path / "d") == [("ada", "1", 3, ""), ("eve", "2", 2, ""), ("eve", "3", 1, "")]
    assert (told.plays, told.matched_by_mbid, told.matched_by_path, told.matched_by_exact_name) == (
        11,
        3,
        2,
        1,
    )
    assert (told.unmatched, told.set_aside) == (5, 0)
    assert content(tmp_path / "old") == before
    assert json.loads((tmp_path / "d" / "delivery.json").read_text())["plays"] == "total"
    take_in(tmp_path / "d", tmp_path / "workspace")
    new = _database(tmp_path / "new", TABLES + SCROBBLES)
    import_navidrome(new, tmp_path / "e", songs=tmp_path)
    assert plays(tmp_path / "e") == [
        ("ada", "1", 1, ""),
        ("ada", "1", 1, "1700000000"),
        ("ada", "1", 1, "1700000001"),
        ("eve", "2", 2, ""),
        ("eve", "3", 1, "1700000002"),
    ]
    assert [value for _, _, value in set_aside(tmp_path / "e")] == ["submission_time=-5"]


def test_versions_without_libraries_and_mbids(tmp_path: Path) -> None:
    (tmp_path / "songs.csv").write_text(SONGS)
    tables = TABLES.replace("mbz_recording_id", "mbz_track_id").replace("library_id", "other")
    import_navidrome(_database(tmp_path / "n", tables), tmp_path / "d", songs=tmp_path)
    assert plays(tmp_path / "d") == [("ada", "1", 3, ""), ("eve", "3", 1, "")]


def test_errors(tmp_path: Path) -> None:
    (tmp_path / "songs.csv").write_text(SONGS)
    with pytest.raises(UserError, match=r"gone\.db: no such file; wanted navidrome\.db"):
        import_navidrome(tmp_path / "gone.db", tmp_path / "d", songs=tmp_path)
    (tmp_path / "x.db").write_text("no database, but long enough to look at" * 9)
    with pytest.raises(UserError, match=r"x\.db: not readable as a database of Navidrome: file is not"):
        import_navidrome(tmp_path / "x.db", tmp_path / "d", songs=tmp_path)
    other = _database(tmp_path / "o", "CREATE TABLE user (id TEXT);")
    with pytest.raises(UserError, match=r"navidrome\.db: wanted a table user with user_name"):
        import_navidrome(other, tmp_path / "d", songs=tmp_path)
