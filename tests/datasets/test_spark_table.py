"""Plays counted by Spark are those that the importer of tables reads, and it names the same rows."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pandas as pd
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from earshot.datasets.importing.delimited import Layout
from earshot.datasets.importing.play_columns import identifier, play_number
from earshot.datasets.spark_rows import judge
from earshot.datasets.spark_table import SparkImport, import_spark
from earshot.datasets.table import import_table
from earshot.deliveries.check import check
from earshot.errors import UserError
from tests.datasets.imports import content, plays, set_aside
from tests.spark_here import small_spark

COLUMNS = {"user_id": "user", "song_id": "song", "play_count": "n", "played_at": "at"}
MORNING, NIGHT = datetime(2026, 1, 2, 8, tzinfo=UTC), datetime(2026, 1, 2, 23, 30, tzinfo=UTC)


def write_table(folder: Path) -> Path:
    """Two files in folders of partitions; rows of no use in both."""
    one = {
        "user": ["0012", "b", "", "b", "x\ny", "0012", None],
        "song": pa.array([7, 7, 7, 8, 7, 7, 7], pa.int64()),
        "n": pa.array([Decimal(2), Decimal(1), Decimal(1), Decimal(0), Decimal(1), Decimal(3), None]),
        "at": [MORNING, NIGHT, NIGHT, NIGHT, NIGHT, MORNING, NIGHT],
        "Song": ["not this column"] * 7,
    }
    other = {name: values[:3] for name, values in one.items()} | {"user": ["b", "ü", ""]}
    for day, name, rows in ("01", "one", one), ("02", "a two", other):
        (folder / f"day={day}").mkdir(parents=True)
        pq.write_table(pa.table(rows), folder / f"day={day}" / f"{name}.parquet")
    (folder / "_SUCCESS").touch()
    return folder


def test_what_a_worker_judges_is_named_with_file_and_row() -> None:
    columns = {"user_id": identifier("user"), "song_id": identifier("song"), "play_count": play_number("n")}
    users, songs, counts = ["a", "", "a"], pa.array([1, 1, 1]), pa.array([3, 3, -1])
    batch = pa.RecordBatch.from_arrays(
        [pa.array(users), songs, counts, pa.array(["f"] * 3), pa.array([1, 2, 3])], names=list("abcde")
    )
    (judged,) = judge([batch], columns)
    rows = judged.to_pandas().astype(object).where(judged.to_pandas().notna(), None)
    assert rows[["user_id", "song_id", "play_count", "wanted"]].iloc[0].tolist() == ["a", "1", 3, None]
    assert rows[["file", "line", "value"]].to_numpy().tolist() == [
        [None, None, None],
        ["f", 2, "user="],
        ["f", 3, "n=-1"],
    ]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with small_spark(tmp_path, monkeypatch):
        yield


def counted(delivery: Path, columns: list[str]) -> pd.DataFrame:
    """The plays of a delivery that was not counted, as Spark counts them."""
    table = pd.read_parquet(delivery / "plays.parquet")
    if "play_count" not in table:
        table["play_count"] = 1
    return table.groupby(columns, as_index=False)["play_count"].sum().sort_values(columns, ignore_index=True)


@pytest.mark.soak
@pytest.mark.parametrize("names", [COLUMNS, {"user_id": "user", "song_id": "song"}])
def test_the_table_is_that_of_the_plain_importer(
    tmp_path: Path, here: None, names: Mapping[str, str]
) -> None:
    folder = write_table(tmp_path / "warehouse")
    plain = import_table([str(folder)], tmp_path / "plain", names, Layout())
    found = import_spark(str(folder), tmp_path / "d", names, master="local[2]", source="table")
    keys = [column for column in ("user_id", "song_id", "played_at") if column in names]
    expected = counted(tmp_path / "plain", keys)
    assert found == SparkImport(plain.plays, len(expected), plain.set_aside)
    pd.testing.assert_frame_equal(
        pd.read_parquet(tmp_path / "d" / "plays.parquet")[[*keys, "play_count"]], expected
    )
    assert sorted(set_aside(tmp_path / "d")) == sorted(set_aside(tmp_path / "plain"))
    assert sorted(content(tmp_path / "d")) == ["delivery.json", "plays.parquet", "set_aside.csv"]
    check(tmp_path / "d")
    if names is COLUMNS:
        import_spark(str(folder), tmp_path / "again", names, master="local[1]", source="table")
        assert content(tmp_path / "again") == content(tmp_path / "d")


@pytest.mark.soak
def test_what_spark_cannot_read_is_told_and_nothing_is_left(tmp_path: Path, here: None) -> None:
    folder, names = write_table(tmp_path / "warehouse"), {"user_id": "user", "song_id": "song"}

    def refused(table: Path | str, columns: Mapping[str, str], **options: str) -> str:
        with pytest.raises(UserError) as raised:
            import_spark(str(table), tmp_path / "d", columns, master="local[1]", **options)
        assert not [*tmp_path.glob("*d"), *tmp_path.glob(".d*")]
        return str(raised.value)

    assert "'track' is missing; there are 'user', 'song', 'n', 'at', 'Song', 'day'" in refused(
        folder, names | {"song_id": "track"}
    )
    assert "PATH_NOT_FOUND" in refused(tmp_path / "nowhere", names)
    assert "sales.plays" in refused("sales.plays", names, form="table")
    assert "delta" in refused(folder, names, form="delta")
    pq.write_table(pa.table({"user": [1.5], "song": ["s"]}), tmp_path / "floats.parquet")
    assert "column 'user' is of type double: wanted text or whole" in refused(
        tmp_path / "floats.parquet", names
    )
    pq.write_table(pa.table({"user": [""], "song": ["s"]}), tmp_path / "empty.parquet")
    assert "no row could be used; empty.parquet: line 1: 'user='" in refused(
        tmp_path / "empty.parquet", names
    )
    (folder / "beside.parquet").write_bytes(whole := (folder / "day=01" / "one.parquet").read_bytes())
    assert "beside.parquet, which lies beside folders" in refused(folder, names)
    (tmp_path / "cut.parquet").write_bytes(whole[: len(whole) // 2])
    assert "cut.parquet" in refused(tmp_path / "cut.parquet", names)


IMPORT = """
import sys
from pathlib import Path
from earshot.datasets.spark_table import import_spark
import_spark(sys.argv[1], Path(sys.argv[2]), {"user_id": "user", "song_id": "song"}, master="local[2]")
"""


@pytest.mark.soak
def test_one_that_is_killed_takes_java_with_it_and_the_next_one_starts_anew(
    tmp_path: Path, here: None
) -> None:
    folder = write_table(tmp_path / "warehouse")
    process = subprocess.Popen([sys.executable, "-c", IMPORT, str(folder), str(tmp_path / "d")])
    java: list[psutil.Process] = []
    while not (java and (tmp_path / ".d.unfinished" / ".counted").exists()):  # a job is under way
        assert process.poll() is None
        time.sleep(0.1)
        java = [each for each in psutil.Process(process.pid).children(True) if each.name() == "java"]
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    psutil.wait_procs(java, timeout=120)
    assert not [each for each in java if each.is_running()]
    (left,) = (tmp_path / "tmp").iterdir()
    os.utime(left, (0, 0))  # it goes when it is an hour old
    import_spark(str(folder), tmp_path / "d", {"user_id": "user", "song_id": "song"}, master="local[2]")
    assert [row[:2] for row in plays(tmp_path / "d")] == [("0012", "7"), ("b", "7"), ("b", "8"), ("ü", "7")]
