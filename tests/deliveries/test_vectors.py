"""Vectors that a delivery brings are looked at before it is taken in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from earshot.deliveries.check import RefusedDelivery
from earshot.deliveries.ingest import ingest
from earshot.deliveries.quality import check_vectors
from tests.deliveries.workspaces import empty_workspace

FAMILY = "{file: src/earshot/families/embedding.py, class: Embedding, init_args: {width: 2, file: %s}}"


@pytest.fixture
def delivery(tmp_path: Path) -> Path:
    """Of three songs, beside a workspace that asks for vectors of two numbers in both kinds of file."""
    table, array = FAMILY % "embeddings.parquet", FAMILY % "e.npy, name: other"
    params = empty_workspace(tmp_path / "workspace") / "params.yaml"
    text = params.read_text()
    assert text.count("  families: #") == 1
    text = text.replace("  families: #", f"  families:\n    - {table}\n    - {array}\n  #")
    params.write_text(text)
    folder = tmp_path / "delivery"
    folder.mkdir()
    pd.DataFrame({"song_id": ["b", "a", "c"]}).to_csv(folder / "songs.csv", index=False)
    return folder


def test_ingest_refuses_them_and_leaves_nothing(delivery: Path) -> None:
    workspace = delivery.parent / "workspace"
    np.save(delivery / "e.npy", np.full((3, 2), np.inf))
    with pytest.raises(
        RefusedDelivery, match=rf"^{delivery}/e\.npy, row 1: column 1=inf: wanted a finite number"
    ):
        ingest(delivery, workspace)
    assert not (workspace / "data" / "deliveries" / "index.csv").exists()
    np.save(delivery / "e.npy", np.ones((3, 2)))
    assert ingest(delivery, workspace).new


def check(delivery: Path) -> None:
    check_vectors(Path("theirs"), delivery, delivery.parent / "workspace")


def test_good_ones_and_none_pass(delivery: Path) -> None:
    check(delivery)
    np.save(delivery / "e.npy", np.zeros((3, 2), np.float16))
    pd.DataFrame({"song_id": ["a"], "x": [1.0], "y": [2.0]}).to_parquet(delivery / "embeddings.parquet")
    check(delivery)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (
            np.array([[1, 2], [3, np.nan], [5, 6]]),
            r", row 2: column 2=nan: wanted a finite number of float32",
        ),
        (np.array([[1, 2], [3, 4], [1e39, 6]]), r", row 3: column 1=1e\+39: wanted a finite number"),
        (
            np.zeros((2, 2)),
            r": float64 \(2, 2\): wanted floats \(3, 2\): a row for each of 3 songs, in the order",
        ),
        (np.zeros((3, 5)), r": float64 \(3, 5\): wanted floats \(3, 2\): .* of 2 numbers"),
        (np.zeros((3, 2), np.int8), r": int8 \(3, 2\): wanted floats"),
        (np.zeros(6), r": float64 \(6,\): wanted floats \(3, 2\)"),
        (np.array([["a", {}]] * 3, dtype=object), r": not an array of numpy's: .*Python objects"),
    ],
)
def test_an_array_of_no_use_is_named(array: np.ndarray, words: str, delivery: Path) -> None:
    np.save(delivery / "e.npy", array)
    with pytest.raises(RefusedDelivery, match=rf"^theirs/e\.npy{words}"):
        check(delivery)


@pytest.mark.parametrize("keep", [0, 5, 60, -1])
def test_an_array_that_is_cut_short_is_named(keep: int, delivery: Path) -> None:
    np.save(delivery / "e.npy", np.zeros((3, 2)))
    (delivery / "e.npy").write_bytes((delivery / "e.npy").read_bytes()[:keep])
    with pytest.raises(RefusedDelivery, match=r"^theirs/e\.npy: not an array of numpy's: "):
        check(delivery)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (
            {"song_id": ["a", "b"], "x": [1.0, 2.0], "y": [1.0, np.inf]},
            ", row 2: y=inf: wanted a finite number",
        ),
        (
            {"song_id": ["a", "a"], "x": [1.0, 2.0], "y": [1.0, 2.0]},
            ", row 1: song_id='a' is that of row 2 too",
        ),
        ({"song_id": ["a"], "x": [1.0]}, ": 1 columns of numbers: wanted song_id and 2 columns"),
        ({"song_id": ["a"], "x": [1], "y": [2]}, ": 0 columns of numbers, and 'x': wanted song_id and 2"),
    ],
)
def test_a_table_of_no_use_is_named(table: dict, words: str, delivery: Path) -> None:
    pd.DataFrame(table).to_parquet(delivery / "embeddings.parquet")
    with pytest.raises(RefusedDelivery, match=rf"^theirs/embeddings\.parquet{words}"):
        check(delivery)
