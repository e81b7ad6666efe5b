import json
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from earshot.deliveries import Delivery, delivered_plays, read_index, read_plays, read_song_ids, read_songs
from earshot.errors import UserError

SONGS = (
    "\ufeffsong_id,title,withdrawn,label\r\n"
    '000123,"A ""quoted"" title,\nof two lines",,Any\r\n'
    "1e5,ü,True,\r\n"
    "NA,,0,\r\n"
)


def test_ids_stay_as_they_are_and_what_is_missing_is_empty(tmp_path: Path) -> None:
    (tmp_path / "songs.csv").write_text(SONGS, encoding="utf-8", newline="")
    songs = read_songs(tmp_path)
    assert songs["song_id"].tolist() == ["000123", "1e5", "NA"] == read_song_ids(tmp_path).tolist()
    assert songs["title"].tolist() == ['A "quoted" title,\nof two lines', "ü", ""]
    assert songs["withdrawn"].tolist() == [False, True, False]
    assert songs.columns.tolist() == [
        *("song_id", "artist_id", "artist", "title", "genres", "tags", "audio", "withdrawn"),
        *("album", "track", "year", "recording_mbid", "path", "version_of"),
    ]
    assert (songs[["artist_id", "artist", "genres", "tags", "audio"]] == "").all(axis=None)


def test_parquet_says_the_same_as_csv(tmp_path: Path) -> None:
    (tmp_path / "csv").mkdir()
    (tmp_path / "parquet").mkdir()
    (tmp_path / "csv" / "songs.csv").write_text("song_id,artist_id,title,withdrawn\n1,7,x,true\n2,,,\n")
    table = pd.DataFrame({"song_id": [1, 2], "artist_id": ["7", None], "title": ["x", None]})
    table["withdrawn"] = pd.array([True, None], dtype="boolean")
    table.to_parquet(tmp_path / "parquet" / "songs.parquet")
    pd.testing.assert_frame_equal(read_songs(tmp_path / "csv"), read_songs(tmp_path / "parquet"))


@pytest.mark.parametrize("arrow_schema", [True, False])
def test_types_of_warehouses_are_taken_as_they_are(tmp_path: Path, arrow_schema: bool) -> None:
    """A file of Arrow's own writers, and one of others, which do not store Arrow's schema."""
    big, uuid = 10**38 - 1, UUID("00000000-0000-4000-8000-0000000000ff")
    songs = pa.table(
        {
            "song_id": pa.array([Decimal(big), Decimal(7)], pa.decimal128(38, 0)),
            "artist_id": pa.array([uuid.bytes, None], pa.uuid()),
            "title": pa.array(["Öl", None], pa.string_view()),
            "genres": pa.array([["folk", "a;b"], None], pa.list_(pa.string())),
            "tags": pa.array([[], ["x"]], pa.large_list(pa.large_string())),
            "year": pa.array([1999, None], pa.int16()),
        }
    )
    pq.write_table(songs, tmp_path / "songs.parquet", store_schema=arrow_schema)
    read = read_songs(tmp_path)[songs.column_names]
    assert read.iloc[0].tolist() == [str(big), str(uuid), "Öl", "folk;a,b", "", "1999"]
    assert read.iloc[1].tolist() == ["7", "", "", "", "x", ""]


def test_no_songs_are_an_empty_table(tmp_path: Path) -> None:
    songs = read_songs(tmp_path)
    assert songs.empty
    assert songs["withdrawn"].dtype == bool
    assert read_song_ids(tmp_path).empty


@pytest.mark.parametrize("rows", [1, 3, 4, 100])
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_chunks_are_the_file(tmp_path: Path, rows: int, suffix: str) -> None:
    path = tmp_path / f"plays.{suffix}"
    plays = pd.DataFrame({"song_id": list("abcdefghij"), "user_id": "u", "play_count": range(10)})
    plays.to_csv(path, index=False) if suffix == "csv" else plays.to_parquet(path)
    chunks = list(read_plays(path, chunk_rows=rows))
    assert all(len(chunk) == rows for chunk in chunks[:-1])
    read = pd.concat(chunks)
    assert read.index.tolist() == list(range(10))
    assert read.columns.tolist() == ["user_id", "song_id", "play_count", "played_at"]
    assert read["play_count"].tolist() == list("0123456789")
    assert (read["played_at"] == "").all()


def test_a_row_without_a_count_column_is_one_play_and_an_empty_file_one_empty_chunk(tmp_path: Path) -> None:
    (tmp_path / "plays.csv").write_text("user_id,song_id\nu,s\n")
    assert next(read_plays(tmp_path / "plays.csv", 5))["play_count"].tolist() == ["1"]
    (tmp_path / "plays.csv").write_text("user_id,song_id\n")
    assert [len(chunk) for chunk in read_plays(tmp_path / "plays.csv", 5)] == [0]


def test_the_index_is_in_order_of_arrival(tmp_path: Path) -> None:
    assert read_index(tmp_path) == []
    for name in ("z", "a"):
        (tmp_path / name).mkdir()
    (tmp_path / "a" / "delivery.json").write_text(json.dumps({"source": "label", "plays": "total"}))
    (tmp_path / "index.csv").write_text("delivery,md5\nz,1.dir\na,2.dir\n")
    assert read_index(tmp_path) == [
        Delivery("z", "1.dir", "", "increment"),
        Delivery("a", "2.dir", "label", "total"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,md5\n", "header 'name,md5': wanted 'delivery,md5'"),
        ("delivery,md5\ngone,1.dir\n", "gone: listed in index.csv and not there"),
        ("delivery,md5\n../up,1.dir\n", "row 1: '../up,1.dir'"),
        ("delivery,md5\na,1\n", "row 1: 'a,1'"),
    ],
)
def test_a_spoilt_index_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "index.csv").write_text(text)
    with pytest.raises(UserError, match=message):
        read_index(tmp_path)


def test_a_total_replaces_what_its_source_said_before(tmp_path: Path) -> None:
    deliveries = [
        Delivery("a", "1.dir", "label", "increment"),
        Delivery("b", "2.dir", "other", "increment"),
        Delivery("c", "3.dir", "label", "total"),
        Delivery("d", "4.dir", "", "increment"),
        Delivery("e", "5.dir", "label", "increment"),
        Delivery("f", "6.dir", "label", "total"),  # brings no plays: replaces nothing
    ]
    for delivery in deliveries:
        (tmp_path / delivery.name).mkdir()
        if delivery.name != "f":
            (tmp_path / delivery.name / "plays.csv").write_text("user_id,song_id\n")
    assert [delivery.name for delivery in delivered_plays(tmp_path, deliveries)] == ["b", "c", "d", "e"]
