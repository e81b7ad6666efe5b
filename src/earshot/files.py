"""Writing tables and JSON the same way everywhere: same content, same bytes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def write_json(path: Path, content: Any) -> None:
    """Write `content` as indented JSON, NaN refused (`ValueError`)."""
    path.write_text(
        json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8"
    )


def _as_json(content: Any) -> str:
    return json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def parse_yaml(text: str) -> Any:
    """`text` as YAML 1.2, the way DVC reads it: `1e-6` is a number.

    Raises
    ------
    ruamel.yaml.error.YAMLError
        Not YAML.
    """
    from ruamel.yaml import YAML

    return YAML(typ="safe", pure=True).load(text)


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write `table` as parquet, without its index."""
    table.to_parquet(path, index=False)


def replace_json(path: Path, content: Any) -> None:
    """As `write_json`, but a reader sees the old file or the new one, never a part."""
    replace_text(path, _as_json(content))


def replace_text(path: Path, text: str) -> None:
    """Write `text` beside `path`, sync it, and rename it into place."""
    replace_bytes(path, text.encode("utf-8"))


def replace_bytes(path: Path, content: bytes) -> None:
    """As `replace_text`."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def link(source: Path, destination: Path) -> None:
    """Hard-link a file, or copy it where the two stand on different volumes."""
    import shutil

    try:
        os.link(source, destination)
    except FileExistsError:
        raise
    except OSError:
        shutil.copyfile(source, destination)
