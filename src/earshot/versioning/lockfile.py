"""What stages made, out of dvc.lock, and DVC's hashes."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from earshot import terminal
from earshot.versioning.cache import PreviousOutput, cache_folder
from earshot.versioning.definitions import Definition, split_target
from earshot.versioning.kept_lock import mend_lockfiles, whole_stages
from earshot.versioning.rwlock import write_locks


def running_process(root: Path, definition: Definition) -> int | None:
    """PID of the DVC process that runs this stage, alive or not, out of DVC's write locks; None outside DVC.

    A stage whose starter was killed while it was starting up cannot tell from its
    parents: they are others by then.
    """
    return write_locks(root).get(str(root / definition.output)) if "DVC_STAGE" in os.environ else None


def previous_output(root: Path, definition: Definition) -> PreviousOutput:
    """What the stage wrote at its last success."""
    outs = locked_stage(root, definition.target).get("outs", ())
    return PreviousOutput(cache_folder(root), outs[0].get("md5") if outs else None)


def file_md5(path: Path) -> str:
    """md5 of a file, as DVC records it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def folder_md5(files: dict[str, str]) -> str:
    """DVC's hash of a folder.

    Parameters
    ----------
    files
        md5 of every file by its path inside the folder, with `/`.
    """
    entries = [{"md5": md5, "relpath": path} for path, md5 in sorted(files.items())]
    return hashlib.md5(json.dumps(entries, sort_keys=True).encode()).hexdigest() + ".dir"


def locked_stage(root: Path, target: str) -> dict[str, Any]:
    """The entry of the stage `target` in its dvc.lock; empty before its first success."""
    folder, name = split_target(target)
    stage: dict[str, Any] = read_lock(root, folder).get(name, {})
    return stage


def read_lock(root: Path, folder: str = "") -> dict[str, Any]:
    """The stages of the dvc.lock in `folder` by name; empty where there is none yet.

    One that a kill cut short is put back first (`mend_lockfiles`; errors as there).
    """
    mend_lockfiles(root, terminal.say)
    path = root / folder / "dvc.lock"
    return (whole_stages(path.read_text(encoding="utf-8")) or {}) if path.is_file() else {}
