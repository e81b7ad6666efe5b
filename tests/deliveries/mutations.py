"""Seeded changes of tables: of their cells, and of the bytes in which they are written."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import random
from collections.abc import Callable

import pyarrow as pa
from pyarrow import parquet

from tests.byte_mutations import mutated

Rows = list[list[str]]
"""The first has the names of the columns."""

ODD_CELLS = [
    *(
        "",
        " ",
        "0",
        "-1",
        "+5",
        "1.0",
        "2.5",
        "1e3",
        "1e400",
        "nan",
        "inf",
        "0x10",
        "1_000",
        "1,000",
        "٣",
        "²",
    ),
    *("2147483648", "9223372036854775807", "9223372036854775808", "9" * 99, "00", " 7 ", "7\t", "12.0", "-0"),
    *("2026-02-30", "2026-01-01T24:00:00Z", "1772359200000", "0000-00-00", "9999-12-31", "now", "31/12/2025"),
    *("2026-01-01T10:00:00+14:00", "2016-12-31T23:59:60Z", "2026-W01-1", "1969-12-31", "20260101", "1e9"),
    *("2026-01-01 10:00:00.123456789 UTC", "2026-01-01T10:00:00+99:99", "1772359200.5", "1677-09-21", "1999"),
    *(
        "NA",
        "null",
        "None",
        "true",
        "yes",
        "FALSE",
        "like",
        "../x",
        "/etc/passwd",
        "./a.wav",
        "a.wav/",
        "audio",
    ),
    *('"', '""', '"x', 'x"', "a\nb", "a\r\nb", "a\rb", "a,b", "a;b", "a\tb", "'", "=1+1", "\\", "%s", "{}"),
    *(
        "\0",
        "\x01",
        "\x1b[2J",
        "\x7f",
        "\x85",
        "\x1d",
        "\x1e",
        "\x1f",
        "\u2028",
        "\u202e",
        "\u200b",
        "\ufeff",
    ),
    *(
        "\ud800",
        "\udc80",
        "\ufffd",
        "\ufffe",
        "\U0010ffff",
        "e\u0301",
        "é",
        "İ",
        "ß",
        "ナ\u3099",
        "👩‍👩‍👧",
        "x" * 1001,
    ),
    *("x" * 70_000, "é" * 40_000, "000", "u", "song_id"),
]
ODD_BYTES = [
    b'"',
    b",",
    b"\n",
    b"\r",
    b"\0",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    b"\xff" * 4,
    b"\0" * 4,
    b"9" * 99,
]
ODD_BYTES += [
    b"a" * 5000,
    b"PAR1",
    b"\x1e\x1d",
    b"1e400",
    b"-",
    "\u2028".encode(),
    b"{",
    b"]",
    b"\xc3",
    b"\x80",
]

PACKED: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": lambda content: bytes(pa.compress(content, codec="zstd", asbytes=True)),
}


def change_cells(rows: Rows, chance: random.Random) -> Rows:
    """A copy with one to three things done to it, some of which leave it a good table."""
    rows = [list(row) for row in rows]
    changes = [
        _other_cell,
        _swapped,
        _emptied,
        _copied,
        _row_twice,
        _row_gone,
        _rows_moved,
        _ragged,
        _columns,
    ]
    for change in chance.choices(changes, [8, 2, 3, 3, 2, 1, 1, 1, 2], k=chance.randint(1, 3)):
        change(rows, chance)
    return rows


def _place(rows: Rows, chance: random.Random) -> tuple[list[str], int]:
    """A row below the header, and one of its columns."""
    row = chance.choice(rows[1:] or rows)
    return row, chance.randrange(len(row))


def _other_cell(rows: Rows, chance: random.Random) -> None:
    row, place = _place(rows, chance)
    odd = chance.choice(ODD_CELLS)
    row[place] = odd if chance.random() < 0.8 else row[place] + odd


def _swapped(rows: Rows, chance: random.Random) -> None:
    (one, a), (other, b) = _place(rows, chance), _place(rows, chance)
    one[a], other[b] = other[b], one[a]


def _emptied(rows: Rows, chance: random.Random) -> None:
    row, place = _place(rows, chance)
    row[place] = ""


def _copied(rows: Rows, chance: random.Random) -> None:
    """Of the same column, so that it may be as good."""
    row, place = _place(rows, chance)
    row[place] = next((other[place] for other in chance.sample(rows, 3) if place < len(other)), "")


def _row_twice(rows: Rows, chance: random.Random) -> None:
    rows.insert(chance.randrange(1, len(rows) + 1), list(chance.choice(rows)))


def _row_gone(rows: Rows, chance: random.Random) -> None:
    del rows[chance.randrange(1, len(rows))]


def _rows_moved(rows: Rows, chance: random.Random) -> None:
    rows[1:] = chance.sample(rows[1:], len(rows) - 1)


def _ragged(rows: Rows, chance: random.Random) -> None:
    row, place = _place(rows, chance)
    if chance.random() < 0.5 and len(row) > 1:
        del row[place]
    else:
        row.insert(place, chance.choice(ODD_CELLS))


def _columns(rows: Rows, chance: random.Random) -> None:
    """One gone, there twice, called otherwise, another one, or all in another order."""
    place = chance.randrange(len(rows[0]))
    order = list(range(len(rows[0])))
    match chance.randrange(5):
        case 0 if len(order) > 1:
            del order[place]
        case 1:
            order.insert(chance.randrange(len(order)), place)
        case 2:
            name = rows[0][place]
            rows[0][place] = chance.choice([name.upper(), f" {name}", "\ufeff" + name, "", *ODD_CELLS])
        case 3:
            for number, row in enumerate(rows):
                row.append(chance.choice(ODD_CELLS) if number else "remarks")
            return
        case _:
            chance.shuffle(order)
    for row in rows:
        row[:] = [row[column] if column < len(row) else "" for column in order]


def as_text(rows: Rows, chance: random.Random, separator: str = ",") -> bytes:
    """Separated text; quoted as RFC 4180 says where the separator is a comma or a semicolon."""
    written = io.StringIO(newline="")
    end = chance.choice(["\n", "\n", "\r\n"])
    if separator in (",", ";"):
        quoting = chance.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
        csv.writer(written, delimiter=separator, lineterminator=end, quoting=quoting).writerows(rows)
    else:
        written.writelines(separator.join(row) + end for row in rows)
    mark = "\ufeff" if chance.random() < 0.1 else ""
    return (mark + written.getvalue()).encode(errors="surrogatepass")


def as_parquet(rows: Rows, chance: random.Random) -> bytes:
    """Parquet in one of the many ways to write it, some columns of other types than text."""
    header, *body = rows
    columns = [_column([row[place : place + 1] for row in body], chance) for place in range(len(header))]
    names = [name.encode(errors="replace").decode() for name in header]
    written = io.BytesIO()
    dictionary = chance.random() < 0.5
    parquet.write_table(
        pa.Table.from_arrays(columns, names=names),
        written,
        row_group_size=chance.choice([5, 1000]),
        compression=chance.choice(["none", "none", "snappy", "gzip", "zstd", "brotli", "lz4"]),
        use_dictionary=dictionary,
        data_page_version=chance.choice(["1.0", "2.0"]),
        write_page_checksum=chance.random() < 0.2,
        write_page_index=chance.random() < 0.2,
        store_schema=chance.random() < 0.7,
    )
    return written.getvalue()


def _column(cells: list[list[str]], chance: random.Random) -> pa.Array:
    missing = None if chance.random() < 0.5 else b""
    texts = [cell[0].encode(errors="surrogatepass") if cell and cell[0] else missing for cell in cells]
    column = pa.array(texts, pa.binary()).view(pa.string())
    if chance.random() < 0.8:
        return column
    kinds = [
        pa.int64(),
        pa.int32(),
        pa.float64(),
        pa.binary(),
        pa.large_string(),
        pa.string_view(),
        pa.date32(),
    ]
    kinds += [pa.decimal128(38, 0), pa.bool_(), pa.timestamp("ms"), pa.timestamp("ns", "UTC"), pa.null()]
    kinds += [pa.list_(pa.string()), pa.dictionary(pa.int8(), pa.string()), pa.uint64(), pa.time32("s")]
    kind = chance.choice(kinds)
    if pa.types.is_list(kind):
        return pa.array(
            [None if text is None else text.decode(errors="replace").split(";") for text in texts]
        )
    try:
        return column.cast(kind)
    except pa.ArrowException:
        return column if chance.random() < 0.7 else pa.nulls(len(column), kind)


def change_bytes(content: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """Mostly one small thing; one time in four as files of sound are changed."""
    if chance.random() < 0.25:
        return mutated(content, others, chance)
    for _ in range(chance.choice([1, 1, 2])):
        at, odd = chance.randrange(len(content) + 1), chance.choice(ODD_BYTES)
        match chance.randrange(7):
            case 0 | 1 if at < len(content):
                content = content[:at] + bytes([content[at] ^ 1 << chance.randrange(8)]) + content[at + 1 :]
            case 2:
                content = content[:at] + odd + content[at:]
            case 3:
                content = content[:at] + content[at + chance.randint(1, 4) :]
            case 4:
                content = content[:at] + odd + content[at + len(odd) :]
            case 5:
                content = content[: max(at, len(content) - chance.randint(1, 200))]
            case _:
                content = _spliced_at_lines(content, chance.choice(others), chance)
    return content


def _spliced_at_lines(content: bytes, other: bytes, chance: random.Random) -> bytes:
    begin, end = content.splitlines(keepends=True), other.splitlines(keepends=True)
    return b"".join(begin[: chance.randrange(len(begin) + 1)] + end[chance.randrange(len(end) + 1) :])


def change_parquet(content: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """Bytes of the footer or of a page's header, both written by Thrift's compact protocol; or any."""
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    if chance.random() < 0.3:
        return change_bytes(content, others, chance)
    if chance.random() < 0.6:
        changed = _thrift(content[footer:-8], chance)
        return content[:footer] + changed + len(changed).to_bytes(4, "little") + b"PAR1"
    metadata = parquet.read_metadata(io.BytesIO(content))
    group = metadata.row_group(chance.randrange(metadata.num_row_groups)) if metadata.num_row_groups else None
    if group is None:
        return content
    column = group.column(chance.randrange(group.num_columns))
    begin = (column.has_dictionary_page and column.dictionary_page_offset) or column.data_page_offset
    changed = _thrift(content[begin : begin + 24], chance)
    return content[:begin] + changed + content[begin + 24 :]


def _thrift(content: bytes, chance: random.Random) -> bytes:
    """One to three bytes otherwise: the numbers of a varint, kinds of fields, lengths of lists and texts."""
    changed = bytearray(content)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(changed))
        if chance.random() < 0.2:
            changed[at : at + 1] = b"\xff" * chance.choice([1, 4, 9]) + b"\x01"
        else:
            changed[at] = chance.choice([changed[at] ^ 1 << chance.randrange(8), chance.randrange(256)])
    return bytes(changed)
