"""The manifest of a release, and the pointer that says which one is served."""

from __future__ import annotations

import json
from dataclasses import asdict, field
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from earshot.errors import UserError
from earshot.files import read_json, replace_json

Md5 = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
FolderMd5 = Annotated[str, Field(pattern=r"^[0-9a-f]{32}\.dir$")]
Name = Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]
FileName = Annotated[str, Field(pattern=r"^[a-z_]+/[a-z_]+\.[a-z]+$")]
"""`<stage>/<file>`; nothing that could lead out of a folder."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class Manifest:
    """A release: nothing but names of what lies in DVC's cache, small enough for git.

    Attributes
    ----------
    release
        Its name: a hash of its model and n0, so that the same bytes have the same name.
    number
        1 for the first release of this workspace, then counting.
    previous
        The release that it replaced.
    feature_key
        Of the hyper-images that its encoder reads.
    split
        Which songs were cold to it.
    files
        md5 of every file that serving or judging it needs, by `<stage>/<file>`.
    outputs
        md5 of the whole outputs that it came out of, by stage.
    params
        The parameters of the stages that made it.
    metrics
        mAP@k and AUC of its report, by system.
    n0
        Listeners that a song's sound stands for (`earshot.factors.fold_in`). Older manifests
        do not say: it was 10 then.
    inputs
        What its snapshot was made of: md5 by path of a folder. Older manifests do not say.
    deliveries
        Those that were in the catalogue then: DVC's md5 by name. Likewise.
    """

    release: Name
    number: Annotated[int, Field(ge=1)]
    previous: Name | None
    feature_key: str
    split: dict[str, Any]
    files: dict[FileName, Md5]
    outputs: dict[str, FolderMd5]
    params: dict[str, Any]
    metrics: dict[str, dict[str, float]]
    n0: Annotated[float, Field(ge=0)] = 10.0
    inputs: dict[str, FolderMd5] = field(default_factory=dict)
    deliveries: dict[str, FolderMd5] = field(default_factory=dict)

    @property
    def encoder_key(self) -> str:
        """Of the encoder's bytes: releases with the same one hear the same."""
        parts = [self.files[name] for name in sorted(self.files) if name.startswith("cnn_checkpoint/")]
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
    """The JSON object in `path`. Raises UserError for anything else."""
    try:
        content = read_json(path)
    except ValueError as error:
        raise UserError(f"{path}: not JSON: {error}") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: {type(content).__name__}, where a JSON object is wanted")
    return content


def check_manifest(content: dict[str, Any], path: Path) -> Manifest:
    """`content`, which comes from `path`, as a manifest; errors as in `read_manifest`."""
    try:
        return TypeAdapter(Manifest).validate_json(json.dumps(content))
    except ValidationError as error:
        problems = [
            f"{path}: {'.'.join(map(str, problem['loc']))}={problem['input']!r}: {problem['msg']}"
            for problem in error.errors()
        ]
        raise UserError("\n".join(problems)) from None
