"""Cleaning DVC's cache without losing a release."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from earshot import terminal
from earshot.releases.history import list_candidates, list_releases
from earshot.releases.quarantine import list_all_imported
from earshot.versioning import Garbage, collect_garbage


def clean_cache(root: Path, remove: bool, say: Callable[[str], object] = terminal.say) -> Garbage:
    """Remove, or with `remove` false only count, what no release, candidate, import, commit or tag needs.

    Kept are the files of every release, refused candidate and import whose
    manifest is kept, and what `collect_garbage` finds named by .dvc files and
    dvc.lock, now, at HEAD and at the tags of releases. Errors as there; also a
    manifest that cannot be read.
    """
    return collect_garbage(root, lambda: _files(root), "release/*", say, remove)


def _files(root: Path) -> set[str]:
    """md5 of every file that a manifest names."""
    manifests = [*list_releases(root), *list_candidates(root), *list_all_imported(root)]
    return {md5 for manifest in manifests for md5 in manifest.files.values()}
