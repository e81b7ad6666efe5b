"""What a kill in the wrong moment leaves behind in DVC's own files, mended.

DVC rewrites dvc.lock and `.dvc/tmp/rwlock` in place, so a kill can cut them; after
that every command fails. A whole copy of dvc.lock is kept beside, and put back.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ruamel.yaml.error import YAMLError

from earshot.files import parse_yaml, replace_text


def keep_lockfile(root: Path) -> None:
    """Keep a copy of every dvc.lock that is whole."""
    for lock in _lockfiles(root):
        text = (root / lock).read_text(encoding="utf-8", errors="replace")
        if _stages(text) is not None:
            _kept(root, lock).parent.mkdir(parents=True, exist_ok=True)
            replace_text(_kept(root, lock), text)


def repair(root: Path, say: Callable[[str], object]) -> None:
    """Put back every cut dvc.lock, and remove a cut rwlock that nobody holds; `say` what was done."""
    for lock in _lockfiles(root):
        if not _is_cut(root, lock):
            continue
        if _kept(root, lock).is_file():
            replace_text(root / lock, _kept(root, lock).read_text(encoding="utf-8"))
            say(f"{lock} was cut short: put back from the copy kept in .earshot/")
        else:
            (root / lock).unlink()
            say(f"{lock} was cut short and there is no copy yet: removed, all its stages will run again")
    if _remove_cut_rwlock(root / ".dvc" / "tmp"):
        say(".dvc/tmp/rwlock was cut short: removed")


def _lockfiles(root: Path) -> list[str]:
    """Of the pipeline and of every reproduction, below `root`."""
    found = [*root.glob("dvc.lock"), *sorted(root.glob("reproductions/*/dvc.lock"))]
    return [path.relative_to(root).as_posix() for path in found]


def _kept(root: Path, lock: str) -> Path:
    return root / ".earshot" / lock


def _remove_cut_rwlock(folder: Path) -> bool:
    rwlock = folder / "rwlock"
    if not rwlock.is_file() or _is_json(rwlock):
        return False
    from dvc.lock import make_lock

    # whoever is writing it holds this lock
    with make_lock(str(folder / "rwlock.lock"), tmp_dir=str(folder)):
        cut = rwlock.is_file() and not _is_json(rwlock)
        if cut:
            rwlock.unlink()
    return cut


def _is_cut(root: Path, lock: str) -> bool:
    """Whether a dvc.lock lost its end: unreadable, or stages missing that the kept copy has.

    The content that git holds is whole by definition.
    """
    text = (root / lock).read_text(encoding="utf-8", errors="replace")
    stages = _stages(text)
    if stages is None:
        return True
    kept = _kept(root, lock)
    known = (_stages(kept.read_text(encoding="utf-8")) or {}) if kept.is_file() else {}
    return bool(known.keys() - stages.keys()) and text != _committed(root, lock)


def _stages(text: str) -> dict[str, Any] | None:
    """The stages of a whole dvc.lock, None for a cut one."""
    if not text.endswith("\n"):
        return None
    try:
        content = parse_yaml(text)
    except YAMLError:
        return None
    stages = content.get("stages") if isinstance(content, dict) else None
    if not isinstance(stages, dict) or not all(map(_is_whole, stages.values())):
        return None
    return stages


def _is_whole(stage: Any) -> bool:
    return (
        isinstance(stage, dict)
        and isinstance(stage.get("cmd"), str)
        and isinstance(stage.get("outs"), list)
        and all(isinstance(out, dict) and "path" in out and "md5" in out for out in stage["outs"])
    )


def _committed(root: Path, lock: str) -> str | None:
    shown = subprocess.run(
        ["git", "show", f"HEAD:./{lock}"], cwd=root, capture_output=True, text=True, check=False
    )
    return shown.stdout if shown.returncode == 0 else None


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return False
    return True
