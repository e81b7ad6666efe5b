"""The pipeline as DVC resolves it: every stage of every dvc.yaml, as of today and as recorded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from earshot import terminal
from earshot.errors import UserError
from earshot.versioning.definitions import Definition, join_target, read_definitions, split_target
from earshot.versioning.lockfile import read_lock
from earshot.versioning.repair import opened
from earshot.versioning.used import dep_md5s, param_values

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
    """All stages of the repository at `root`, each after those it depends on.

    Raises
    ------
    UserError
        A dvc.yaml, or a params.yaml that one names, which DVC cannot read.
    """
    import networkx
    from dvc.exceptions import DvcException
    from dvc.stage import PipelineStage as Stage

    try:
        with opened(root, terminal.say) as repo:
            # edges lead from a stage to what it depends on, which a postorder gives first
            nodes = networkx.dfs_postorder_nodes(repo.index.graph)
            by_target = {_target(stage, root): stage for stage in nodes if isinstance(stage, Stage)}
    except DvcException as error:
        raise UserError(f"{root}: DVC cannot read the pipeline: {error}") from error
    folders = {split_target(target)[0] for target in by_target}
    definitions = {each.target: each for folder in folders for each in read_definitions(root, folder)}
    makers = {each.place(each.output): _key(target) for target, each in definitions.items()}
    locks = {folder: read_lock(root, folder) for folder in folders}
    return [_resolve(root, definitions[target], stage, makers, locks) for target, stage in by_target.items()]


def _resolve(
    root: Path,
    definition: Definition,
    stage: DvcStage,
    makers: dict[str, tuple[str, ...]],
    locks: dict[str, dict[str, Any]],
) -> PipelineStage:
    folder, name = split_target(definition.target)
    places = {path: definition.place(path) for path in definition.deps}
    data = {path: place for path, place in places.items() if is_data(place, makers)}
    code = dep_md5s(root, definition, [path for path in definition.deps if path not in data])
    return PipelineStage(
        target=definition.target,
        key=_key(definition.target),
        description=stage.desc or "",
        lane=(stage.meta or {}).get("lane", Path(folder).name or "pipeline"),
        output=definition.place(definition.output),
        data_deps={place: makers.get(place) for place in data.values()},
        code_version=_code_version(definition.cmd, param_values(root, definition), code),
        recorded=_recorded(locks[folder].get(name), data),
    )


def is_data(place: str, made: Container[str]) -> bool:
    """Whether the dep at `place` is data: an output of a stage, which are `made`, or anything below data/."""
    return place in made or place.split("/")[0] == "data"


def _target(stage: DvcStage, root: Path) -> str:
    folder = Path(stage.path).parent.relative_to(root).as_posix()
    return join_target("" if folder == "." else folder, stage.name)


def _key(target: str) -> tuple[str, ...]:
    folder, name = split_target(target)
    plain = "".join(letter if letter.isalnum() or letter == "_" else "_" for letter in name)
    return (Path(folder).name, plain) if folder else (plain,)


def _recorded(entry: Any, data: dict[str, str]) -> Recorded | None:
    """Out of a stage's entry in dvc.lock; None where it has none, or one that a kill cut short.

    `data` are the places of data deps by the paths they are recorded under.
    """
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
        input_versions={data[path]: md5 for path, md5 in deps.items() if path in data},
    )


def _code_version(command: Any, params: dict[str, Any], code: Mapping[str, str | None]) -> str:
    content = json.dumps([command, params, code], sort_keys=True)
    return hashlib.blake2b(content.encode(), digest_size=8).hexdigest()
