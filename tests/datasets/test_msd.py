"""The Million Song Dataset's files, made up in their exact formats."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from earshot.cli.main import app
from earshot.datasets.importing.drafts import SetAside
from earshot.datasets.msd import MsdFiles, MsdImport, import_msd
from earshot.datasets.msd_files import read_triplets
from earshot.errors import UserError
from tests.datasets.imports import content, plays, set_aside, songs, take_in

ROOT = Path(__file__).resolve().parents[2]
ADA, EVE = "b80344d063b5ccb3212f76538f3d9e43d87dca9e", "85c1f87fea955d09b4bec2e36aee110927aedf9a"


def song(letter: str) -> str:
    return "SO" + letter * 6 + "12A8C13099"


def track(letter: str) -> str:
    return "TR" + letter * 6 + "128F425225"


@pytest.fixture
def files(tmp_path: Path) -> MsdFiles:
    """A has two tracks, B a wrong one, C a wrong one and a right one, D none; E is in no other file."""
    folder = tmp_path / "msd"
    folder.mkdir()

    def write(name: str, *lines: str) -> Path:
        (folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return folder / name

    triplets = [
        f"{ADA}\t{song('A')}\t1",
        f"{ADA}\t{song('B')}\t2",
        "cut",
        f"{ADA}\t{song('C')}\t0",
        f"{EVE}\t{song('A')}\t17",
        f"{EVE}\t{song('C')}\t3",
        f"{EVE}\t{song('D')}\t1",
        f"{EVE}\t{song('E')}\t1\t9",
        f"{EVE}\t{song('E')}\t5",
        f"{EVE}\t\t5",
    ]
    song_tracks = [
        f"{song('A')}\t{track('A')}\t{track('Q')}",
        f"{song('B')}\t{track('B')}",
        f"{song('C')}\t{track('X')}\t{track('C')}",
        song("D"),
        f"{song('Z')}\t{track('Z')}",
        "SO\tTR",
    ]
    mismatches = [
        f"ERROR: <{song('B')} {track('B')}> Ada  -  One  !=  Eve  -  Two",
        f"ERROR: <{song('C')} {track('X')}> Ada  -  Ünter  !=  Eve  -  Two",
        f"ERROR: <{song('Z')} {track('Z')}> Not  -  Played  !=  By  -  Anyone",
        "WARNING: <SO TR>",
    ]
    unique_tracks = [
        f"{track('A')}<SEP>{song('A')}<SEP>Ada<SEP>First",
        f"{track('Q')}<SEP>{song('A')}<SEP>ADA<SEP>Again",
        f"{track('B')}<SEP>{song('B')}<SEP>Eve<SEP>Wrong",
        f"{track('C')}<SEP>{song('C')}<SEP>Björk<SEP>Third",
        f"{track('Z')}<SEP>{song('Z')}<SEP>No<SEP>Body",
        f"{track('C')}<SEP>{song('C')}",
    ]
    return MsdFiles(
        triplets=write("train_triplets.txt", *triplets),
        song_tracks=write("taste_profile_song_to_tracks.txt", *song_tracks),
        mismatches=write("sid_mismatches.txt", *mismatches),
        unique_tracks=write("unique_tracks.txt", *unique_tracks),
        tags=write_tags(folder / "lastfm_tags.db"),
        previews=write_previews(folder / "previews"),
    )


def write_tags(path: Path) -> Path:
    tracks, tags = [track("B"), track("C"), track("Q"), track("Z")], ["rock", "70s; live", "slow"]
    with closing(sqlite3.connect(path)) as tables:
        tables.execute("CREATE TABLE tids (tid TEXT PRIMARY KEY)")
        tables.execute("CREATE TABLE tags (tag TEXT PRIMARY KEY)")
        tables.execute("CREATE TABLE tid_tag (tid INT, tag INT, val REAL)")
        tables.executemany("INSERT INTO tids VALUES (?)", [(name,) for name in tracks])
        tables.executemany("INSERT INTO tags VALUES (?)", [(name,) for name in tags])
        weights = [
            (1, 1, 100),
            (2, 3, 20.0),
            (2, 1, 100.0),
            (2, 2, 20.0),
            (3, 3, 1),
            (4, 1, 5),
            (9, 1, 5),
            (2, 9, 5),
        ]
        tables.executemany("INSERT INTO tid_tag VALUES (?, ?, ?)", weights)
        tables.execute("INSERT INTO tid_tag VALUES (2, 1, 'much')")
        tables.commit()
    return path


def write_previews(folder: Path) -> Path:
    (folder / "Q" / "Q").mkdir(parents=True)
    for name in (f"Q/Q/{track('Q')}.mp3", f"{track('C')}.clip.mp3", f"{track('B')}.mp3", "readme.txt"):
        (folder / name).write_bytes(name.encode())
    return folder


def test_songs_find_their_tracks(files: MsdFiles, tmp_path: Path) -> None:
    before = content(tmp_path / "msd")
    imported = import_msd(files, tmp_path / "d")
    assert imported == MsdImport(
        plays=6,
        listeners=2,
        songs=5,
        pairs_mismatched=2,
        with_track=2,
        with_title=2,
        with_tags=2,
        with_preview=2,
        previews_unused=1,
        set_aside=10,
    )
    assert plays(tmp_path / "d") == [
        (ADA, song("A"), 1),
        (ADA, song("B"), 2),
        (EVE, song("A"), 17),
        (EVE, song("C"), 3),
        (EVE, song("D"), 1),
        (EVE, song("E"), 5),
    ]
    found = songs(tmp_path / "d").to_dict("index")
    assert list(found) == [song(letter) for letter in "ABCDE"]
    a, c = found[song("A")], found[song("C")]
    assert (a["artist"], a["artist_id"], a["title"], a["tags"]) == (
        "ADA",
        "ada",
        "Again",
        "slow",
    )  # has the preview
    assert (c["artist"], c["title"], c["tags"]) == ("Björk", "Third", "rock;70s, live;slow")
    assert (tmp_path / "d" / a["audio"]).samefile(files.previews / "Q" / "Q" / f"{track('Q')}.mp3")
    assert (tmp_path / "d" / c["audio"]).read_bytes() == f"{track('C')}.clip.mp3".encode()
    for letter in "BDE":
        assert set(found[song(letter)].values()) == {""}
    assert [(name, line) for name, line, _ in set_aside(tmp_path / "d")] == [
        *(("train_triplets.txt", line) for line in ("3", "8", "10", "4")),
        ("unique_tracks.txt", "6"),
        ("taste_profile_song_to_tracks.txt", "6"),
        ("sid_mismatches.txt", "4"),
        *(("lastfm_tags.db (tid_tag)", line) for line in "789"),
    ]
    assert json.loads((tmp_path / "d" / "delivery.json").read_text()) == {"source": "msd", "plays": "total"}
    assert content(tmp_path / "msd") == before
    take_in(tmp_path / "d", tmp_path / "workspace")


def test_the_command_says_what_it_did(files: MsdFiles, tmp_path: Path) -> None:
    import_msd(files, tmp_path / "a")
    named = {name.replace("_", "-"): path for name, path in vars(files).items() if name != "triplets"}
    options = [word for name, path in named.items() for word in (f"--{name}", str(path))]
    command = ["import", "msd", str(files.triplets), "--output", str(tmp_path / "b"), *options]
    said = CliRunner().invoke(app, command, catch_exceptions=False).stdout
    assert content(tmp_path / "a") == content(tmp_path / "b")
    assert re.search(r"^pairs mismatched +2$", said, re.MULTILINE)
    assert f"take it in with `earshot ingest {tmp_path}/b`" in said


def test_the_triplets_alone_make_a_delivery_and_the_same_bytes(files: MsdFiles, tmp_path: Path) -> None:
    for name in "ab":
        import_msd(MsdFiles(files.triplets), tmp_path / name)
    assert content(tmp_path / "a") == content(tmp_path / "b")
    assert list(songs(tmp_path / "a").columns) == []


def test_tracks_of_unique_tracks_do_where_no_other_file_names_them(files: MsdFiles, tmp_path: Path) -> None:
    import_msd(MsdFiles(files.triplets, unique_tracks=files.unique_tracks, tags=files.tags), tmp_path / "d")
    found = songs(tmp_path / "d")
    assert found["title"].to_dict() == {
        song("A"): "First",
        song("B"): "Wrong",
        song("C"): "Third",
        song("D"): "",
        song("E"): "",
    }


def test_errors(files: MsdFiles, tmp_path: Path) -> None:
    def message(wrong: MsdFiles) -> str:
        with pytest.raises(UserError) as raised:
            import_msd(wrong, tmp_path / "d")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["msd"]
        return str(raised.value)

    text = files.mismatches
    assert text is not None
    assert "gone: no such file" in message(MsdFiles(tmp_path / "gone"))
    assert "sid_mismatches.txt: no line could be used; sid_mismatches.txt: line 1: " in message(
        MsdFiles(text)
    )
    assert "wanted also taste_profile_song_to_tracks.txt" in message(
        MsdFiles(files.triplets, tags=files.tags)
    )
    assert "sid_mismatches.txt: not SQLite with the tables tids, tags and tid_tag" in message(
        MsdFiles(files.triplets, files.song_tracks, tags=text)
    )
    assert "not a folder; wanted one with previews called by track" in message(
        MsdFiles(files.triplets, files.song_tracks, previews=text)
    )


def test_triplets_become_rows_and_ids_across_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("earshot.datasets.importing.delimited._BLOCK_BYTES", 256)
    wanted = [(f"user{number % 13}", f"song{number % 7}", number % 5 + 1) for number in range(500)]
    (tmp_path / "t.txt").write_text(
        "x\n" * 200 + "u\ts\t0\n" * 60 + "".join(f"{u}\t{s}\t{n}\n" for u, s, n in wanted)
    )
    with closing(SetAside(tmp_path / "aside.csv")) as aside:
        triplets = read_triplets(tmp_path / "t.txt", aside)
    users, songs = triplets.user_ids.to_pylist(), triplets.song_ids.to_pylist()
    assert (len(users), len(songs)) == (13, 7)
    read = zip(triplets.users.tolist(), triplets.songs.tolist(), triplets.play_counts.tolist(), strict=True)
    assert [(users[user], songs[item], count) for user, item, count in read] == wanted


@pytest.mark.soak
def test_the_benchmark_runs_to_its_end() -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "play_counts.py"), "100000"]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    ran = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    measured = json.loads(ran.stdout.splitlines()[-1])
    took = {f"{way}{name}" for way in ("", "bare_") for name in ("seconds", "cpu_seconds", "peak_gb")}
    assert set(measured) == {"rows", "users", "songs", "x_bare"} | took
    assert measured["rows"] == 100_000
