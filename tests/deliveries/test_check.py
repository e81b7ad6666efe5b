import gzip
import lzma
import os
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from earshot.deliveries.check import check
from earshot.deliveries.contents import list_files
from earshot.errors import UserError


@pytest.fixture
def delivery(tmp_path: Path) -> Path:
    folder = tmp_path / "delivery"
    (folder / "audio").mkdir(parents=True)
    (folder / "audio" / "a.mp3").write_bytes(b"sound")
    (folder / "songs.csv").write_text("song_id,audio\ns1,audio/a.mp3\ns2,\n")
    (folder / "plays.csv").write_text("user_id,song_id,play_count\nu,s1,3\n")
    return folder


def test_a_good_delivery_passes(delivery: Path) -> None:
    check(delivery)


def test_songs_alone_and_plays_alone_pass(delivery: Path) -> None:
    (delivery / "plays.csv").rename(delivery / "plays-may.csv")
    check(delivery)
    (delivery / "songs.csv").unlink()
    check(delivery)
    (delivery / "plays-may.csv").unlink()
    (delivery / "songs.csv").write_text("song_id\ns\n")
    check(delivery)


def test_bad_plays_are_no_reason_to_refuse(delivery: Path) -> None:
    (delivery / "plays.csv").write_text("user_id,song_id,play_count,played_at\n,,-1,never\n")
    check(delivery)


def test_hidden_files_are_not_part_of_it(delivery: Path) -> None:
    (delivery / ".DS_Store").write_text("")
    (delivery / ".git").mkdir()
    (delivery / ".git" / "config").write_text("")
    check(delivery)
    assert list_files(delivery) == ["audio/a.mp3", "plays.csv", "songs.csv"]


def test_a_link_inside_is_followed(delivery: Path) -> None:
    (delivery / "audio" / "b.mp3").symlink_to("a.mp3")
    check(delivery)
    assert "audio/b.mp3" in list_files(delivery)


def write(name: str, content: str | bytes) -> Callable[[Path], object]:
    data = content if isinstance(content, bytes) else content.encode()
    return lambda folder: (folder / name).write_bytes(data)


with ZipFile(BytesIO(), "w") as archive:
    archive.writestr("songs.csv", "song_id\n1\n")
    zipped = archive.fp.getvalue()


def songs(text: str) -> Callable[[Path], object]:
    return write("songs.csv", text)


def empty(folder: Path) -> None:
    (folder / "songs.csv").unlink()
    (folder / "plays.csv").unlink()


def without_rows(folder: Path) -> None:
    (folder / "songs.csv").write_text("song_id\n")
    (folder / "plays.csv").write_text("user_id,song_id\n")


def link_out(folder: Path) -> None:
    (folder.parent / "secret").write_text("secret")
    (folder / "audio" / "b.mp3").symlink_to("../../secret")


def float_ids(folder: Path) -> None:
    pd.DataFrame({"user_id": ["u"], "song_id": [1.0]}).to_parquet(folder / "plays.parquet")


def binary_count(folder: Path) -> None:
    nested = pd.DataFrame({"user_id": ["u"], "song_id": ["s"], "play_count": [[1, 2]]})
    nested.to_parquet(folder / "plays.parquet")


def not_utf8(column: str) -> Callable[[Path], object]:
    """Text of parquet that is not what parquet says that it is."""

    def spoil(folder: Path) -> None:
        (folder / "songs.csv").unlink()
        bad = pa.Array.from_buffers(pa.string(), 2, pa.array([b"a", b"\xe9t\xe9"]).buffers())
        texts = dict.fromkeys(("song_id", "title"), pa.array(["1", "2"])) | {column: bad}
        pq.write_table(pa.table(texts), folder / "songs.parquet")

    return spoil


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (empty, r"delivery: neither songs nor plays: wanted songs\.csv.* there is audio/a\.mp3"),
        (without_rows, r"delivery: neither songs nor plays: its tables have no rows"),
        (songs("id,title\n1,x\n"), r"songs\.csv: column song_id is missing; there are 'id', 'title'"),
        (songs("song_id,song_id\n1,2\n"), r"songs\.csv: column song_id is there 2 times"),
        (songs("song_id\ns1\ns2\ns1\n"), r"songs\.csv: rows 1, 3: song_id='s1': wanted each song once"),
        (songs('song_id\ns1\n""\n'), r"songs\.csv: row 2: song_id='': wanted an id"),
        (
            songs("song_id,withdrawn\ns,maybe\n"),
            r"songs\.csv: row 1: withdrawn='maybe': wanted true or false",
        ),
        (songs("song_id,audio\ns,../x.mp3\n"), r"songs\.csv: row 1: audio='\.\./x\.mp3': leads out"),
        (songs("song_id,audio\ns,/etc/passwd\n"), r"row 1: audio='/etc/passwd': leads out"),
        (songs("song_id,audio\na,\ns,audio/x.mp3\n"), r"row 2: audio='audio/x\.mp3': not there"),
        (songs("song_id,audio\ns,audio\n"), r"row 1: audio='audio': not there"),
        (songs("song_id,audio\ns,audio/.a.mp3\n"), r"row 1: audio='audio/\.a\.mp3': is hidden"),
        (
            songs('song_id,title\na,x\nb,"open\nc,y\n'),
            r"line 3 \(row 2\): column title: a quote opens and is never closed",
        ),
        (
            songs('song_id,artist,title\na,b,"open\nc,d,e\nf,"g",h\n'),
            r"line 2 \(row 1\): column title: a quote",
        ),
        (songs("song_id,year\na,soon\n"), r"row 1: year='soon': wanted a year"),
        (songs('song_id\n"a\n"\n'), r"song_id='a\\n': wanted an id"),
        (write("songs.csv", b"PK\x03\x04 xl/workbook"), r"songs\.csv: is an Excel workbook: wanted CSV"),
        (write("songs.csv", "song_id\n".encode("utf-16")), r"songs\.csv: is UTF-16 text"),
        (songs("PK\x05\x06"), r"songs\.csv: is an empty zip archive"),
        (write("songs.csv", zipped), r"songs\.csv: is a zip archive: wanted CSV; save it as CSV"),
        (write("plays.csv", lzma.compress(b"user_id")), r"plays\.csv: is packed with xz"),
        (write("plays.csv", gzip.compress(b"user_id")), r"plays\.csv: is packed with gzip"),
        (write("plays.csv", b"PAR1" * 9), r"plays\.csv: is parquet: wanted CSV; name it \.parquet"),
        (write("plays-2.parquet", zipped), r"not readable as parquet: is a zip archive"),
        (write("plays-2.parquet", b"PK\x03\x04 xl/workbook"), r"as parquet: is an Excel workbook"),
        (write("plays-2.parquet", "a,b\n".encode("utf-16")), r"as parquet: is UTF-16 text"),
        (write("plays-2.parquet", lzma.compress(b"PAR1")), r"as parquet: is packed with xz"),
        (not_utf8("song_id"), r"songs\.parquet: column song_id has text that is not UTF-8: row 2"),
        (not_utf8("title"), r"songs\.parquet: column title has .* not UTF-8: .*b'\\xe9t\\xe9'"),
        (songs("a," * 400_000), r"songs\.csv: has 400,001 columns: wanted at most 2,000"),
        (
            write("feedback.csv", "user_id,song_id,kind\nu,s,love\n"),
            r"feedback\.csv: row 1: kind='love': wanted like",
        ),
        (songs(""), r"songs\.csv: not readable as csv: Empty CSV file"),
        (
            songs("song_id,title\ns,a,b\n"),
            r"songs\.csv: not readable as csv: .*Expected 2 columns, got 3: s,a,b",
        ),
        (write("songs.csv", b"song_id,title\ns,\xff\xfe\n"), r"songs\.csv: not readable as csv: .*UTF8"),
        (write("songs.parquet", ""), r"delivery: songs\.csv and songs\.parquet: wanted one of them"),
        (write("plays.csv", "user_id,play_count\nu,1\n"), r"plays\.csv: column song_id is missing"),
        (write("plays-2.csv", "song_id\n1\n"), r"plays-2\.csv: column user_id is missing"),
        (write("plays.parquet", "user_id,song_id\n"), r"plays\.parquet: not readable as parquet"),
        (float_ids, r"plays\.parquet: column song_id is of type double: wanted text"),
        (binary_count, r"plays\.parquet: column play_count is of type list.*: wanted text"),
        (link_out, r"audio/b\.mp3: a link to .*/secret, out of the delivery"),
        (lambda folder: (folder / "x").symlink_to("nowhere"), r"x: a link to 'nowhere', which is not there"),
        (lambda folder: (folder / "x").symlink_to("audio"), r"x: a link to a folder"),
        (lambda folder: os.mkfifo(folder / "x.mp3"), r"x\.mp3: not a file"),
        (write("dvc.yaml", ""), r"dvc\.yaml: DVC would take this file for its own"),
        (lambda folder: open(os.fsencode(folder) + b"/\xff.mp3", "w").close(), r"file name .* is not UTF-8"),
        (write("delivery.json", "{"), r"delivery\.json: not JSON"),
        (write("delivery.json", "[]"), r"delivery\.json: \[\]: wanted \{"),
        (
            write("delivery.json", '{"sauce": 1}'),
            r"delivery\.json: sauce=1: unknown key; allowed here: source, plays",
        ),
        (write("delivery.json", '{"source": 1}'), r"delivery\.json: source=1: wanted text"),
        (
            write("delivery.json", '{"source": "x", "plays": "sum"}'),
            r"plays='sum': wanted increment or total",
        ),
        (write("delivery.json", '{"plays": "total"}'), r"plays='total' without a source"),
    ],
)
def test_refused(delivery: Path, spoil: Callable[[Path], object], message: str) -> None:
    spoil(delivery)
    with pytest.raises(UserError, match=message):
        check(delivery)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="gone: not a folder"):
        check(tmp_path / "gone")
