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
    dvc.lock, now, at HEAD and at the tags of releases. Errors as there.
    """
    manifests = [*list_releases(root), *list_candidates(root), *list_all_imported(root)]
    files = {md5 for manifest in manifests for md5 in manifest.files.values()}
    return collect_garbage(root, files, "release/*", say, remove)
