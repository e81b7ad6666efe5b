"""The door to DVC's state: who reads or changes it comes in here, and what a kill left is mended first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from earshot.processes import remove_litter
from earshot.versioning.kept_lock import keep_lockfile, mend_lockfiles
from earshot.versioning.locks import open_repository
from earshot.versioning.replace import finish_replacing
from earshot.versioning.rwlock import mend_rwlock

if TYPE_CHECKING:
    from dvc.repo import Repo

_WRITTEN = (
    "data",
    "releases",
    "releases/*",
    ".earshot",
    ".earshot/used",
    ".earshot/made",
    ".earshot/work",
    ".dvc/tmp",
)
"""Folders in which files are written beside their place and renamed."""


@contextmanager
def opened(root: Path, say: Callable[[str], object]) -> Iterator[Repo]:
    """DVC's repository at `root`, repaired; errors as in `repair` and `open_repository`."""
    repair(root, say)
    with open_repository(root) as repo:
        yield repo


def repair(root: Path, say: Callable[[str], object]) -> str | None:
    """Mend what a kill left in the workspace `root`, and `say` what was done.

    A cut dvc.lock is put back, locks of processes that are gone are removed, half-written
    files too, and a change by hand of what is released is carried on with. Waits
    for DVC's locks only where there is something to mend. Not for a stage's own
    process: the one that runs it may hold the locks.

    Returns
    -------
    Which change by hand was carried on with; None for none.

    Raises
    ------
    UserError
        A dvc.lock that no kill made what it is.
    """
    mend_lockfiles(root, say)
    keep_lockfile(root)  # after mending: one cut between two stages looks whole, and would become the copy
    mend_rwlock(root, say)
    for folder in (root, *(place for pattern in _WRITTEN for place in root.glob(pattern))):
        remove_litter(folder)
    return finish_replacing(root, say)
