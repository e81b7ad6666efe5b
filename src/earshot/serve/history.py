"""The models that were judged in a workspace, and what became of each."""

from __future__ import annotations

from pathlib import Path

from earshot import releases
from earshot.releases import Manifest
from earshot.serve.rows import ReleaseRow


def list_models(root: Path) -> list[ReleaseRow]:
    """Releases by number, the newest first, then candidates that were refused and imports, by name."""
    current = releases.read_pointer(root)
    serves = current.release if isinstance(current, Manifest) else None
    released = releases.list_releases(root)[::-1]
    return [
        *(_row(root, each.release, each.number, serves) for each in released),
        *(
            _row(root, each.release, None, serves)
            for each in [*releases.list_candidates(root), *releases.list_imported(root)]
        ),
    ]


def _row(root: Path, name: str, number: int | None, serves: str | None) -> ReleaseRow:
    decision = releases.read_decision(root, name) or {}
    metrics = (decision.get("metrics") or {}).get("candidate", {})
    return ReleaseRow(
        name=name,
        number=number,
        serves=name == serves,
        released=decision.get("released"),
        reason=decision.get("reason"),
        auc=metrics.get("auc"),
        map_at_500=metrics.get("map_at_500"),
    )
