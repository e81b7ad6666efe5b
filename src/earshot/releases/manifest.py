"""The manifest of a release, and the pointer that says which one is served."""

from __future__ import annotations

import json
from dataclasses import asdict, field
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from earshot.errors import UserError
from earshot.files import replace_json
from earshot.foreign.checked_json import parse_object
from earshot.releases.format_1 import as_format_2

Kind = TypeVar("Kind")

Md5 = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
FolderMd5 = Annotated[str, Field(pattern=r"^[0-9a-f]{32}\.dir$")]
Name = Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]
FileName = Annotated[
    str, Field(pattern=r"^(?:refit/)?[a-z_]+/(?:[0-9]{1,6}/)?[a-z_]+(?:\.[a-z]+){1,2}$", max_length=100)
]
"""`<stage>/<file>`, `<stage>/<fold>/<file>` or `refit/<stage>/<file>`; nothing that leads out of a folder."""
Stage = Annotated[str, Field(pattern=r"^[a-z_]+$", max_length=100)]
Folder = Annotated[str, Field(pattern=r"^[a-z_]+/[a-z_]+$", max_length=100)]
FOLD_MODELS = "fold_models"
REFIT = "refit"
"""The folder of the model trained on all songs; its files are named as those of the judged model."""
WMF_FACTORS = "wmf_factors"
"""A stage, and the section of the parameters."""
Label = Annotated[str, Field(max_length=200)]


def _inside(name: str) -> str:
    if name in (".", "..") or "/" in name or "\0" in name:
        raise ValueError(f"{name!r:.200}: wanted the name of a folder, which leads nowhere else")
    return name


DeliveryName = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_inside)]


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True, allow_inf_nan=False))
class ModelName:
    """What a model is made of, each part by the name of its module: `name` is `<encoder>+<objective>`."""

    name: Label
    encoder: Label
    objective: Label
    space: Label


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True, allow_inf_nan=False))
class Manifest:
    """A release: nothing but names of what lies in DVC's cache, small enough for git.

    Attributes
    ----------
    release
        Its name: a hash of the judged model and n0, so that the same bytes have the same name. A
        refit is no part of it.
    number
        1 for the first release of this workspace, then counting.
    previous
        The release that it replaced.
    feature_key
        Of the hyper-images of its snapshot.
    families
        Keys of the families beside the image that its encoder hears, by name.
    split
        Which songs were cold to it.
    files
        md5 of every file that serving or judging it needs, by `<stage>/<file>`. Those below `refit/` are
        served in the place of their namesakes, and never judged: their model has heard the cold songs.
    outputs
        md5 of the whole outputs that it came out of, by stage.
    params
        The parameters of the stages that made it.
    metrics
        mAP@k and AUC of its report, by system.
    n0
        Listeners that a song's sound stands for (`earshot.factors.solves`). Older manifests
        do not say: it was 10 then.
    inputs
        What its snapshot was made of: md5 by path of a folder. Older manifests do not say.
    deliveries
        Those that were in the catalogue then: DVC's md5 by name. Likewise.
    candidate
        What it is made of. None where that was not noted.
    code
        Of the classes that its encoder is made of (`earshot.code.key_of`). None in older manifests.
    derived_from
        The release of elsewhere that this one was shared from (`earshot.releases.shared`), without any
        listener; None of every other.
    format
        Of the manifest itself; see `earshot.releases.format_1`.
    """

    release: Name
    number: Annotated[int, Field(ge=1, le=10**9)]
    previous: Name | None
    feature_key: Label
    split: dict[str, Any]
    files: dict[FileName, Md5]
    outputs: dict[Stage, FolderMd5]
    params: dict[str, Any]
    metrics: dict[Label, dict[Label, float]]
    n0: Annotated[float, Field(ge=0)] = 10.0
    inputs: dict[Folder, FolderMd5] = field(default_factory=dict)
    deliveries: dict[DeliveryName, FolderMd5] = field(default_factory=dict)
    families: dict[Label, Label] = field(default_factory=dict)
    candidate: ModelName | None = None
    code: Label | None = None
    derived_from: Name | None = None
    format: Literal[2] = 2

    @property
    def folds(self) -> list[int]:
        """Other folds of its split of which it has a model too; those are judged, and never served."""
        found = (name.split("/") for name in self.files if name.startswith(f"{FOLD_MODELS}/"))
        return sorted({int(fold) for _, fold, _ in found})

    @property
    def refit(self) -> dict[str, str]:
        """md5 of every file of its model trained on all songs, by `<stage>/<file>`; empty without one."""
        prefix = f"{REFIT}/"
        found = (name.removeprefix(prefix) for name in sorted(self.files) if name.startswith(prefix))
        return {name: self.files[prefix + name] for name in found}

    @property
    def served(self) -> str:
        """Where among its files those of the model lie that is served: `refit`, or `""`, with the others."""
        return REFIT if self.refit else ""

    @property
    def encoder_key(self) -> str:
        """Of the bytes of the encoder that is served: releases with the same one hear the same."""
        files = self.refit or self.files
        parts = [files[name] for name in sorted(files) if name.startswith("cnn_checkpoint/encoder.")]
        return blake2b(json.dumps(parts).encode(), digest_size=6).hexdigest()


@dataclass(frozen=True)
class NothingReleased:
    """There is no release yet, and why."""

    reason: str


def pointer_path(root: Path) -> Path:
    """Where the workspace `root` says which release is served."""
    return root / "releases" / "current.json"


def read_pointer(root: Path) -> Manifest | NothingReleased:
    """What the workspace serves now. Errors as in `read_manifest`."""
    path = pointer_path(root)
    if not path.is_file():
        return NothingReleased("no candidate has been judged")
    content = read_json_object(path)
    if content.get("release") is None:
        return NothingReleased(str(content.get("reason")))
    return check_manifest(content, path)


def read_manifest(path: Path) -> Manifest:
    """The manifest at `path`.

    Raises
    ------
    UserError
        Not JSON, or not a manifest; every wrong key is named with its value.
    """
    return check_manifest(read_json_object(path), path)


def write_pointer(path: Path, release: Manifest | NothingReleased) -> None:
    """Write at `path` that `release` is served, whole or not at all."""
    if isinstance(release, NothingReleased):
        replace_json(path, {"release": None, "reason": release.reason})
    else:
        replace_json(path, asdict(release))


def read_json_object(path: Path) -> dict[str, Any]:
    """The JSON object in `path`. Errors as in `earshot.foreign.checked_json`."""
    return parse_object(path.read_bytes(), path)


def check_manifest(content: dict[str, Any], path: Path) -> Manifest:
    """`content`, which comes from `path`, as a manifest; errors as in `read_manifest`."""
    return check_content(content if "format" in content else as_format_2(content), path, Manifest)


def check_content(content: dict[str, Any], path: Path, kind: type[Kind]) -> Kind:
    """`content` of `path` as `kind`. UserError: the first ten wrong keys with their values."""
    try:
        return TypeAdapter(kind).validate_json(json.dumps(content))
    except ValidationError as error:
        problems = [f"{path}: {_explain(problem)}" for problem in error.errors()]
        more = [f"... and {len(problems) - 10:,} more"] if len(problems) > 10 else []
        raise UserError("\n".join(problems[:10] + more)) from None


def _explain(problem: Any) -> str:
    key = ".".join(map(str, problem["loc"]))
    return f"{key:.200}={problem['input']!r:.200}: {problem['msg']:.500}"
