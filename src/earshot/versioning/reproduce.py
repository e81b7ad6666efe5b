"""One stage through DVC, from Python: its lock, its run cache, its dvc.lock."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from earshot import terminal
from earshot.errors import UserError
from earshot.files import is_full
from earshot.signals import no_sigint_below
from earshot.versioning.definitions import split_target
from earshot.versioning.kept_lock import keep_lockfile
from earshot.versioning.locks import RETRY_SECONDS, told
from earshot.versioning.mending import mend_for
from earshot.versioning.repair import opened
from earshot.versioning.used import forget_used_inputs, recorded_truly


def in_experiment() -> bool:
    """Whether DVC started this process for an experiment."""
    return "DVC_EXP_BASELINE_REV" in os.environ


_MOST_RUNS = 3


def reproduce(root: Path, target: str, say: Callable[[str], object]) -> bool:
    """`dvc repro --single-item target`; whether anything ran or was restored.

    What the stage reads is brought back first where it is lost or damaged
    (`mending`). Waits while another process holds DVC's lock or one of the stage's
    paths, and says whom it waits for.

    Raises
    ------
    UserError
        The stage failed, with its own message where it left one; or what it reads is
        lost, or changed at the end of each of three runs.
    """
    from dvc.exceptions import ReproductionError

    _put_this_python_first()
    waiting_for = ""
    runs = 1
    while True:
        forget_used_inputs(root, target)
        try:
            ran = _reproduce(root, target, runs > 1, say)  # forced: dvc.lock has the new hashes already
        except ReproductionError as error:
            blocker = _blocker(error)
            if blocker is None:
                raise UserError(_reason(root, target, error)) from error
            if blocker != waiting_for:
                say(f"{target} waits: {blocker}")
                waiting_for = blocker
            time.sleep(RETRY_SECONDS)
            continue
        keep_lockfile(root)
        if recorded_truly(root, target):
            return ran or runs > 1
        changed = f"{target}: what it reads, its params or its code changed in the moment it ended"
        if runs == _MOST_RUNS:
            raise UserError(f"{changed}, {runs} times in a row: find out what changes it, then run it again")
        say(f"{changed}: it runs again")
        runs += 1


def is_current(root: Path) -> bool:
    """Whether `dvc repro` would run nothing."""
    with opened(root, terminal.say) as repo:
        return not repo.status(targets=["dvc.yaml"])


def _reproduce(root: Path, target: str, force: bool, say: Callable[[str], object]) -> bool:
    from dvc.exceptions import ReproductionError
    from dvc.lock import LockError

    folder, name = split_target(target)
    address = str(root / target) if folder else target
    try:
        with opened(root, say) as repo:
            mend_for(repo, repo.stage.load_one(str(root / folder / "dvc.yaml"), name), say)
            with no_sigint_below():
                return bool(repo.reproduce(address, single_item=True, force=force))
    except LockError as error:
        raise ReproductionError(str(error)) from error


def _put_this_python_first() -> None:
    """Stages are started as `python`: it must be the one that runs now."""
    folder = str(Path(sys.executable).parent)
    path = os.environ.get("PATH", "")
    if path.split(os.pathsep)[0] != folder:
        os.environ["PATH"] = os.pathsep.join([folder, path])


def _blocker(error: BaseException) -> str | None:
    from dvc.lock import LockError

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, LockError):
            return told(cause)
        cause = cause.__cause__
    return None


def _reason(root: Path, target: str, error: BaseException) -> str:
    folder, name = split_target(target)
    left = root / ".earshot" / "failed" / folder / name / "error.txt"
    if left.is_file():
        return f"{target}: {left.read_text(encoding='utf-8').strip()}"
    if is_full(root):  # DVC could not write its own files, and says that it cannot read them
        return f"no room left on the volume of {root}: make some, then run {target} again ({error.__cause__})"
    return f"{target}: {error.__cause__ or error}"
