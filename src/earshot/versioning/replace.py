"""Changing the small output of a stage by hand, so that DVC knows of it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from earshot.versioning.lockfile import read_lock
from earshot.versioning.repair import keep_lockfile
from earshot.versioning.reproduce import RETRY_SECONDS

if TYPE_CHECKING:
    from dvc.repo import Repo
    from dvc.stage import Stage


@contextmanager
def replacing_output(root: Path, stage: str, say: Callable[[str], object]) -> Iterator[None]:
    """Hold DVC's lock, and its write lock on the one output of `stage`; at the end record that output.

    Waits while another process holds either, and says for whom. Only the output
    is recorded: what dvc.lock says of the stage's deps stays, so a stage that had
    to run still has to.
    """
    from dvc.repo import Repo

    with Repo(str(root)) as repo, _locked(repo, stage, say):
        yield
        if stage in read_lock(root):
            changed = _load(repo, stage)
            changed.outs[0].save()
            changed.dvcfile.dump_stages([changed], update_pipeline=False)
    keep_lockfile(root)


@contextmanager
def _locked(repo: Repo, stage: str, say: Callable[[str], object]) -> Iterator[None]:
    from dvc.lock import LockError

    waiting_for = ""
    while True:
        with ExitStack() as held:
            try:
                _acquire(repo, stage, held)
            except LockError as error:
                blocker = " ".join(str(error).split("If there are no processes")[0].split())
            else:
                yield
                return
        if blocker != waiting_for:
            say(f"{stage} waits: {blocker}")
            waiting_for = blocker
        time.sleep(RETRY_SECONDS)


def _acquire(repo: Repo, stage: str, held: ExitStack) -> None:
    from dvc.repo import lock_repo
    from dvc.rwlock import rwlock

    held.enter_context(lock_repo(repo))
    output = _load(repo, stage).outs[0]
    command = " ".join(sys.argv)
    hardlink = repo.config["core"].get("hardlink_lock", False)
    held.enter_context(rwlock(repo.tmp_dir, repo.fs, command, [], [output.fs_path], hardlink))


def _load(repo: Repo, stage: str) -> Stage:
    return repo.stage.load_one(str(Path(repo.root_dir) / "dvc.yaml"), stage)
