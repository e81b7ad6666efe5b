"""Networks named in params.yaml and in encoder.json."""

from __future__ import annotations

from torch import nn

from earshot.classes import load_class
from earshot.errors import UserError


def load_network(class_path: str, key: str) -> type[nn.Module]:
    """As `load_class`; UserError also for anything but a subclass of `torch.nn.Module`."""
    kind = load_class(class_path, key)
    if not (isinstance(kind, type) and issubclass(kind, nn.Module)):
        raise UserError(f"{key}={class_path!r}: wanted an nn.Module")
    return kind
