"""A folder under DVC, as `dvc add` does it, and a file written under DVC's write lock."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from earshot.errors import UserError
from earshot.files import replace_text
from earshot.versioning.lockfile import read_outs
from earshot.versioning.locks import locked, open_repository
from earshot.versioning.repair import opened


def add_folder(root: Path, folder: Path, say: Callable[[str], object]) -> str:
    """Put `folder` into DVC's cache and write `<folder>.dvc` beside it; its md5.

    As `dvc add`, but the .dvc file appears whole, by a rename.

    Raises
    ------
    UserError
        `root` is no DVC repository.
    """
    from dvc.utils.serialize import dumps_yaml

    with _in_words(), opened(root, say) as repo, locked(repo, [], folder.name, say):
        stage = repo.stage.create(
            single_stage=True,
            validate=False,
            fname=f"{folder}.dvc",
            wdir=str(folder.parent),
            outs=[folder.name],
        )
        stage.add_outs()
        content: dict[str, Any] = stage.dumpd()
        replace_text(Path(f"{folder}.dvc"), dumps_yaml(json.loads(json.dumps(content))))
        return str(stage.outs[0].hash_info.value)


def delivery_md5s(root: Path, names: Iterable[str]) -> dict[str, str]:
    """DVC's md5 of each of these deliveries, out of its .dvc file; those without one are left out.

    Raises
    ------
    UserError
        A .dvc file that is cut short, or not one.
    """
    files = {name: root / "data" / "deliveries" / f"{name}.dvc" for name in names}
    return {name: _recorded_md5(file) for name, file in sorted(files.items()) if file.is_file()}


def _recorded_md5(file: Path) -> str:
    try:
        outs = read_outs(str(file), file.read_bytes().decode("utf-8"))
    except UnicodeDecodeError:
        raise UserError(f"{file}: not UTF-8; wanted: what DVC writes") from None
    return outs[0][1]


def ignored_files(root: Path, folder: Path, names: Iterable[str]) -> list[str]:
    """Those of `names`, paths inside `folder`, that DVC leaves out by .dvcignore; all, if `folder` itself."""
    with _in_words(), open_repository(root) as repo:
        ignore = repo.dvcignore

        @cache
        def is_left_out(place: Path) -> bool:
            return ignore.is_ignored_dir(str(place)) or (place != folder and is_left_out(place.parent))

        return [
            name
            for name in names
            if ignore.is_ignored_file(str(folder / name)) or is_left_out((folder / name).parent)
        ]


def forget_hashes(root: Path) -> None:
    """Remove what DVC keeps outside the workspace: paths of files with their hashes, which it makes again."""
    with open_repository(root) as repo:
        folder = Path(repo.site_cache_dir)
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def writing(root: Path, path: Path, say: Callable[[str], object]) -> Iterator[None]:
    """Hold DVC's write lock on `path`: no stage that reads it starts or runs; waits for those that do."""
    with _in_words(), opened(root, say) as repo, locked(repo, [path], path.name, say):
        yield


@contextmanager
def _in_words() -> Iterator[None]:
    """What DVC cannot do is a UserError in its words."""
    from dvc.exceptions import DvcException

    try:
        yield
    except (DvcException, sqlite3.Error) as error:  # the second where its state cannot be written
        raise UserError(f"DVC: {error}") from error
