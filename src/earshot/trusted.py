"""Which classes may be made of what a file says: names are looked up here before anything is imported."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path
from typing import Any

from earshot.errors import UserError
from earshot.params import Params, class_path_of

OWN = frozenset(
    {
        "earshot.encoders.convolutional:ConvolutionalEncoder",
        "earshot.encoders.late_fusion:LateFusion",
        "earshot.encoders.notation:NotationEncoder",
        "earshot.encoders.time_shuffled:TimeShuffled",
    }
)
"""earshot's encoders, all of them."""


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
        if not isinstance(name, str) or name not in OWN | {*trusted}:
            raise UserError(
                f"{path}: class_path={name!r:.200}: wanted an encoder of earshot, the one that params.yaml "
                "trains, or one that its list `trusted` names: a class out of a file runs code"
            )
