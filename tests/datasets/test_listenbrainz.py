"""Listens as a delivery: matched by MBID, else by name; all others counted."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import re
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pytest
from typer.testing import CliRunner

from earshot.cli.main import app
from earshot.datasets.lastfm import import_lastfm
from earshot.datasets.listenbrainz import import_listenbrainz
from earshot.datasets.matching import MatchedImport
from earshot.errors import UserError
from tests.datasets.imports import plays, set_aside, songs, take_in
from tests.datasets.music import write_music

ADA, OTHER = "8f3471b5-7e6a-48da-86a9-c1c07a0f47ae", "00000000-0000-0000-0000-000000000000"
CASES = Path(__file__).parents[3] / "shared" / "cases"
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
    with pytest.raises(UserError, match=r"wanted a folder with .*\.json, \.jsonl, \.listens"):
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


def _without_user(title: str, at: object = 1700000000) -> dict[str, object]:
    return {"listened_at": at, "track_metadata": {"artist_name": "Ada and the Loops", "track_name": title}}


def _packed(form: str, folder: Path, lines: bytes) -> Path:
    """An export as `form` has it."""
    path = folder / f"export{form}"
    if form == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("listens/2023/11.jsonl", lines)
            archive.writestr("user.json", '{"user_id": 7, "username": "ada"}')
    elif form.startswith(".tar"):
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            member = tarfile.TarInfo("dump/listens/2023/11.listens")
            member.size = len(lines)
            archive.addfile(member, io.BytesIO(lines))
        path.write_bytes(_pack(form.removeprefix(".tar"), packed.getvalue()))
    else:
        path.write_bytes(_pack(form, lines))
    return path


def _pack(form: str, content: bytes) -> bytes:
    packers: dict[str, Callable[[bytes], bytes]] = {
        "": bytes,
        ".gz": gzip.compress,
        ".xz": lzma.compress,
        ".bz2": bz2.compress,
        ".zst": lambda plain: bytes(pyarrow.Codec("zstd").compress(plain, asbytes=True)),
    }
    return packers[form](content)


@pytest.mark.parametrize(
    "form", [".zip", ".tar", ".tar.xz", ".tar.zst", ".tar.gz", ".zst", ".xz", ".gz", ".bz2"]
)
def test_exports_and_dumps_are_read_as_downloaded(form: str, tmp_path: Path) -> None:
    (tmp_path / "songs.csv").write_text(SONGS)
    lines = "".join(json.dumps(_without_user("Half a Bridge", 1700000000 + n)) + "\n" for n in range(3))
    path = _packed(form, tmp_path, lines.encode())
    user = "" if form == ".zip" else "ada"
    told = import_listenbrainz([str(path)], tmp_path / "d", songs=tmp_path, user=user)
    assert (told.plays, told.matched_by_exact_name, told.listeners) == (3, 3, 1)
    assert plays(tmp_path / "d")[2] == ("ada", "001", "1700000002")
    if form not in (".zip", ".tar"):
        path.write_bytes(path.read_bytes()[:-9])
        with pytest.raises(UserError, match=r"export.*: cannot be unpacked: .*; wanted a whole file"):
            import_listenbrainz([str(path)], tmp_path / "e", songs=tmp_path, user="ada")


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("form", ["array", "page", "pages", "submission"])
def test_arrays_and_pages_of_the_api(form: str, indent: int | None, tmp_path: Path) -> None:
    (tmp_path / "songs.csv").write_text(SONGS)
    listens = [_without_user("Half a Bridge", at) for at in (1700000000, 1700000001)]
    page = {"payload": {"count": 2, "user_id": "ada", "listens": listens}}
    said = {
        "array": listens,
        "page": page,
        "pages": [page, {"payload": {"listens": []}}],
        "submission": {"listen_type": "import", "payload": listens},
    }[form]
    (tmp_path / "a.json").write_text(json.dumps(said, indent=indent))
    import_listenbrainz([f"{tmp_path}/a.json"], tmp_path / "d", songs=tmp_path, user="ada")
    assert plays(tmp_path / "d") == [("ada", "001", "1700000000"), ("ada", "001", "1700000001")]


def test_a_long_array_is_read_in_parts_and_what_follows_damage_is_told(tmp_path: Path) -> None:
    (tmp_path / "songs.csv").write_text(SONGS)
    listens = [json.dumps(_without_user("Half a Bridge"), indent=2) for _ in range(30_000)]
    (tmp_path / "a.json").write_text("[" + ",\n".join(listens) + ',\n{"cut')
    told = import_listenbrainz([f"{tmp_path}/a.json"], tmp_path / "d", songs=tmp_path, user="ada")
    assert (told.plays, told.set_aside) == (30_000, 1)
    assert set_aside(tmp_path / "d") == [("a.json", str(30_000 * 7 + 1), '{"cut')]


def test_times_that_are_no_seconds_and_lines_of_nobody_are_set_aside(tmp_path: Path) -> None:
    (tmp_path / "songs.csv").write_text(SONGS)
    times = [1700000000, 1700000000000, 10**30, True, -1, 1, "1700000000", None, 1.7e9, 4102444800]
    lines = [json.dumps(_without_user("Half a Bridge", at)) for at in times]
    (tmp_path / "a.jsonl").write_text("\n".join([*lines, "9" * 5000, "[" * 100_000]))
    with pytest.raises(UserError, match=r"none of 0 listens .*a\.jsonl: line 1: .*--user NAME"):
        import_listenbrainz([f"{tmp_path}/a.jsonl"], tmp_path / "d", songs=tmp_path)
    told = import_listenbrainz([f"{tmp_path}/a.jsonl"], tmp_path / "d", songs=tmp_path, user="ada")
    assert (told.plays, told.set_aside) == (1, 11)
    (tmp_path / "user.json").write_text('{"user_id": 1, "username": "eve"}')
    import_listenbrainz([f"{tmp_path}/a.jsonl"], tmp_path / "e", songs=tmp_path)
    assert plays(tmp_path / "e") == [("eve", "001", "1700000000")]


def test_a_listener_is_an_id_or_the_line_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / "songs.csv").write_text(SONGS)
    names = ["ada", " ada\x01\u2028 l ", 7, "x" * 1000, "x" * 1001, [], True, "\x01"]
    lines = [listen("whoever", "whatever", ADA, user_name=name, user_id=0) for name in names]
    (tmp_path / "1.listens").write_text("\n".join(lines))
    import_listenbrainz([f"{tmp_path}/1.listens"], tmp_path / "d", songs=tmp_path)
    assert [user for user, *_ in plays(tmp_path / "d")] == ["ada", "ada l", "7", "x" * 1000]
    assert [line for _, line, _ in set_aside(tmp_path / "d")] == ["5", "6", "7", "8"]


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_packed_parts_may_be_put_together_one_of_them_empty(
    pack: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    (tmp_path / "songs.csv").write_text(SONGS)
    line = f"{listen('whoever', 'whatever', ADA)}\n".encode()
    (tmp_path / "a.jsonl").write_bytes(pack(line) + pack(b"") + pack(line))
    import_listenbrainz([f"{tmp_path}/a.jsonl"], tmp_path / "d", songs=tmp_path)
    assert len(plays(tmp_path / "d")) == 2


def test_a_damaged_member_of_a_zip_is_told(tmp_path: Path) -> None:
    (tmp_path / "songs.csv").write_text(SONGS)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("listens/2023/11.jsonl", listen("whoever", "whatever", ADA))
    (tmp_path / "a.zip").write_bytes(packed.getvalue().replace(b"whoever", b"whoEver", 1))
    for importing in (import_listenbrainz, import_lastfm):
        with pytest.raises(UserError, match=r"a\.zip: .*Bad CRC-32"):
            importing([f"{tmp_path}/a.zip"], tmp_path / "d", songs=tmp_path)


@pytest.mark.skipif(not CASES.is_dir(), reason="cases of reports are not there")
def test_cases_of_reports(tmp_path: Path) -> None:
    shutil.copy(CASES / "songs_for_listens.csv", tmp_path / "songs.csv")
    for case, found in {
        "kana_dakuten.listens": ["j1", "j2", "j3"],
        "listenbrainz_personal_export_3.jsonl": ["s1", "s3"],
    }.items():
        import_listenbrainz([str(CASES / case)], tmp_path / case, songs=tmp_path, user="ada")
        assert [row[:2] for row in plays(tmp_path / case)] == [("ada", song) for song in found]
