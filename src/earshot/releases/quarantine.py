"""What was imported stands apart until a person promotes it: what its archive claims counts for nothing."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from earshot.files import replace_json
from earshot.releases.decision import Decision
from earshot.releases.manifest import Manifest, check_content, check_manifest, read_json_object


@dataclass(frozen=True)
class Imported:
    """A manifest, and the decision that came with it: a claim, kept to be shown."""

    manifest: Manifest
    claim: dict[str, Any]


def imported_path(root: Path, name: str) -> Path:
    """Where an import stands; it stays there when it is promoted."""
    return root / "releases" / "imported" / f"{name}.json"


def write_imported(root: Path, imported: Imported) -> None:
    """Keep `imported`, whole or not at all, in the place of an earlier import of that name."""
    path = imported_path(root, imported.manifest.release)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_json(path, {"manifest": asdict(imported.manifest), "claim": imported.claim})


def read_imported(path: Path) -> Imported:
    """What `write_imported` wrote. Errors as in `read_manifest`."""
    content = read_json_object(path)
    manifest, claim = content.get("manifest"), content.get("claim")
    return Imported(check_manifest(_object(manifest), path), check_claim(_object(claim), path))


def _object(content: Any) -> dict[str, Any]:
    return content if isinstance(content, dict) else {}


def list_all_imported(root: Path) -> list[Manifest]:
    """Every import, by name, promoted or not."""
    found = sorted((root / "releases" / "imported").glob("*.json"))
    return [read_imported(path).manifest for path in found]


def check_claim(content: dict[str, Any], path: Path) -> dict[str, Any]:
    """`content`, the decision in `path`, as it is. UserError for a key whose value is of another type."""
    check_content(content, path, Decision)
    return content
