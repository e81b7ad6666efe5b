"""Scrobbles as a delivery: exporters' CSV, lastfm-1K, pages of the API."""

from __future__ import annotations

import json
import lzma
import tarfile
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from earshot.datasets.lastfm import import_lastfm
from earshot.errors import UserError
from tests.datasets.imports import plays, set_aside, take_in

MBID = "8f3471b5-7e6a-48da-86a9-c1c07a0f47ae"
SONGS = f'song_id,artist,title,recording_mbid\n1,Ada,"Half, a Bridge",\n2,Bo,"12"" Mix",{MBID}\n'
AT = "1698761100"  # 31 Oct 2023 14:05 UTC
ADA = [("ada", "1", AT)]


@pytest.mark.parametrize(
    "table",
    [
        'Ada,Album,"Half, a Bridge",31 Oct 2023 14:05\n',
        'Ada,Ada,"Half, a Bridge","31 Oct 2023, 14:05"\n',
        'artist,album,track,date\r\nAda,,"Half, a Bridge",31 Oct 2023 14:05\r\n',
        f'Artist,Title,uts,utc_time\nAda,"HALF, A BRIDGE",{AT},"31 Oct 2023, 14:05"\n',
        f'\ufeffuts,artist,artist_mbid,album,track,track_mbid\n{AT},Ada,,,"Half, a Bridge",\n',
        f'"Artist";"Album";"Track";"Date"\n"Ada";"x";"Half, a Bridge";"{AT}"\n',
    ],
)
def test_csv_of_exporters(table: str, tmp_path: Path) -> None:
    (tmp_path / "songs.csv").write_text(SONGS)
    (tmp_path / "ada.csv").write_text(table)
    told = import_lastfm([f"{tmp_path}/ada.csv"], tmp_path / "d", songs=tmp_path, user="ada")
    assert (plays(tmp_path / "d"), told.plays, told.matched_by_exact_name) == (ADA, 1, 1)
    with pytest.raises(UserError, match=r"ada\.csv: does not say who listened; --user NAME says it"):
        import_lastfm([f"{tmp_path}/ada.csv"], tmp_path / "e", songs=tmp_path)


def test_dates_that_are_none_are_set_aside(tmp_path: Path) -> None:
    (tmp_path / "songs.csv").write_text(SONGS)
    dates = [
        "31 Oct 2023 14:05",
        "01 Jan 1970 00:00",
        "",
        "soon",
        "1698761100000",
        "9" * 40,
        "2023-10-31T14:05:00Z",
    ]
    (tmp_path / "a.csv").write_text("".join(f'Ada,x,"Half, a Bridge","{date}"\n' for date in dates))
    import_lastfm([f"{tmp_path}/a.csv"], tmp_path / "d", songs=tmp_path, user="ada")
    assert plays(tmp_path / "d") == ADA * 2
    assert [line for _, line, _ in set_aside(tmp_path / "d")] == ["2", "3", "4", "5", "6"]
    take_in(tmp_path / "d", tmp_path / "workspace")


def test_lastfm_1k_rows_without_ids_and_with_quotes(tmp_path: Path) -> None:
    (tmp_path / "songs.csv").write_text(SONGS)
    at = "2023-10-31T14:05:00Z"
    (tmp_path / "userid-timestamp-artid-artname-traid-traname.tsv").write_text(
        f'user_1\t{at}\t\tAda\t\tHalf, a Bridge\nuser_1\t{at}\t\tBo\t\t12" Mix\n'
        f'user_2\t{at}\t{MBID}\t"x"\t{MBID}\t"y\nuser_2\t{at}\t\tNobody\t\t"\n'
    )
    told = import_lastfm([f"{tmp_path}/*.tsv"], tmp_path / "d", songs=tmp_path)
    assert plays(tmp_path / "d") == [("user_1", "1", AT), ("user_1", "2", AT), ("user_2", "2", AT)]
    assert (told.matched_by_exact_name, told.matched_by_mbid, told.unmatched) == (2, 1, 1)


@pytest.mark.parametrize("form", ["page", "pages", "tracks", "nested"])
def test_pages_of_the_api(form: str, tmp_path: Path) -> None:
    (tmp_path / "songs.csv").write_text(SONGS)
    date = {"uts": AT, "#text": "31 Oct 2023, 14:05"}
    track = {"artist": {"mbid": "", "#text": "Ada"}, "name": "Half, a Bridge", "mbid": "", "date": date}
    playing = {"artist": {"name": "Ada"}, "name": "Half, a Bridge", "@attr": {"nowplaying": "true"}}
    page = {"recenttracks": {"track": [playing, track], "@attr": {"user": "ada", "page": "1"}}}
    said = {"page": page, "pages": [page], "tracks": [playing, track], "nested": [[playing], [track]]}[form]
    (tmp_path / "a.json").write_text(json.dumps(said, indent=2))
    user = "" if "page" in form else "ada"
    import_lastfm([f"{tmp_path}/a.json"], tmp_path / "d", songs=tmp_path, user=user)
    assert plays(tmp_path / "d") == ADA
    assert len(set_aside(tmp_path / "d")) == 1


def test_other_tables_are_refused_by_their_columns(tmp_path: Path) -> None:
    (tmp_path / "songs.csv").write_text(SONGS)
    (tmp_path / "a.csv").write_text("when,what\n1,2\n")
    with pytest.raises(
        UserError, match=r"a\.csv: wanted columns artist, track and .*there are 'what', 'when'"
    ):
        import_lastfm([f"{tmp_path}/a.csv"], tmp_path / "d", songs=tmp_path, user="ada")


def test_what_is_packed_in_archives_is_read(tmp_path: Path) -> None:
    (tmp_path / "songs.csv").write_text(SONGS)
    row = "user_1\t2023-10-31T14:05:00Z\t\tAda\t\tHalf, a Bridge\n"
    page = {"recenttracks": {"track": [{"artist": "Ada", "name": "Half, a Bridge", "date": {"uts": AT}}]}}
    files = {
        "1K/README.txt": "Last.fm, 2010\n\nPlays of 992 listeners, and who they are.\n",
        "1K/userid-profile.tsv": "#id\tgender\tage\tcountry\tregistered\nuser_1\tf\t\t\t\n",
        "1K/userid-timestamp-artid-artname-traid-traname.tsv": row,
        "1K/page.json": json.dumps(page),
    }
    packed = tmp_path / "packed"
    packed.mkdir()
    with (
        tarfile.open(packed / "lastfm-dataset-1K.tar.gz", "w:gz") as tar,
        zipfile.ZipFile(packed / "a.zip", "w") as archive,
    ):
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, BytesIO(text.encode()))
            archive.writestr(name, text)
    (packed / "b.tsv.xz").write_bytes(lzma.compress(row.encode()))
    import_lastfm([str(packed)], tmp_path / "d", songs=tmp_path, user="ada")
    assert sorted(plays(tmp_path / "d")) == 2 * ADA + 3 * [("user_1", "1", AT)]
    assert {name.partition("/")[2] for name, _, _ in set_aside(tmp_path / "d")} == {*list(files)[:2]}
    assert not list((tmp_path / "d").glob("tmp*"))
    (packed / "b.tsv.xz").write_bytes(lzma.compress(b"artist,track,uts\nAda,x,1\n"))
    with pytest.raises(UserError, match=r"packed/b\.tsv\.xz: does not say who listened"):
        import_lastfm([f"{packed}/b.tsv.xz"], tmp_path / "e", songs=tmp_path)
    for name, content in {"b.tsv.xz": lzma.compress(row.encode())[:-9], "c.tsv.gz": b"\x1f\x8b\x08"}.items():
        (packed / name).write_bytes(content)
        with pytest.raises(UserError, match=rf"packed/{name}: cannot be unpacked: .*; wanted a whole file"):
            import_lastfm([f"{packed}/{name}"], tmp_path / "e", songs=tmp_path)
