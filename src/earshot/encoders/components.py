"""Classes named in params.yaml."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from earshot.errors import UserError


def load_class(class_path: str, key: str) -> Any:
    """The class `package.module:Class`.

    Raises UserError, naming `key` of params.yaml, where it cannot be imported.
    """
    module, _, name = class_path.partition(":")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise UserError(f"{key}={class_path!r} cannot be imported: {error}") from None
