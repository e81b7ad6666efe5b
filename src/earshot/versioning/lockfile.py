"""What stages made, out of dvc.lock and .dvc files, and DVC's hashes."""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path, PurePosixPath
from typing import Any

from ruamel.yaml.error import YAMLError

from earshot import terminal
from earshot.errors import UserError
from earshot.files import parse_yaml
from earshot.versioning.cache import PreviousOutput, cache_folder
from earshot.versioning.definitions import Definition, split_target
from earshot.versioning.kept_lock import mend_lockfiles, whole_stages
from earshot.versioning.rwlock import write_locks

MD5 = r"[0-9a-f]{32}(?:\.dir)?"
DOUBT = "while it cannot be read, nobody knows which objects of DVC's cache it needs"


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
    # the bytes of DVC's .dir object, whose md5 is the folder's
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


def read_outs(where: str, text: str) -> list[tuple[str, str]]:
    """Path and md5 of every output that a .dvc file or dvc.lock names; of another JSON file none.

    Raises
    ------
    UserError
        `text`, which comes from `where`, is cut short or something else.
    """
    path = PurePosixPath(where.rpartition(":")[2])  # after the revision
    if path.suffix == ".json":
        outs: list[Any] | None = [] if isinstance(_parsed(text), dict) else None
    elif path.name in ("dvc.lock", "dvc.lock.cut"):
        stages = whole_stages(text)
        outs = None if stages is None else [out for stage in stages.values() for out in stage["outs"]]
    else:
        content = _parsed(text)
        outs = content.get("outs") if isinstance(content, dict) else None
        outs = outs if isinstance(outs, list) and outs and all(map(_is_out, outs)) else None
    if outs is None:
        raise UserError(f"{where}: cut short, or not what DVC or earshot writes; {DOUBT}")
    folder = PurePosixPath() if path.name == "dvc.lock" else path.parent
    return [(str(folder / out["path"]), str(out["md5"])) for out in outs]


def _parsed(text: str) -> Any:
    """`text` as YAML, of which JSON is a part; None where it is neither."""
    try:
        return parse_yaml(text)
    except (YAMLError, ValueError):
        return None


def _is_out(out: Any) -> bool:
    return isinstance(out, dict) and isinstance(out.get("path"), str) and _is_md5(out.get("md5"))


def _is_md5(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(MD5, value) is not None
