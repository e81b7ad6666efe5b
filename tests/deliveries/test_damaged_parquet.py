"""Parquet files that say what cannot be: refused in words, where pyarrow would end the process."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from earshot.datasets.importing.delimited import Layout
from earshot.datasets.table import import_table
from earshot.deliveries import read_songs
from earshot.errors import UserError
from earshot.foreign.parquet_footer import Chunk, read_chunks

SONGS = pa.table({"song_id": ["1", "2", "3"], "artist": ["a", "b", "c"]})


def written(table: pa.Table) -> bytes:
    content = io.BytesIO()
    parquet.write_table(table, content, compression="none", row_group_size=3)
    return content.getvalue()


def with_footer(content: bytes, old: bytes, new: bytes) -> bytes:
    """`content` with `old` in its footer replaced."""
    start = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    footer = content[start:-8]
    assert old in footer
    changed = footer.replace(old, new)
    return content[:start] + changed + len(changed).to_bytes(4, "little") + b"PAR1"


def zigzag(number: int) -> bytes:
    """Of Thrift's compact protocol."""
    rest, content = number << 1, bytearray()
    while rest > 127:
        content.append(rest & 127 | 128)
        rest >>= 7
    return bytes([*content, rest])


def test_columns_are_described_as_pyarrow_does(tmp_path: Path) -> None:
    n = 1000
    nested = pa.array([[1, None], None, []] * n), pa.array([{"x": 1.5, "y": [True]}] * 3 * n)
    names = pa.array([f"song {i}" for i in range(3 * n)])
    table = pa.table([*nested, names], ["lists", "structs", "names"], metadata={"note": "x" * 300})
    (tmp_path / "a.parquet").write_bytes(written(table))
    footer = parquet.read_metadata(tmp_path / "a.parquet")
    groups = [footer.row_group(place) for place in range(footer.num_row_groups)]
    columns = [(place, group.column(place)) for group in groups for place in range(group.num_columns)]
    assert list(read_chunks(tmp_path / "a.parquet", footer.num_columns)) == [
        Chunk(
            place, found.physical_type == "BYTE_ARRAY", False, found.num_values, found.total_uncompressed_size
        )
        for place, found in columns
    ]


@pytest.mark.parametrize("total", [None, 1 << 40])
def test_statistics_of_another_column_are_refused(total: int | None, tmp_path: Path) -> None:
    """Levels are counted once for nothing there, and once for there: [0, 3]."""
    content = with_footer(written(SONGS), b"\x26\x00\x06", b"\x16\x06")
    if total:  # of the row group, so that each column is looked at
        there = parquet.read_metadata(io.BytesIO(written(SONGS))).row_group(0).total_byte_size
        content = with_footer(content, zigzag(there), zigzag(total))
    (tmp_path / "songs.parquet").write_bytes(content)
    with pytest.raises(
        UserError, match=r"songs\.parquet: not readable as parquet: .* histogram size mismatch"
    ):
        read_songs(tmp_path)


def test_a_footer_cut_off_is_refused(tmp_path: Path) -> None:
    content = written(SONGS)
    for size in range(1, 300, 20):
        (tmp_path / "a.parquet").write_bytes(content[:-8][-size:][: size // 2] + content[-8:])
        with pytest.raises(UserError, match="its footer is damaged"):
            list(read_chunks(tmp_path / "a.parquet", 2))


def test_a_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "songs.parquet").write_bytes(with_footer(written(SONGS), b"artist", b"arti\xff\xfe"))
    with pytest.raises(UserError, match=r"songs\.parquet: not readable as parquet: its header is not UTF-8"):
        read_songs(tmp_path)
    with pytest.raises(
        UserError, match=r"songs\.parquet: not readable as parquet: .* can't decode byte 0xff"
    ):
        import_table([f"{tmp_path}/songs.parquet"], tmp_path / "d", {"song_id": "song_id"}, Layout())


def test_a_text_that_its_dictionary_lacks_is_refused(tmp_path: Path) -> None:
    """Two bits for each of three texts, as a group of eight: 0, 1, 2 become 3, 3, 3."""
    content = written(SONGS)
    assert content.count(b"\x02\x03\x24\x00") == 2
    (tmp_path / "songs.parquet").write_bytes(content.replace(b"\x02\x03\x24\x00", b"\x02\x03\x3f\x00"))
    with pytest.raises(UserError, match=r"songs\.parquet: not readable as parquet: .*out of bounds"):
        read_songs(tmp_path)
