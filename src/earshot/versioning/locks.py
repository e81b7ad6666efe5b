"""DVC's locks: the one of the repository, and its write lock on a path."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dvc.repo import Repo

RETRY_SECONDS = 1.0


@contextmanager
def locked(repo: Repo, paths: Sequence[Path], waiter: str, say: Callable[[str], object]) -> Iterator[None]:
    """Hold the lock of `repo` and its write locks on `paths`.

    Waits while another process holds one of them, or reads one of `paths`, and
    says once for whom `waiter` waits. Meanwhile it holds none.
    """
    with ExitStack() as held:
        waiting_for = ""
        while blocker := _acquire(repo, paths, held):
            if blocker != waiting_for:
                say(f"{waiter} waits: {blocker}")
                waiting_for = blocker
            time.sleep(RETRY_SECONDS)
        yield


def _acquire(repo: Repo, paths: Sequence[Path], held: ExitStack) -> str:
    """Who is in the way; `""` once the locks are in `held`."""
    from dvc.lock import LockError
    from dvc.repo import lock_repo
    from dvc.rwlock import RWLockFileCorruptedError, rwlock

    command = " ".join(sys.argv)
    hardlink = repo.config["core"].get("hardlink_lock", False)
    with ExitStack() as attempt:
        try:
            attempt.enter_context(lock_repo(repo))
            writes = [str(path) for path in paths]
            attempt.enter_context(rwlock(repo.tmp_dir, repo.fs, command, [], writes, hardlink))
        except LockError as error:
            return " ".join(str(error).split("If there are no processes")[0].split())
        except RWLockFileCorruptedError:
            # A kill cut it; whoever writes it holds the repository's lock, which is ours now.
            Path(repo.tmp_dir, "rwlock").unlink(missing_ok=True)
            return ".dvc/tmp/rwlock was cut short: removed"
        held.push(attempt.pop_all())
    return ""
