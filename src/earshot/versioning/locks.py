"""DVC's locks: the one of the repository, and its write lock on a path."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from earshot.errors import UserError
from earshot.versioning.rwlock import dvc_lock, mend_rwlock

if TYPE_CHECKING:
    from dvc.repo import Repo

RETRY_SECONDS = 1.0


@contextmanager
def open_repository(root: Path) -> Iterator[Repo]:
    """DVC's repository at `root`; its warnings are shown, what it tells besides is not.

    Raises
    ------
    UserError
        `root` is no DVC repository.
    """
    from dvc.exceptions import NotDvcRepoError
    from dvc.repo import Repo

    logging.getLogger("dvc").setLevel(logging.WARNING)
    try:
        repo = Repo(str(root))
    except NotDvcRepoError:
        raise UserError(f"{root}: no DVC repository; earshot runs in the folder that holds .dvc") from None
    with repo:
        yield repo


@contextmanager
def locked(repo: Repo, paths: Sequence[Path], waiter: str, say: Callable[[str], object]) -> Iterator[None]:
    """Hold the lock of `repo` and its write locks on `paths`.

    Waits while another process holds one of them, or reads one of `paths`, and
    says once for whom `waiter` waits. Meanwhile it holds none.
    """
    root = Path(repo.root_dir)
    with ExitStack() as held:
        waiting_for = ""
        while blocker := _acquire(repo, paths, held):
            if blocker != waiting_for:
                say(f"{waiter} waits: {blocker}")
                waiting_for = blocker
            time.sleep(RETRY_SECONDS)
            mend_rwlock(root, say)
        yield


def _acquire(repo: Repo, paths: Sequence[Path], held: ExitStack) -> str:
    """Who is in the way; `""` once the locks are in `held`."""
    from dvc.lock import LockError
    from dvc.repo import lock_repo
    from dvc.rwlock import RWLockFileCorruptedError, RWLockFileFormatError, rwlock

    command = " ".join(sys.argv)
    hardlink = repo.config["core"].get("hardlink_lock", False)
    with ExitStack() as attempt:
        try:
            attempt.enter_context(lock_repo(repo))
            writes = [str(path) for path in paths]
            attempt.enter_context(rwlock(repo.tmp_dir, repo.fs, command, [], writes, hardlink))
        except LockError as error:
            return told(error)
        except (RWLockFileCorruptedError, RWLockFileFormatError, UnicodeDecodeError):
            return ".dvc/tmp/rwlock is cut short"
        held.push(attempt.pop_all())  # both or none: an error leaves them in `attempt`, which lets go
    return ""


def told(error: BaseException) -> str:
    """What DVC says of a lock that it did not get, without its advice, on one line."""
    return " ".join(str(error).split("If there are no processes")[0].split())


@contextmanager
def repository_locked(root: Path, waiter: str, say: Callable[[str], object]) -> Iterator[None]:
    """Hold DVC's lock of the repository alone: who writes a dvc.lock, a .dvc file or the cache holds it."""
    from dvc.lock import LockError

    with ExitStack() as held:
        waits = False
        while True:
            try:
                held.enter_context(dvc_lock(root, "lock"))
                break
            except LockError:
                if not waits:
                    say(f"{waiter} waits: another process holds DVC's lock")
                waits = True
                time.sleep(RETRY_SECONDS)
        yield
