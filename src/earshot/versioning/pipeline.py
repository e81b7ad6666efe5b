"""The pipeline as DVC resolves it: every stage of every dvc.yaml, as of today and as recorded."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from earshot import terminal
from earshot.versioning.lockfile import file_md5, read_lock
from earshot.versioning.repair import opened

if TYPE_CHECKING:
    from dvc.stage import PipelineStage as DvcStage

INDEX = "data/deliveries/index.csv"


@dataclass(frozen=True)
class Recorded:
    """What dvc.lock says of a stage's last success.

    Attributes
    ----------
    data_version
        md5 of the output.
    code_version
        As `PipelineStage.code_version`, of what was used then.
    input_versions
        md5 by path of a data dep.
    """

    data_version: str
    code_version: str
    input_versions: dict[str, str]


@dataclass(frozen=True)
class PipelineStage:
    """A stage with templating and matrix resolved.

    Attributes
    ----------
    target
        How DVC addresses it: `raw_audio`, or `reproductions/<paper>/dvc.yaml:<stage>`.
    key
        Its name in Dagster: `("raw_audio",)` or `(<paper>, <stage>)`.
    output
        Path of its one out.
    data_deps
        The output (or file) it reads, each with the key of the stage that makes
        it; None where no stage does.
    code_version
        Hash of command, parameters and code deps as they stand today.
    recorded
        None before the first success.
    """

    target: str
    key: tuple[str, ...]
    description: str
    lane: str
    output: str
    data_deps: dict[str, tuple[str, ...] | None]
    code_version: str
    recorded: Recorded | None


def read_pipeline(root: Path) -> list[PipelineStage]:
    """All stages of the repository at `root`, each after those it depends on."""
    import networkx
    from dvc.stage import PipelineStage as Stage

    with opened(root, terminal.say) as repo:
        ordered = list(networkx.dfs_postorder_nodes(repo.index.graph))
        stages = [stage for stage in ordered if isinstance(stage, Stage)]
        makers = {_path(stage.outs[0], root): _key(stage, root) for stage in stages}
        folders = {_folder(stage, root) for stage in stages}
        locks = {folder: read_lock(root, folder.as_posix()) for folder in folders}
        return [_resolve(stage, root, makers, locks[_folder(stage, root)]) for stage in stages]


def _resolve(
    stage: DvcStage, root: Path, makers: dict[str, tuple[str, ...]], lock: dict[str, Any]
) -> PipelineStage:
    from dvc.dependency.param import ParamsDependency

    params = {
        _path(dep, root): dep.read_params()  # by key as dvc.yaml says it, a.b too: so dvc.lock keeps them
        for dep in stage.deps
        if isinstance(dep, ParamsDependency)
    }
    paths = [_path(dep, root) for dep in stage.deps if not isinstance(dep, ParamsDependency)]
    data = {path: makers.get(path) for path in paths if _is_data(path, makers)}
    code = {path: file_md5(root / path) for path in paths if path not in data and (root / path).is_file()}
    folder = _folder(stage, root)
    return PipelineStage(
        target=stage.addressing if folder == Path() else f"{folder}/dvc.yaml:{stage.name}",
        key=_key(stage, root),
        description=stage.desc or "",
        lane=(stage.meta or {}).get("lane", folder.name or "pipeline"),
        output=_path(stage.outs[0], root),
        data_deps=data,
        code_version=_code_version(stage.cmd, params, code),
        recorded=_recorded(lock.get(stage.name), data),
    )


def _is_data(path: str, makers: dict[str, tuple[str, ...]]) -> bool:
    return path in makers or path.split("/")[0] == "data"


def _folder(stage: DvcStage, root: Path) -> Path:
    return Path(stage.path).parent.relative_to(root)


def _key(stage: DvcStage, root: Path) -> tuple[str, ...]:
    folder = _folder(stage, root)
    name = "".join(letter if letter.isalnum() or letter == "_" else "_" for letter in stage.name)
    return (folder.name, name) if folder != Path() else (name,)


def _path(node: Any, root: Path) -> str:
    return Path(node.fs_path).relative_to(root).as_posix()


def _recorded(entry: Any, data: dict[str, tuple[str, ...] | None]) -> Recorded | None:
    """Out of a stage's entry in dvc.lock; None where it has none, or one that a kill cut short."""
    if not entry or not entry.get("outs") or "md5" not in entry["outs"][0]:
        return None
    deps = {dep["path"]: dep.get("md5", "") for dep in entry.get("deps", ())}
    return Recorded(
        data_version=entry["outs"][0]["md5"],
        code_version=_code_version(
            entry["cmd"],
            entry.get("params", {}),
            {path: md5 for path, md5 in deps.items() if path not in data},
        ),
        input_versions={path: md5 for path, md5 in deps.items() if path in data},
    )


def _code_version(command: Any, params: dict[str, Any], code: dict[str, str]) -> str:
    content = json.dumps([command, params, code], sort_keys=True)
    return hashlib.blake2b(content.encode(), digest_size=8).hexdigest()
