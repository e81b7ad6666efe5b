"""Which code a stage runs."""

from __future__ import annotations

from pathlib import Path

from earshot.versioning.lockfile import file_md5, read_definition


def used_code(root: Path, stage: str) -> dict[str, str]:
    """md5 of every code dep of `stage`, by path: what it made with other code must not be used again."""
    deps = read_definition(root, stage).deps
    return {path: file_md5(root / path) for path in deps if path.endswith(".py")}
