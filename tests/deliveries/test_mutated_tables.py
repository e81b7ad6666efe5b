"""Tables changed at random: each is taken or refused in words, and what the door takes can be counted."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
from pathlib import Path

import pyarrow as pa
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from earshot.datasets.importing.delimited import Layout
from earshot.datasets.table import import_table
from earshot.deliveries import read_plays, read_songs
from earshot.deliveries.check import check
from earshot.deliveries.play_quality import check_plays
from earshot.deliveries.plays import play_files
from earshot.errors import UserError
from earshot.validation.parts import write_part

PARAMS = Path(__file__).parents[2] / "params.yaml"
CASES = int(os.environ.get("EARSHOT_FUZZ", "60"))
IDS = {"user_id": "user_id", "song_id": "song_id"}
TABLES = {
    "songs": pa.table(
        {
            "song_id": [f"{n:03}" for n in range(20)],
            "artist": ["Ada", 'He "Said"', "a, b", "ナ\n"] * 5,
            "year": ["1999", "", "2001", "2020"] * 5,
        }
    ),
    "plays": pa.table(
        {
            "user_id": ["u", "v", "w", "x"] * 5,
            "song_id": [f"{n:03}" for n in range(20)],
            "play_count": list(map(str, range(1, 21))),
            "played_at": ["2026-01-01", "1772359200", "", "2026-01-01T10:00:00Z"] * 5,
        }
    ),
    "feedback": pa.table({"user_id": ["u", "v"], "song_id": ["000", "001"], "kind": ["like", "skip"]}),
}
ODD = [b'"', b",", b"\n", b"\r", b"\0", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xff" * 4, b"\0" * 4, b"9" * 99]
ODD += [b"a" * 5000, b"PAR1", b"\x1e\x1d", b"1e400", b"-", "\u2028".encode()]


def changed_bytes(content: bytes, draw: random.Random) -> bytes:
    """With bits flipped, parts cut out, doubled or overwritten by odd ones."""
    for _ in range(draw.randint(1, 4)):
        start, end = sorted(draw.choices(range(len(content) + 1), k=2))
        match draw.randrange(5):
            case 0 if start < len(content):
                flipped = content[start] ^ 1 << draw.randrange(8)
                content = content[:start] + bytes([flipped]) + content[start + 1 :]
            case 1:
                content = content[:start] + content[end:]
            case 2:
                content = content[:end] + content[start:]
            case 3:
                content = content[:start] + draw.choice(ODD) + content[start:]
            case _:
                odd = draw.choice(ODD)
                content = content[:start] + odd + content[start + len(odd) :]
    return content


def changed_columns(table: pa.Table, draw: random.Random) -> pa.Table:
    """With a column of another type, name, or twice."""
    place = draw.randrange(table.num_columns)
    name, column = table.column_names[place], table.column(place)
    match draw.randrange(4):
        case 0:
            return table.append_column(name, column)
        case 1:
            return table.rename_columns([draw.choice(["", "song_id", "x"]), *table.column_names[1:]])
        case _:
            kinds = [pa.int64(), pa.float64(), pa.binary(), pa.large_string(), pa.string_view(), pa.date32()]
            kinds += [pa.decimal128(38, 0), pa.bool_(), pa.timestamp("ms"), pa.null(), pa.list_(pa.string())]
            kind = draw.choice(kinds)
            try:
                values = column.combine_chunks().cast(kind)
            except pa.ArrowException:
                values = pa.nulls(table.num_rows, kind)
            return table.set_column(place, name, values)


def deliver(folder: Path, draw: random.Random) -> str:
    """Write good tables and one changed; its name."""
    folder.mkdir()
    spoilt, suffix = draw.choice(list(TABLES)), draw.choice(["csv", "parquet"])
    for stem, table in TABLES.items():
        path = folder / f"{stem}.{suffix if stem == spoilt else 'csv'}"
        if path.suffix == ".csv":
            arrow_csv.write_csv(table, path)
            if stem == spoilt:
                path.write_bytes(changed_bytes(path.read_bytes(), draw))
        elif stem == spoilt and draw.random() < 0.5:
            parquet.write_table(changed_columns(table, draw), path)
        else:
            parquet.write_table(table, path)
            path.write_bytes(changed_bytes(path.read_bytes(), draw))
    return f"{spoilt}.{suffix}"


def test_every_changed_table_is_taken_or_refused_in_words(tmp_path: Path) -> None:
    shutil.copyfile(PARAMS, tmp_path / "params.yaml")
    accepted = 0
    for number in range(CASES):
        draw, folder = random.Random(number), tmp_path / "work" / f"{number}"
        folder.parent.mkdir(exist_ok=True)
        spoilt = deliver(folder, draw)
        try:
            check(folder)
            check_plays(folder, folder, tmp_path)
        except UserError:
            pass
        else:
            accepted += 1
            read_songs(folder)
            (tmp_path / "part").mkdir()
            chunks = ((path.name, rows) for path in play_files(folder) for rows in read_plays(path, 1_000))
            write_part(tmp_path / "part", "d", chunks, 1_000_000)
            shutil.rmtree(tmp_path / "part")
        if spoilt.startswith("plays"):
            with contextlib.suppress(UserError):
                import_table([f"{folder}/{spoilt}"], tmp_path / f"import{number}", IDS, Layout())
        shutil.rmtree(folder)
    assert 0 < accepted < CASES
