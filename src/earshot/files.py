"""Writing tables and JSON the same way everywhere: same content, same bytes."""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow
    from numpy.typing import NDArray


_HARDLY_ANY_BYTES = 1 << 20
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2  # <fcntl.h>, <linux/fs.h>


def is_full(folder: Path) -> bool:
    """Whether the volume of `folder` has hardly a byte of room left."""
    return shutil.disk_usage(folder).free < _HARDLY_ANY_BYTES


def write_json(path: Path, content: Any) -> None:
    """Write `content` as indented JSON, NaN refused (`ValueError`)."""
    path.write_text(as_json(content), encoding="utf-8")


def as_json(content: Any) -> str:
    """`content` as indented JSON with a line end; NaN is refused (`ValueError`)."""
    return json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def read_json(path: Path) -> Any:
    """The content of a JSON file in UTF-8. Raises ValueError where it is not JSON."""
    return json.loads(path.read_text(encoding="utf-8"))


def append_json(path: Path, content: dict[str, Any]) -> None:
    """Add `content` as one line; writers at the same time wait for each other.

    A line that a kill cut short is ended first, so that it spoils no other.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as file:  # "a": written at the end, wherever the position is
        fcntl.flock(file, fcntl.LOCK_EX)
        end = file.seek(0, os.SEEK_END)
        file.seek(max(end - 1, 0))  # the last byte
        start = b"" if file.read() in (b"", b"\n") else b"\n"
        file.write(start + json.dumps(content).encode() + b"\n")


def read_json_lines(path: Path) -> list[dict[str, Any]]:
    """The lines of `append_json`, but for those that were cut short; none where there is no file."""
    found = []
    for line in path.read_bytes().splitlines() if path.is_file() else ():
        with suppress(ValueError):
            found.append(json.loads(line))
    return found


def parse_yaml(text: str) -> Any:
    """`text` as YAML 1.2, the way DVC reads it: `1e-6` is a number.

    Raises
    ------
    ruamel.yaml.error.YAMLError
        Not YAML.
    """
    return deepcopy(_parsed_yaml(text))


@lru_cache(maxsize=32)
def _parsed_yaml(text: str) -> Any:
    """Kept by text: a command asks for dvc.yaml and dvc.lock a dozen times, and each takes up to 0.1 s."""
    from ruamel.yaml import YAML

    return YAML(typ="safe").load(text)


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write `table` as parquet, without its index."""
    table.to_parquet(path, index=False)


def read_batches(
    path: Path, columns: Sequence[str] | None = None, rows: int = 1 << 16
) -> Iterator[pyarrow.RecordBatch]:
    """A parquet table piece by piece, at most so many `rows` each; of all columns, or of these.

    No more of it is held than the piece. Arrow reads ahead unless it is told not to, and keeps what it has
    read, the bytes of the file, until the last piece.
    """
    from pyarrow import parquet

    with parquet.ParquetFile(path, pre_buffer=False) as opened:
        yield from opened.iter_batches(rows, columns=columns)


def replace_json(path: Path, content: Any) -> None:
    """As `write_json`, but a reader sees the old file or the new one, never a part."""
    replace_text(path, as_json(content))


def replace_text(path: Path, text: str) -> None:
    """As `replace_bytes`, in UTF-8."""
    replace_bytes(path, text.encode("utf-8"))


def replace_bytes(path: Path, content: bytes) -> None:
    """Write `content` beside `path`, sync it, and rename it into place."""
    with replacing(path) as beside:
        beside.write_bytes(content)


def replace_array(path: Path, array: NDArray[Any]) -> None:
    """Write `array`, of any shape, as .npy, whole or not at all."""
    import numpy as np

    with replacing(path) as beside, beside.open("wb") as file:
        np.save(file, array, allow_pickle=False)


def replace_arrays(path: Path, **arrays: Any) -> None:
    """Write `arrays` by name as .npz, whole or not at all."""
    import numpy as np

    with replacing(path) as beside, beside.open("wb") as file:
        np.savez(file, **arrays)


@contextmanager
def replacing(path: Path, folder: Path | None = None) -> Iterator[Path]:
    """A path to write at, beside `path` or in `folder`; synced and renamed to `path` at the end.

    After an error it is removed. Its name, `.<name>.<PID>.tmp`, says whose it is: of a killed
    process it is litter.
    """
    beside = (folder or path.parent) / f".{path.name}.{os.getpid()}.tmp"
    try:
        yield beside
        with beside.open("rb") as file:
            os.fsync(
                file.fileno()
            )  # on the disk before the name: a power cut leaves the old file or the new one
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def exchange(one: Path, other: Path) -> None:
    """Exchange two folders of one volume: where the kernel can, in one step that no reader falls between.

    Elsewhere (not Linux, some network volumes) by three renames.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    names = (os.fsencode(one), os.fsencode(other))
    # 0 is success
    if hasattr(libc, "renameat2") and not libc.renameat2(
        _AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE
    ):
        return
    aside = other.with_name(f".{other.name}.{os.getpid()}.tmp")
    other.rename(aside)
    one.rename(other)
    aside.rename(one)


def link(source: Path, destination: Path) -> None:
    """Hard-link a file, or copy it where the two stand on different volumes."""
    try:
        os.link(source, destination)
    except FileExistsError:
        raise
    except OSError:
        shutil.copyfile(source, destination)
