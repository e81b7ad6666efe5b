"""What the tests of all imports ask of a delivery."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from earshot.deliveries.check import check
from earshot.deliveries.ingest import ingest
from tests.deliveries.workspaces import empty_workspace


def content(folder: Path) -> dict[str, bytes]:
    """The bytes of every file below `folder`."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def plays(delivery: Path) -> list[tuple[object, ...]]:
    return list(pd.read_parquet(delivery / "plays.parquet").itertuples(index=False, name=None))


def songs(delivery: Path) -> pd.DataFrame:
    return pd.read_csv(delivery / "songs.csv", dtype=str, keep_default_na=False).set_index("song_id")


def set_aside(delivery: Path) -> list[tuple[str, str, str]]:
    """File, line and value of what was set aside."""
    table = pd.read_csv(delivery / "set_aside.csv", dtype=str, keep_default_na=False)
    assert list(table) == ["file", "line", "value", "wanted"]
    assert (table["wanted"] != "").all()
    return list(table[["file", "line", "value"]].itertuples(index=False, name=None))


def take_in(delivery: Path, root: Path) -> None:
    """The delivery passes the check and is taken in by a new workspace."""
    check(delivery)
    assert ingest(delivery, empty_workspace(root, max_set_aside_share=1.0)).new
    assert content(root / "data" / "deliveries" / delivery.name) == content(delivery)
