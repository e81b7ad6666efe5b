"""What dvc.yaml says of a stage, with its templating resolved by DVC's own resolver.

Of all of DVC only the resolver is imported: every stage that starts asks it, and a whole
repository object would double what an `earshot stage` takes to start.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from earshot.errors import UserError
from earshot.files import parse_yaml

PARAMS = "params.yaml"


@dataclass(frozen=True)
class Definition:
    """A stage as dvc.yaml defines it, `${}` and matrix resolved.

    Attributes
    ----------
    target
        How DVC addresses it: `raw_audio`, or `reproductions/<paper>/dvc.yaml:<stage>`.
    cmd
        As dvc.lock records it.
    deps
        Paths as dvc.lock records them; they may lead out of the workspace (`../..`, or absolute).
    params
        Keys by the file that holds them; no keys mean all.
    output
        Path as dvc.lock records it.
    wdir
        The folder, below the workspace, that all these paths start from; `"."` for earshot's own stages.
    """

    target: str
    cmd: str | list[str]
    deps: tuple[str, ...]
    params: dict[str, tuple[str, ...]]
    output: str
    wdir: str = "."

    def place(self, path: str) -> str:
        """A path as dvc.lock records it, from the workspace: `data/raw_audio`, or `../elsewhere`."""
        return Path(os.path.normpath(Path(self.wdir, path))).as_posix()

    @property
    def module(self) -> str:
        """Its body: `earshot.stages.raw_audio`, or `<paper>.<stage>` of a package below reproductions/."""
        folder, name = split_target(self.target)
        return f"{Path(folder).name if folder else 'earshot.stages'}.{name}"


def split_target(target: str) -> tuple[str, str]:
    """The folder of the dvc.yaml, `""` for the workspace itself, and the name of the stage in it."""
    folder, _, name = target.rpartition("/dvc.yaml:")
    return folder, name


def join_target(folder: str, name: str) -> str:
    """The target of the stage `name` of the dvc.yaml in `folder`, as `split_target` takes it apart."""
    return f"{folder}/dvc.yaml:{name}" if folder else name


def read_definition(root: Path, target: str) -> Definition:
    """The stage `target` of the workspace `root`.

    Raises
    ------
    UserError
        No such stage; the message lists those there are. Or a `${...}` that names nothing.
    """
    folder, name = split_target(target)
    path = root / folder / "dvc.yaml"
    resolver = _resolver(root, folder)
    if resolver is None or name not in resolver.get_keys():
        there = ", ".join(resolver.get_keys()) if resolver is not None else ""
        raise UserError(f"{path}: no stage {name!r}; there are {there or 'none'}")
    return _resolve(root, resolver, folder, name)


def read_definitions(root: Path, folder: str = "") -> list[Definition]:
    """Every stage of the dvc.yaml in `folder`, in its order; errors as in `read_definition`."""
    resolver = _resolver(root, folder)
    if resolver is None:
        return []
    return [_resolve(root, resolver, folder, name) for name in resolver.get_keys()]


def _resolver(root: Path, folder: str) -> Any:
    """DVC's `DataResolver` of the dvc.yaml in `folder`; None where there is none.

    It wants a repository, of which it uses the file system and the settings.
    """
    from dvc.config import Config
    from dvc.exceptions import DvcException
    from dvc.fs import LocalFileSystem
    from dvc.parsing import DataResolver

    path = root / folder / "dvc.yaml"
    if not path.is_file():
        return None
    content = parse_yaml(path.read_text(encoding="utf-8")) or {}
    repo: Any = SimpleNamespace(fs=LocalFileSystem(), config=Config(str(root / ".dvc")))
    try:
        return DataResolver(repo, str((root / folder).resolve()), content)
    except DvcException as error:
        raise UserError(f"{path}: {error}") from error


def _resolve(root: Path, resolver: Any, folder: str, name: str) -> Definition:
    from dvc.exceptions import DvcException

    try:
        stage = resolver.resolve_one(name)[name]
    except DvcException as error:
        raise UserError(f"{root / folder / 'dvc.yaml'}: stage {name}: {error}") from error
    return Definition(
        join_target(folder, name),
        stage["cmd"],
        tuple(map(_first_key, stage.get("deps", ()))),
        dict(_params(stage.get("params", ()))),
        _first_key(stage["outs"][0]),
        Path(os.path.normpath(Path(folder, stage.get("wdir", ".")))).as_posix(),
    )


def _first_key(node: str | Mapping[str, Any]) -> str:
    """Of a path with settings, `{path: {cache: false}}`, the path."""
    return node if isinstance(node, str) else next(iter(node))


def _params(listed: Iterable[str | Mapping[str, Any]]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """As in dvc.yaml: keys of params.yaml, and keys by other files; `a.b` is the key b in the section a."""
    own = tuple(item for item in listed if isinstance(item, str))
    if own:
        yield PARAMS, own
    for item in listed:
        if not isinstance(item, str):
            for file, keys in item.items():
                yield file, tuple(keys or ())
