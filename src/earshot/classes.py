"""Classes by the name that params.yaml, a manifest or encoder.json gives them."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from earshot.errors import UserError

if TYPE_CHECKING:
    from torch import nn


def load_class(class_path: str, key: str) -> Any:
    """The class `package.module:Class`, or `path/to/file.py:Class` from the current folder.

    What a *file* names must have gone through `earshot.trusted.refuse_untrusted` before: importing runs code.

    Raises UserError, naming `key` of params.yaml, where it cannot be imported.
    """
    module, _, name = class_path.partition(":")
    try:
        return getattr(_of_file(Path(module)) if module.endswith(".py") else import_module(module), name)
    except (ImportError, AttributeError, OSError) as error:
        raise UserError(f"{key}={class_path!r} cannot be imported: {error}") from None


def load_network(class_path: str, key: str) -> type[nn.Module]:
    """As `load_class`; UserError also for anything but a subclass of `torch.nn.Module`."""
    from torch import nn

    kind = load_class(class_path, key)
    if not (isinstance(kind, type) and issubclass(kind, nn.Module)):
        raise UserError(f"{key}={class_path!r}: wanted an nn.Module")
    return kind


def _of_file(path: Path) -> ModuleType:
    """The module in the file `path`, run once a process; nothing below data/ is."""
    place = path.resolve()
    if place.is_relative_to(Path("data").resolve()):
        raise ImportError(f"{place}: nothing below data/ is run")
    if str(place) not in sys.modules:
        spec = spec_from_file_location(str(place), place)
        if spec is None or spec.loader is None:
            raise ImportError(f"{place}: no Python file")
        module = module_from_spec(spec)
        # before it runs: dataclasses look their module up there
        sys.modules[str(place)] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[str(place)]
            raise
    return sys.modules[str(place)]
