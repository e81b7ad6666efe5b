"""`.dvc/tmp/rwlock`: which process reads or writes which path under DVC."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from earshot.files import read_json, replace_text
from earshot.processes import lived

if TYPE_CHECKING:
    from dvc.lock import LockBase

_INTERPRETERS = ("python", "pypy", "dvc")
"""How the programs are called that DVC can run in; `dvc` is its binary package."""


def mend_rwlock(root: Path, say: Callable[[str], object]) -> None:
    """Remove `.dvc/tmp/rwlock` where a kill cut it, and out of it what processes hold that are gone.

    DVC takes a lock for held as long as its PID is in use, whoever has it now.
    """
    rwlock = root / ".dvc" / "tmp" / "rwlock"
    if not rwlock.is_file() or not _needs_mending(rwlock):
        return
    with dvc_lock(root, "rwlock.lock"):  # whoever is writing it holds this
        content = _read(rwlock)
        gone = _gone(rwlock, content) if content is not None else set()
        if content is None:
            rwlock.unlink()
            say(".dvc/tmp/rwlock was cut short: removed")
        elif gone:
            replace_text(rwlock, json.dumps(_without(content, gone)))
        for pid, command in sorted(gone):
            say(f".dvc/tmp/rwlock: {command!r} (PID {pid}) is gone: its locks are removed")


def write_locks(root: Path) -> dict[str, int]:
    """PID of the process that took DVC's write lock, by path; one that was killed left it there."""
    rwlock = root / ".dvc" / "tmp" / "rwlock"
    for _ in range(50 if rwlock.is_file() else 0):
        try:
            return {path: held["pid"] for path, held in read_json(rwlock).get("write", {}).items()}
        except (ValueError, AttributeError):  # rewritten in place just now
            time.sleep(0.02)
    return {}


def writers(root: Path) -> dict[str, int]:
    """PID of the living process that holds DVC's write lock, by path."""
    rwlock = root / ".dvc" / "tmp" / "rwlock"
    return {path: pid for path, pid in write_locks(root).items() if _may_hold(rwlock, pid)}


def dvc_lock(root: Path, name: str) -> LockBase:
    """DVC's lock `.dvc/tmp/<name>`, to be entered; a LockError after three seconds."""
    from dvc.config import Config
    from dvc.lock import make_lock

    folder = root / ".dvc" / "tmp"
    folder.mkdir(exist_ok=True)
    hardlink = Config(str(root / ".dvc")).get("core", {}).get("hardlink_lock", False)
    return make_lock(str(folder / name), tmp_dir=str(folder), hardlink_lock=hardlink)


def _read(rwlock: Path) -> dict[str, Any] | None:
    """The locks as DVC checks them; None where they cannot be read."""
    from dvc.rwlock import SCHEMA
    from voluptuous import Invalid

    try:
        content: dict[str, Any] = SCHEMA(json.loads(rwlock.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {"write": {}, "read": {}}
    except (ValueError, Invalid):
        return None
    return content


def _needs_mending(rwlock: Path) -> bool:
    content = _read(rwlock)
    return content is None or bool(_gone(rwlock, content))


def _gone(rwlock: Path, content: dict[str, Any]) -> set[tuple[int, str]]:
    """PID and command of every holder that cannot be alive."""
    holders = [*content["write"].values(), *(each for held in content["read"].values() for each in held)]
    return {(held["pid"], held["cmd"]) for held in holders if not _may_hold(rwlock, held["pid"])}


def _may_hold(rwlock: Path, pid: int) -> bool:
    """Whether the process `pid` may have taken a lock in `rwlock`.

    Not one that started after the file was last written, and not one in which
    DVC cannot run; of a process of somebody else only the first can be known.
    """
    try:
        if not lived(pid, rwlock.stat().st_mtime):
            return False
        return Path(psutil.Process(pid).exe()).name.startswith(_INTERPRETERS)
    except (psutil.NoSuchProcess, FileNotFoundError):
        return False
    except psutil.AccessDenied:
        return True


def _without(content: dict[str, Any], gone: set[tuple[int, str]]) -> dict[str, Any]:
    write = {path: held for path, held in content["write"].items() if (held["pid"], held["cmd"]) not in gone}
    read = {
        path: left
        for path, held in content["read"].items()
        if (left := [each for each in held if (each["pid"], each["cmd"]) not in gone])
    }
    return {"write": write, "read": read}
