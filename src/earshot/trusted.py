"""Which classes may be made of what a file says: names are looked up here before anything is imported."""

from __future__ import annotations

import ast
from collections.abc import Collection
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

from earshot.classes import class_path_of
from earshot.errors import UserError
from earshot.params import Params


@lru_cache(maxsize=1)
def own_classes() -> frozenset[str]:
    """earshot's encoders, all of them: classes of the modules of `earshot.encoders` that have `families`."""
    return frozenset(
        f"earshot.encoders.{file.stem}:{node.name}"
        for file in (Path(__file__).parent / "encoders").glob("*.py")
        for node in ast.parse(file.read_bytes()).body
        if isinstance(node, ast.ClassDef) and "families" in map(_assigned, node.body)
    )


def _assigned(node: ast.stmt) -> str:
    return ast.unparse(node.target) if isinstance(node, ast.AnnAssign) else ""


def named_classes(component: Any) -> list[Any]:
    """Every class that `component` (JSON) names, as manifests or as params.yaml do; deep in init_args too.

    Example
    -------
    >>> named_classes({"class_path": "a:B", "init_args": {"parts": [{"class_path": "c:D"}]}})
    ['a:B', 'c:D']
    >>> named_classes({"file": "../mine/deep.py", "class": "Deep", "init_args": {}})
    ['../mine/deep.py:Deep']
    """
    if isinstance(component, list):
        return [name for each in component for name in named_classes(each)]
    if isinstance(component, dict):
        own = [component["class_path"]] if "class_path" in component else []
        if "file" in component and "class" in component:
            own.append(_of_file(component["file"], component["class"]))
        return own + named_classes([each for key, each in component.items() if key != "class_path"])
    return []


def _of_file(file: Any, name: Any) -> str:
    try:
        return class_path_of(file, name)
    except ValueError:  # no such class can be made: nobody trusts this name
        return f"{file}:{name}"


def trusted_in(params: Params) -> frozenset[str]:
    """Classes that a user has named in params.yaml: `trusted`, and the encoder that is trained here."""
    return frozenset([*params.trusted, *named_classes(asdict(params.cnn_checkpoint.encoder))])


def refuse_untrusted(component: Any, trusted: Collection[str], path: Path) -> None:
    """UserError if `component`, which stands in `path`, names a class neither of earshot's own nor `trusted`.

    Names are compared exactly; nothing is imported.
    """
    for name in named_classes(component):
        if not isinstance(name, str) or name not in own_classes() | {*trusted}:
            raise UserError(
                f"{path}: class_path={name!r:.200}: wanted an encoder of earshot, the one that params.yaml "
                "trains, or one that its list `trusted` names: a class out of a file runs code"
            )
