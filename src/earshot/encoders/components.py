"""Classes named in params.yaml."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from torch import nn

from earshot.errors import UserError


def load_class(class_path: str, key: str) -> Any:
    """The class `package.module:Class`.

    What a *file* names must have gone through `earshot.trusted.refuse_untrusted` before: importing runs code.

    Raises UserError, naming `key` of params.yaml, where it cannot be imported.
    """
    module, _, name = class_path.partition(":")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise UserError(f"{key}={class_path!r} cannot be imported: {error}") from None


def load_network(class_path: str, key: str) -> type[nn.Module]:
    """As `load_class`; UserError also for anything but a subclass of `torch.nn.Module`."""
    kind = load_class(class_path, key)
    if not (isinstance(kind, type) and issubclass(kind, nn.Module)):
        raise UserError(f"{key}={class_path!r}: wanted an nn.Module")
    return kind
