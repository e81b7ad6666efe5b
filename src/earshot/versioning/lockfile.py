"""What a stage uses and made: dvc.yaml and dvc.lock, read as plain YAML."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

from earshot import terminal
from earshot.errors import UserError
from earshot.files import parse_yaml, read_json, replace_json
from earshot.versioning.cache import PreviousOutput, cache_folder
from earshot.versioning.kept_lock import mend_lockfiles, whole_stages
from earshot.versioning.rwlock import write_locks


@dataclass(frozen=True)
class Definition:
    """A stage as dvc.yaml defines it: paths and keys only, nothing resolved.

    Attributes
    ----------
    target
        How DVC addresses it: `raw_audio`, or `reproductions/<paper>/dvc.yaml:<stage>`.
    deps, output
        Paths below the workspace.
    params
        Keys by the file that holds them.
    """

    target: str
    deps: tuple[str, ...]
    params: dict[str, tuple[str, ...]]
    output: str

    @property
    def module(self) -> str:
        """Its body, below `earshot.stages`: `raw_audio`, or `<paper>.<stage>`."""
        folder, name = split_target(self.target)
        return f"{Path(folder).name}.{name}" if folder else name


Inputs = dict[str, Any]
"""What a stage uses: md5 by path of a dep, value by key of a params file."""


def split_target(target: str) -> tuple[str, str]:
    """The folder of the dvc.yaml, `""` for the workspace itself, and the name of the stage in it."""
    folder, _, name = target.rpartition("/dvc.yaml:")
    return folder, name


def read_definition(root: Path, target: str) -> Definition:
    """The stage `target` as its dvc.yaml has it.

    Raises
    ------
    UserError
        No such stage; the message lists those there are.
    """
    folder, name = split_target(target)
    path = root / folder / "dvc.yaml"
    stages = parse_yaml(path.read_text(encoding="utf-8"))["stages"] if path.is_file() else {}
    if name not in stages:
        raise UserError(f"{path}: no stage {name!r}; there are {', '.join(stages) or 'none'}")
    stage = stages[name]
    output = stage["outs"][0]
    return Definition(
        target,
        tuple(stage.get("deps", ())),
        _params(stage.get("params", ())),
        output if isinstance(output, str) else next(iter(output)),
    )


def _params(listed: Sequence[str | dict[str, Sequence[str]]]) -> dict[str, tuple[str, ...]]:
    """As in dvc.yaml: keys of params.yaml, and keys by other files; `a.b` is the key b in the section a."""
    own = tuple(item for item in listed if isinstance(item, str))
    others = {file: tuple(keys) for item in listed if isinstance(item, dict) for file, keys in item.items()}
    return ({"params.yaml": own} if own else {}) | others


def inputs(root: Path, definition: Definition) -> Inputs:
    """What `definition` would use now.

    A file is hashed; a folder another stage makes is known by the md5 in dvc.lock.
    """
    locks = [read_lock(root, folder).values() for folder in {"", split_target(definition.target)[0]}]
    made = {out["path"]: out.get("md5") for lock in locks for stage in lock for out in stage.get("outs", ())}
    found: Inputs = {
        path: file_md5(root / path) if (root / path).is_file() else made.get(path) for path in definition.deps
    }
    for file, keys in definition.params.items():
        values = parse_yaml((root / file).read_text(encoding="utf-8"))
        found |= {key: reduce(getitem, key.split("."), values) for key in keys}
    return found


def recorded_inputs(root: Path, definition: Definition) -> Inputs:
    """What dvc.lock says `definition` used at its last success; empty before the first."""
    stage = _locked(root, definition.target)
    found: Inputs = {dep["path"]: dep.get("md5") for dep in stage.get("deps", ())}
    for values in stage.get("params", {}).values():
        found |= values
    return found


def write_used_inputs(root: Path, definition: Definition, used: Inputs) -> None:
    """Note what a stage run really used, for `recorded_truly`."""
    path = _used(root, definition.target)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_json(path, used)


def forget_used_inputs(root: Path, target: str) -> None:
    """Forget the note of an earlier run."""
    _used(root, target).unlink(missing_ok=True)


def recorded_truly(root: Path, target: str) -> bool:
    """Whether dvc.lock names what the last run of the stage `target` really used.

    DVC hashes params and code when a stage has ended: an edit in between is
    recorded as used. True where the stage did not run (nothing to record).
    """
    path = _used(root, target)
    return not path.is_file() or read_json(path) == recorded_inputs(root, read_definition(root, target))


def _used(root: Path, target: str) -> Path:
    folder, name = split_target(target)
    return root / ".earshot" / "used" / folder / f"{name}.json"


def running_process(root: Path, definition: Definition) -> int | None:
    """PID of the DVC process that runs this stage, alive or not, out of DVC's write locks; None outside DVC.

    A stage whose starter was killed while it was starting up cannot tell from its
    parents: they are others by then.
    """
    return write_locks(root).get(str(root / definition.output)) if "DVC_STAGE" in os.environ else None


def previous_output(root: Path, definition: Definition) -> PreviousOutput:
    """What the stage wrote at its last success."""
    outs = _locked(root, definition.target).get("outs", ())
    return PreviousOutput(cache_folder(root), outs[0].get("md5") if outs else None)


def file_md5(path: Path) -> str:
    """md5 of a file, as DVC records it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def _locked(root: Path, target: str) -> dict[str, Any]:
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
