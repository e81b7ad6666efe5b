"""Scrobbles as a delivery: exporters' CSV, lastfm-1K, pages of the API."""

from __future__ import annotations

import json
import tarfile
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
    with tarfile.open(tmp_path / "lastfm-dataset-1K.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "a.csv", "a.csv")
    with pytest.raises(UserError, match=r"1K\.tar\.gz: wanted a table by itself, or packed as \.gz"):
        import_lastfm([f"{tmp_path}/*.gz"], tmp_path / "d", songs=tmp_path)
