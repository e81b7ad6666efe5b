"""DVC: .dvc files, dvc.lock, the cache. The only module that knows DVC."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from earshot.errors import UserError
from earshot.files import link


@dataclass(frozen=True)
class PreviousOutput:
    """What a stage wrote at its last success, read out of DVC's cache.

    The output folder itself is gone by then: DVC removes it before a stage
    runs. An unchanged file is linked from here instead of being made again.
    """

    cache: Path
    md5: str | None

    @cached_property
    def files(self) -> dict[str, str]:
        """md5 of every file by its path inside the output; empty where nothing was recorded or cached."""
        if self.md5 is None or not self.md5.endswith(".dir"):
            return {}
        manifest = cache_path(self.cache, self.md5)
        if not manifest.is_file():
            return {}
        return {entry["relpath"]: entry["md5"] for entry in json.loads(manifest.read_text())}

    def link(self, name: str, destination: Path) -> bool:
        """Link the file `name` to `destination`; False where the cache does not hold it."""
        md5 = self.files.get(name)
        if md5 is None or not cache_path(self.cache, md5).is_file():
            return False
        destination.parent.mkdir(parents=True, exist_ok=True)
        link(cache_path(self.cache, md5), destination)
        return True


def cache_path(cache: Path, md5: str) -> Path:
    """Where DVC's cache keeps the object `md5`."""
    return cache / md5[:2] / md5[2:]


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
    stages = yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
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
    values = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    files = {
        path: file_md5(root / path) if (root / path).is_file() else made.get(path) for path in definition.deps
    }
    return files | {key: values[key] for key in definition.params}


def recorded_inputs(root: Path, definition: Definition) -> Inputs:
    """What dvc.lock says `definition` used at its last success; empty before the first."""
    stage = read_lock(root).get(definition.name, {})
    files: Inputs = {dep["path"]: dep.get("md5") for dep in stage.get("deps", ())}
    return files | stage.get("params", {}).get("params.yaml", {})


def previous_output(root: Path, definition: Definition) -> PreviousOutput:
    """What the stage wrote at its last success."""
    outs = read_lock(root).get(definition.name, {}).get("outs", ())
    return PreviousOutput(cache_folder(root), outs[0].get("md5") if outs else None)


def cache_folder(root: Path) -> Path:
    """Where DVC keeps objects by md5."""
    from dvc.config import Config

    configured = Config(str(root / ".dvc")).get("cache", {}).get("dir")
    cache = Path(configured) if configured else root / ".dvc" / "cache"
    return cache / "files" / "md5"


def file_md5(path: Path) -> str:
    """md5 of a file, as DVC records it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def read_lock(root: Path) -> dict[str, Any]:
    """The stages of dvc.lock by name; empty where there is none yet."""
    path = root / "dvc.lock"
    if not path.is_file():
        return {}
    stages: dict[str, Any] = (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("stages", {})
    return stages
