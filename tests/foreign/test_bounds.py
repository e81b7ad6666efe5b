"""Small files that unpack to gigabytes: refused in words, in less than 1 GB, by imports and at the door."""

from __future__ import annotations

import gzip
import json
import lzma
import random
import sqlite3
import subprocess
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from earshot.datasets.importing import delimited, drafts
from earshot.datasets.importing.delimited import Layout
from earshot.datasets.importing.drafts import SetAside
from earshot.datasets.listenbrainz import import_listenbrainz
from earshot.datasets.navidrome import import_navidrome
from earshot.datasets.table import TableImport, import_table
from earshot.errors import UserError
from earshot.foreign.parquet import open_parquet
from earshot.processes import limited_memory

MIB = 1 << 20
HEADER = b"user_id,song_id\nu,s\n"
IMPORTS = """
import json, sys
from typer.testing import CliRunner
from earshot.cli.main import app
def refused(arguments): return str(CliRunner().invoke(app, ["import", *arguments]).exception)
"""
DOOR = """
import json, sys
from pathlib import Path
from earshot.deliveries.check import RefusedDelivery, check
def refused(folder):
    try: check(Path(folder))
    except RefusedDelivery as error: return str(error)
"""
TELL = """
said = [refused(one) for one in json.loads(sys.argv[1])]
status = open('/proc/self/status').read()  # ru_maxrss is the starter's too
print(json.dumps([*said, int(status.split('VmHWM:')[1].split()[0])]))
"""
Make = Callable[[Path], object]


def all_refused(code: str, bombs: list[Any]) -> list[str]:
    """What one process says that is given all of them, having held less than 1 GB."""
    command = [sys.executable, "-c", code + TELL, json.dumps(bombs)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    *said, kilobytes = json.loads(done.stdout)
    assert kilobytes < 1_000_000
    return said


def same_text(rows: int, length: int) -> pa.Table:
    """Songs that all have the same title, which takes hardly a byte a row."""
    titles = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), ["x" * length])
    return pa.table({"song_id": list(map(str, range(rows))), "title": titles})


def many_texts(path: Path) -> None:
    parquet.write_table(same_text(5_000, MIB), path)


def one_list(path: Path) -> None:
    genres = pa.ListArray.from_arrays(
        pa.array([0, 5_000], pa.int32()), same_text(5_000, MIB)["title"].chunk(0)
    )
    parquet.write_table(pa.table({"song_id": ["s"], "genres": genres}), path)


def long_list(path: Path) -> None:
    nothing = pa.ListArray.from_arrays(pa.array([0, 5_000_000], pa.int32()), pa.nulls(5_000_000, pa.string()))
    parquet.write_table(pa.table({"song_id": ["s"], "genres": nothing}), path)


def shared_prefixes(path: Path) -> None:
    titles = pa.array(["x" * MIB] * 75)
    encodings = {"title": "DELTA_BYTE_ARRAY", "song_id": "PLAIN"}
    table = pa.table({"song_id": list(map(str, range(75))), "title": titles})
    parquet.write_table(table, path, use_dictionary=False, column_encoding=encodings)


def wide_parquet(path: Path) -> None:
    columns = {f"c{place}": pa.array([1], pa.int8()) for place in range(3_000)}
    parquet.write_table(pa.table({"song_id": ["s"]} | columns), path, write_statistics=False)


def lying_page(path: Path) -> None:
    """A page that says it holds 1.5 GB, of which the footer says 100 bytes.

    In Thrift's compact protocol: a field's distance to the one before and its type in a byte, numbers zigzag.
    """

    def number(kind: int, distance: int, value: int) -> bytes:
        digits, value = [distance << 4 | kind], 2 * value
        while value > 127:
            digits.append(value & 127 | 128)
            value >>= 7
        return bytes([*digits, value])

    def i32(value: int, distance: int = 1) -> bytes:
        return number(5, distance, value)

    def i64(value: int, distance: int = 1) -> bytes:
        return number(6, distance, value)

    packed, name = zlib.compress(bytes(1000)), b"\7song_id"
    values = i32(1) + i32(0) + i32(3) + i32(3) + b"\0"
    page = i32(0) + i32(1_500_000_000) + i32(len(packed)) + b"\x2c" + values + b"\0" + packed
    schema = b"\x19\x2c\x48\1s" + i32(1) + b"\0" + i32(6) + i32(0, 2) + b"\x18" + name + i32(0, 2) + b"\0"
    column = i32(6) + b"\x19\x15\0\x19\x18" + name + i32(2)  # texts, plain, gzip
    column += i64(1) + i64(100) + i64(len(page)) + i64(4, 2) + b"\0"
    group = b"\x19\x1c\x19\x1c" + i64(4, 2) + b"\x1c" + column + b"\0" + i64(100) + i64(1) + b"\0"
    footer = i32(1) + schema + i64(1) + group + b"\0"
    path.write_bytes(b"PAR1" + page + footer + len(footer).to_bytes(4, "little") + b"PAR1")


PARQUET = [
    (many_texts, "bytes of text: wanted at most"),
    (one_list, "bytes of text: wanted at most"),
    (long_list, "has 5,000,000 values in column genres.list.element: wanted at most 1,"),
    (shared_prefixes, "bytes of text: wanted at most"),
    (wide_parquet, "has 3,001 columns: wanted at most 2,000"),
    (lying_page, "take more than 512 MiB of memory"),
]


def text(content: bytes) -> Make:
    return lambda path: path.write_bytes(HEADER + content)


def columns(count: int, rows: bytes) -> Make:
    names = b"".join(b",%d" % place for place in range(count))
    return lambda path: path.write_bytes(b"user_id,song_id" + names + b"\nu,s" + b"," * count + b"\n" + rows)


CSV = [
    (text(bytes(40 * MIB)), "line 3 is longer than 4 MiB"),
    (text(b"," * 40 * MIB), "line 3 is longer than 4 MiB"),
    (text(b"\n" * 8 * MIB), "have fewer than 4 bytes on average"),
    (text(b",\n" * 4 * MIB), "have fewer than 4 bytes on average"),
    (columns(400_000, b""), "has 400,002 columns: wanted at most 2,000"),
    (columns(1_900, b"\n" * 40_000), "more than 10,515 empty lines"),
]


def test_tables_at_the_door(tmp_path: Path) -> None:
    bombs = []
    for number, (make, _) in enumerate(PARQUET + CSV):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        make(folder / ("songs.parquet" if number < len(PARQUET) else "plays.csv"))
        bombs.append(str(folder))
    for folder, said, (_, wanted) in zip(bombs, all_refused(DOOR, bombs), PARQUET + CSV, strict=True):
        assert said.startswith(folder)
        assert wanted in said


def packed(content: bytes) -> Make:
    return lambda path: path.with_suffix(".csv.gz").write_bytes(gzip.compress(HEADER + content))


PACKED = [(packed(bytes(40 * MIB)), "line 3 is longer than 4 MiB")]


def test_tables_by_the_command(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_bytes(HEADER)
    bombs, wanted = [], PARQUET + CSV + PACKED
    for number, (make, _) in enumerate(wanted):
        make(tmp_path / f"{number}.{'parquet' if number < len(PARQUET) else 'csv'}")
        table = str(next(tmp_path.glob(f"{number}.*")))
        files = [str(tmp_path / "one.csv"), "--songs", table] if number < len(PARQUET) else [table]
        ids = ("--user", "user_id", "--song", "song_id", "--output", str(tmp_path / "d"))
        bombs.append(["table", *files, *ids])
    for number, said in enumerate(all_refused(IMPORTS, bombs)):
        assert f"{tmp_path}/{number}." in said
        assert wanted[number][1] in said
    assert not (tmp_path / "d").exists()


def zipped(path: Path, content: bytes, times: int = 1) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.jsonl", content)
        archive.filelist *= times


def dictionary_of_a_gibibyte(path: Path) -> None:
    content = bytearray(lzma.compress(b"{}\n"))
    size = 4 * content[12] + 4  # of the block's header: flags, filter 0x21, one byte of properties
    content[16] = 36
    content[8 + size : 12 + size] = zlib.crc32(content[12 : 8 + size]).to_bytes(4, "little")
    path.write_bytes(content)


def name_of_2_gb(path: Path) -> None:
    header = tarfile.TarInfo("a")
    header.type, header.size = tarfile.XHDTYPE, 2_000_000_000
    path.write_bytes(gzip.compress(header.tobuf(tarfile.USTAR_FORMAT) + bytes(MIB)))


EXPORTS: dict[str, tuple[Make, str]] = {
    "zeros.zip": (lambda path: zipped(path, bytes(4 * MIB)), "wanted at most 200 times as many"),
    "overlap.zip": (
        lambda path: zipped(path, random.Random(0).randbytes(5_000), times=9),
        "none that overlap",
    ),
    "brackets.gz": (lambda path: path.write_bytes(gzip.compress(b"[" * 80 * MIB)), "hold more than"),
    "brackets.json": (lambda path: path.write_bytes(b"[" * 20 * MIB), "none of 0 listens"),
    "value.jsonl": (lambda path: path.write_bytes(b'{"":[' + b'{"":0},' * MIB + b"0]}\n"), "wanted track"),
    "line.jsonl": (lambda path: path.write_bytes(b"x" * 30 * MIB), "nearly nothing in it can be used"),
    "dictionary.xz": (dictionary_of_a_gibibyte, "Memory usage limit exceeded"),
    "name.tar.gz": (name_of_2_gb, "a name of 2,000,000,000 bytes; wanted at most 65,536"),
}


def test_exports_of_listens(tmp_path: Path) -> None:
    (tmp_path / "songs.csv").write_text("song_id,artist,title\ns,Ada,A\n")
    for name, (make, _) in EXPORTS.items():
        make(tmp_path / name)
    options = ("--songs", str(tmp_path), "--output", str(tmp_path / "d"), "--user", "ada")
    bombs = [["listenbrainz", str(tmp_path / name), *options] for name in EXPORTS]
    for said, (name, (_, wanted)) in zip(all_refused(IMPORTS, bombs), EXPORTS.items(), strict=True):
        assert wanted in said, name
        assert name in said or wanted.startswith("none of")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.json", b"[1" + b",1" * 200, r"a.json: line 1: '1': wanted track_metadata"),
        ("a.jsonl", b"{}\n" * 200, r"a.jsonl: line 1: '{}': wanted track_metadata"),
        ("a.jsonl", b"\n" * 200, r"a.jsonl: line 1: '': wanted JSON"),
        ("a.csv", HEADER + b"u s\n" * 200, r"CSV parse error: .* Expected 2 columns, got 1: u s"),
        ("b.csv", HEADER + b"u v s\nu,s\n" * 200, ""),
    ],
)
def test_lines_of_which_hardly_one_can_be_used(
    name: str, content: bytes, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each costs Python's time: after 100,000 of them, here 100, no more are read."""
    monkeypatch.setattr(drafts, "_MOST_LISTED", 100)
    monkeypatch.setattr(delimited, "_MOST_REFUSED", 100 if name == "a.csv" else 1_000)
    (tmp_path / "songs.csv").write_text("song_id,artist,title\ns,Ada,A\n")
    (tmp_path / name).write_bytes(content)

    def read() -> object:
        if name.endswith("csv"):
            ids = {"user_id": "user_id", "song_id": "song_id"}
            return import_table([str(tmp_path / name)], tmp_path / "d", ids, Layout())
        return import_listenbrainz([str(tmp_path / name)], tmp_path / "d", songs=tmp_path, user="ada")

    if reason:
        with pytest.raises(UserError, match=reason):
            read()
    else:
        assert read() == TableImport(files=1, plays=201, songs=0, set_aside=200)


def test_a_database_whose_rows_never_end(tmp_path: Path) -> None:
    (tmp_path / "songs.csv").write_text("song_id,artist,title\ns,Ada,A\n")
    path = tmp_path / "navidrome.db"
    with sqlite3.connect(path) as made:
        made.execute("CREATE TABLE user (id, user_name)")
        made.execute("CREATE TABLE media_file (id, path, artist, title)")
        endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT "
        made.execute(
            f"CREATE VIEW annotation AS {endless} i user_id, i item_id, '' item_type, 1 play_count FROM n"
        )
    with pytest.raises(UserError, match="annotation is a view or a virtual table; wanted a table"):
        import_navidrome(path, tmp_path / "d", songs=tmp_path)
    with sqlite3.connect(path) as made:
        made.execute("DROP VIEW annotation")
        made.execute("CREATE TABLE annotation (user_id, item_id, item_type, play_count)")
        made.executemany("INSERT INTO user VALUES (?, ?)", [("u", "ada")] * 2)
    made.close()
    with pytest.raises(UserError, match=r"table user: id='u': wanted each once"):
        import_navidrome(path, tmp_path / "d", songs=tmp_path)


def test_what_others_write_is_read_however_it_is_encoded(tmp_path: Path) -> None:
    """Arrow reads no DELTA_... as a dictionary."""
    table = pa.table({"a": ["x", "xy"], "g": [["p", "q"], []]})
    for encoding in ("DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY", "PLAIN"):
        encodings = dict.fromkeys(("a", "g.list.element"), encoding)
        parquet.write_table(table, tmp_path / "t", use_dictionary=False, column_encoding=encodings)
        _, read = open_parquet(tmp_path / "t")
        rows = [row for part in read(["g", "a"]) for row in part.to_pylist()]
        assert rows == [{"g": ["p", "q"], "a": "x"}, {"g": [], "a": "xy"}]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits it")
def test_memory_is_limited_and_given_free_again() -> None:
    with pytest.raises(MemoryError), limited_memory(64 * MIB):
        bytearray(512 * MIB)
    assert len(bytearray(512 * MIB)) == 512 * MIB


def test_rows_without_a_value_are_borne_longer_than_malformed_lines(tmp_path: Path) -> None:
    set_aside = SetAside(tmp_path / "set_aside.csv")
    set_aside.add_rows("t", range(9_000_000), str, "an id")
    set_aside.used = 1_000_000
    for line in range(20_000):
        set_aside.add("t", line, "x", "two columns")
    set_aside.used = 0
    with pytest.raises(UserError, match="t: nearly nothing in it can be used; t: line 0: '0': wanted an id"):
        set_aside.add("t", 1, "x", "two columns")
    set_aside.close()
    assert set_aside.count == 9_020_001
