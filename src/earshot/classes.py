"""Classes by the name that params.yaml, a manifest or encoder.json gives them."""

from __future__ import annotations

import posixpath
import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass

from earshot.errors import UserError

if TYPE_CHECKING:
    from torch import nn


ClassPath = Annotated[
    str, Field(pattern=r"^(?:[A-Za-z_][\w.]*|[^:\x00-\x1f]+\.py):[A-Za-z_]\w*$", max_length=500)
]
"""`package.module:Class`, or `path/to/file.py:Class` of a file outside src/, from the workspace."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class Component:
    """A class and its arguments.

    params.yaml names it as `{file, class, init_args}`: dvc.yaml has the file among its deps
    (`${cnn_checkpoint.encoder.file}`), so that a change of it, and no other alternative, makes the
    stage stale. Manifests and encoder.json name it by `class_path`.
    """

    class_path: ClassPath
    init_args: dict[str, Any]

    @model_validator(mode="before")
    @classmethod
    def _from_file(cls, content: Any) -> Any:
        if not isinstance(content, dict) or "file" not in content:
            return content
        if "class_path" in content:
            raise ValueError(f"file={content['file']!r} and class_path={content['class_path']!r}: wanted one")
        rest = {key: value for key, value in content.items() if key not in ("file", "class")}
        return rest | {"class_path": class_path_of(content["file"], content.get("class"))}


def class_path_of(file: Any, name: Any) -> str:
    """Class path of the class `name` in `file`, a path from the workspace.

    >>> class_path_of("src/earshot/encoders/convolutional.py", "ConvolutionalEncoder")
    'earshot.encoders.convolutional:ConvolutionalEncoder'
    >>> class_path_of("../mine/deep.py", "Deep")
    '../mine/deep.py:Deep'

    Raises
    ------
    ValueError
        No such names; or a file below data/, which deliveries may put there.
    """
    if not isinstance(file, str) or not file.endswith(".py") or not isinstance(name, str):
        raise ValueError(f"file={file!r}, class={name!r}: wanted a .py file and a class in it")
    path = PurePosixPath(posixpath.normpath(file))
    if path.parts[0] == "data":
        raise ValueError(f"file={file!r}: nothing below data/ is run; wanted a file elsewhere")
    if path.parts[0] == "src":
        return f"{'.'.join(path.relative_to('src').with_suffix('').parts)}:{name}"
    return f"{path}:{name}"


def module_stem(component: Any) -> str:
    """The name of the module that a component is in: what its model is called by.

    Parameters
    ----------
    component
        `{class_path, ...}` or `{file, class, ...}`, as JSON.

    >>> module_stem({"class_path": "earshot.encoders.convolutional:ConvolutionalEncoder"})
    'convolutional'
    >>> module_stem({"file": "../mine/deep.py", "class": "Deep"})
    'deep'

    Raises
    ------
    ValueError, KeyError, TypeError
        It names no class.
    """
    named = (
        component["class_path"]
        if "class_path" in component
        else class_path_of(component["file"], component["class"])
    )
    module = str(named).partition(":")[0]
    return PurePosixPath(module).stem if module.endswith(".py") else module.rpartition(".")[2]


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
