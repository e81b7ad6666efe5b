"""What a stage uses and made: dvc.yaml and dvc.lock, read as plain YAML."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from earshot.errors import UserError
from earshot.files import parse_yaml, read_json, replace_json
from earshot.versioning.cache import PreviousOutput, cache_folder


@dataclass(frozen=True)
class Definition:
    """A stage as dvc.yaml defines it: paths and keys only, nothing resolved."""

    name: str
    deps: tuple[str, ...]
    params: tuple[str, ...]
    output: str


Inputs = dict[str, Any]
"""What a stage uses: md5 by path of a dep, value by key of params.yaml."""


def read_definition(root: Path, name: str) -> Definition:
    """The stage `name` of dvc.yaml.

    Raises
    ------
    UserError
        No such stage; the message lists those there are.
    """
    stages = parse_yaml((root / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    if name not in stages:
        raise UserError(f"{root / 'dvc.yaml'}: no stage {name!r}; there are {', '.join(stages)}")
    stage = stages[name]
    output = stage["outs"][0]
    return Definition(
        name,
        tuple(stage.get("deps", ())),
        tuple(stage.get("params", ())),
        output if isinstance(output, str) else next(iter(output)),
    )


def inputs(root: Path, definition: Definition) -> Inputs:
    """What `definition` would use now.

    A file is hashed; a folder another stage makes is known by the md5 in dvc.lock.
    """
    made = {
        out["path"]: out.get("md5") for stage in read_lock(root).values() for out in stage.get("outs", ())
    }
    values = parse_yaml((root / "params.yaml").read_text(encoding="utf-8"))
    files = {
        path: file_md5(root / path) if (root / path).is_file() else made.get(path) for path in definition.deps
    }
    return files | {key: values[key] for key in definition.params}


def recorded_inputs(root: Path, definition: Definition) -> Inputs:
    """What dvc.lock says `definition` used at its last success; empty before the first."""
    stage = read_lock(root).get(definition.name, {})
    files: Inputs = {dep["path"]: dep.get("md5") for dep in stage.get("deps", ())}
    values: Inputs = stage.get("params", {}).get("params.yaml", {})
    return files | values


def write_used_inputs(root: Path, definition: Definition, used: Inputs) -> None:
    """Note what a stage run really used, for `recorded_truly`."""
    path = _used(root, definition.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_json(path, used)


def forget_used_inputs(root: Path, name: str) -> None:
    """Forget the note of an earlier run."""
    _used(root, name).unlink(missing_ok=True)


def recorded_truly(root: Path, name: str) -> bool:
    """Whether dvc.lock names what the last run of the stage `name` really used.

    DVC hashes params and code when a stage has ended: an edit in between is
    recorded as used. True where the stage did not run (nothing to record).
    """
    path = _used(root, name)
    return not path.is_file() or read_json(path) == recorded_inputs(root, read_definition(root, name))


def _used(root: Path, name: str) -> Path:
    return root / ".earshot" / "used" / f"{name}.json"


def running_process(root: Path, definition: Definition) -> int | None:
    """PID of the DVC process that runs this stage now, out of DVC's write locks; None outside DVC.

    A stage whose starter was killed while it was starting up cannot tell from its
    parents: they are others by then.
    """
    rwlock = root / ".dvc" / "tmp" / "rwlock"
    if "DVC_STAGE" not in os.environ or not rwlock.is_file():
        return None
    for _ in range(50):
        try:
            writers = read_json(rwlock).get("write", {})
        except ValueError:  # rewritten in place just now
            time.sleep(0.02)
            continue
        pid: int | None = writers.get(str(root / definition.output), {}).get("pid")
        return pid
    return None


def previous_output(root: Path, definition: Definition) -> PreviousOutput:
    """What the stage wrote at its last success."""
    outs = read_lock(root).get(definition.name, {}).get("outs", ())
    return PreviousOutput(cache_folder(root), outs[0].get("md5") if outs else None)


def file_md5(path: Path) -> str:
    """md5 of a file, as DVC records it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def read_lock(root: Path) -> dict[str, Any]:
    """The stages of dvc.lock by name; empty where there is none yet."""
    path = root / "dvc.lock"
    if not path.is_file():
        return {}
    stages: dict[str, Any] = (parse_yaml(path.read_text(encoding="utf-8")) or {}).get("stages", {})
    return stages
