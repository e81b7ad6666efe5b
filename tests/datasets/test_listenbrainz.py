"""Listens as a delivery: matched by MBID, else by name; all others counted."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from earshot.cli import app
from earshot.datasets.listenbrainz import import_listenbrainz
from earshot.datasets.matching import MatchedImport
from earshot.errors import UserError
from tests.datasets.imports import plays, set_aside, songs, take_in
from tests.datasets.music import write_music

ADA, OTHER = "8f3471b5-7e6a-48da-86a9-c1c07a0f47ae", "00000000-0000-0000-0000-000000000000"
SONGS = f"""song_id,artist,title,recording_mbid
001,Ada and the Loops,Half a Bridge,{ADA}
002,Björk & Co.,Öl,
003,BJÖRK & CO.,ÖL,
004,,nameless,
"""


def listen(artist: object, title: str, mbid: str = "", mapped: str = "", **more: object) -> str:
    """A line as the dumps have it."""
    track = {
        "artist_name": artist,
        "track_name": title,
        "release_name": None,
        "additional_info": {"recording_mbid": mbid},
    }
    if mapped:
        track["mbid_mapping"] = {"recording_mbid": mapped, "artist_mbids": []}
    said = {
        "user_id": 7,
        "user_name": "ada",
        "listened_at": 1700000000,
        "recording_msid": OTHER,
        "track_metadata": track,
    }
    return json.dumps(said | more)


def test_listens_are_matched_and_the_rest_is_counted(tmp_path: Path) -> None:
    (tmp_path / "songs").mkdir()
    (tmp_path / "songs" / "songs.csv").write_text(SONGS)
    months = tmp_path / "listens" / "2023"
    months.mkdir(parents=True)
    (tmp_path / "COPYING").write_text("no listens")
    first = [
        listen("whoever", "whatever", ADA.upper()),
        listen("whoever", "whatever", OTHER, ADA, user_name="eve", listened_at=1700000001),
        listen("bjork & co", "  ÖL "),
        '{"user_name": "ada", "listened_at": 17000',
        listen("Nobody", "Nothing"),
    ]
    old = json.loads(listen("Ada and the loops", "Half a bridge!"))
    old["timestamp"] = old.pop("listened_at")
    del old["user_name"]
    old["track_metadata"]["additional_info"] = None
    second = [
        json.dumps(old),
        "[]",
        "",
        listen(None, "x"),
        listen("", "nameless"),
        listen("a", "b", listened_at="yesterday"),
        listen("a", "b", listened_at=True),
    ]
    (months / "1.listens").write_text("\n".join(first) + "\n")
    (months / "2.listens").write_bytes("\n".join(second).encode() + b"\n\xff\n")
    imported = import_listenbrainz([str(tmp_path)], tmp_path / "d", songs=tmp_path / "songs")
    assert imported == MatchedImport(
        plays=6,
        matched_by_mbid=2,
        matched_by_path=0,
        matched_by_exact_name=0,
        matched_by_loose_name=2,
        ambiguous=0,
        unmatched=2,
        matched_share=4 / 6,
        listeners=3,
        songs_played=2,
        songs_alike=1,
        set_aside=7,
    )
    assert plays(tmp_path / "d") == [
        ("ada", "001", "1700000000"),
        ("eve", "001", "1700000001"),
        ("ada", "002", "1700000000"),
        ("7", "001", "1700000000"),
    ]
    assert [(name, line) for name, line, _ in set_aside(tmp_path / "d")] == [
        ("1.listens", "4"),
        *(("2.listens", line) for line in "234678"),
    ]
    take_in(tmp_path / "d", tmp_path / "workspace")


def test_errors(tmp_path: Path) -> None:
    (tmp_path / "a.listens").write_text(listen("a", "b") + "\n")

    def message(songs: str) -> str:
        (tmp_path / "songs.csv").write_text(songs)
        with pytest.raises(UserError) as raised:
            import_listenbrainz([f"{tmp_path}/a.listens"], tmp_path / "d", songs=tmp_path)
        return str(raised.value)

    assert "none of 1 listens is to a song of" in message("song_id,artist,title\n1,x,y\n")
    assert "songs.csv: wanted recording_mbid, or artist and title; there are 'song_id', 'title'" in message(
        "song_id,title\n1,x\n"
    )
    assert "songs.csv: column 'song_id' is missing; there are 'id', 'artist', 'title'" in message(
        "id,artist,title\n1,x,y\n"
    )
    (tmp_path / "songs.csv").unlink()
    with pytest.raises(UserError, match=r"wanted a delivery with songs\.csv or songs\.parquet"):
        import_listenbrainz([f"{tmp_path}/a.listens"], tmp_path / "d", songs=tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"wanted a folder with \.json, \.jsonl, \.listens"):
        import_listenbrainz([f"{tmp_path}/empty"], tmp_path / "d", songs=tmp_path)


def test_listens_to_a_folder_by_the_command_line(tmp_path: Path) -> None:
    """The one import's songs are what the other's listens are matched to."""
    write_music(tmp_path / "music" / "a.flac", artist="A", title="B", MUSICBRAINZ_TRACKID=ADA)
    write_music(tmp_path / "music" / "b.flac", artist="C", title="D")
    (tmp_path / "a.listens").write_text(
        "\n".join([listen("?", "?", ADA), listen("c", "d"), listen("c", "e")])
    )

    def run(*arguments: object) -> str:
        return CliRunner().invoke(app, ["import", *map(str, arguments)], catch_exceptions=False).stdout

    run("folder", tmp_path / "music", "--output", tmp_path / "songs")
    said = run(
        *("listenbrainz", tmp_path / "a.listens", "--songs", tmp_path / "songs"),
        *("--output", tmp_path / "plays", "--plays", "total"),
    )
    assert re.search(r"^matched share +66\.7%$", said, re.MULTILINE)
    found = songs(tmp_path / "songs")
    assert [song_id for _, song_id, _ in plays(tmp_path / "plays")] == list(found.index)
    description = json.loads((tmp_path / "plays" / "delivery.json").read_text())
    assert description == {"source": "listenbrainz", "plays": "total"}
