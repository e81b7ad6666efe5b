"""Releases, candidates and imports whose files hold rows of the id: under new names, the old revoked.

A name is a hash of the model (`releases.candidate.model_name`): the encoder's weights stay, so what they have
learned stays. A model of which only the description of songs held the id keeps its name.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from earshot import terminal, versioning
from earshot.errors import UserError
from earshot.files import replace_text
from earshot.forgetting.rows import without
from earshot.forgetting.searching import WantedId, file_holds
from earshot.releases import Manifest, list_candidates, list_releases
from earshot.releases.candidate import model_name
from earshot.releases.quarantine import list_all_imported
from earshot.releases.shared import shared_name
from earshot.versioning import add_object, cache_path, file_md5


@dataclass
class Renamed:
    """What releases became.

    Attributes
    ----------
    objects
        New md5 by the old one, of files.
    names
        New name by the old one; None for one that cannot be rewritten, a file of it being lost.
    """

    objects: dict[str, str] = field(default_factory=dict)
    names: dict[str, str | None] = field(default_factory=dict)


def rewrite_releases(root: Path, cache: Path, wanted: WantedId) -> Renamed:
    """Put the files without the id of every model that a manifest names into DVC's cache; no more."""
    found = Renamed()
    manifests = [*list_releases(root), *list_candidates(root), *list_all_imported(root)]
    for manifest in {each.release: each for each in manifests}.values():
        _rewrite(root, cache, manifest, wanted, found)
    return found


def _rewrite(root: Path, cache: Path, manifest: Manifest, wanted: WantedId, found: Renamed) -> None:
    lost = versioning.bring_back(root, manifest.files, terminal.say)
    if lost:
        places = [cache_path(cache, md5) for md5 in manifest.files.values()]
        if any(place.is_file() and file_holds(place, wanted) for place in places):
            found.names[manifest.release] = None
        return
    files = {name: cache_path(cache, md5) for name, md5 in manifest.files.items()}
    folder = root / ".earshot" / "forgetting" / manifest.release
    made = without(files, folder, wanted)
    md5s = dict(manifest.files)
    for name, path in made.items():
        if path is None or file_holds(path, wanted):
            raise UserError(f"release {manifest.release}: {name}: holds the id where it cannot be taken out")
        md5s[name] = file_md5(path)
        if not cache_path(cache, md5s[name]).exists():
            add_object(cache, md5s[name], path)
        found.objects[manifest.files[name]] = md5s[name]
    if made and (new := _name(md5s, manifest)) != manifest.release:
        found.names[manifest.release] = new


def _name(md5s: dict[str, str], manifest: Manifest) -> str:
    if manifest.derived_from:
        return shared_name(md5s, manifest.n0, manifest.derived_from)
    return model_name(md5s, manifest.n0)


def move_manifests(root: Path, names: dict[str, str]) -> None:
    """Give files that are called after a release its new name. May be done twice."""
    for path in sorted((root / "releases").rglob("*.json")):
        if path.stem in names:
            path.replace(path.with_stem(names[path.stem]))


def record_pointer(root: Path, superseded: Collection[str]) -> None:
    """Note in dvc.lock the pointer as it is now, where its md5 was among these: nothing is judged again.

    As a dep it stays what it was, so that what serves is made anew.
    """
    pointer, lock = root / "releases" / "current.json", root / "dvc.lock"
    if not pointer.is_file() or not lock.is_file():
        return
    text = lock.read_text(encoding="utf-8")
    found = _RECORDED.search(text)
    if found is not None and found["md5"] in superseded:
        size = f"{found['between']}{pointer.stat().st_size}"
        new = f"{found['before']}{file_md5(pointer)}{size}"
        replace_text(lock, text[: found.start()] + new + text[found.end() :])


_RECORDED = re.compile(
    r"(?P<before>\n    outs:\n    - path: releases/current\.json\n(?: +hash: md5\n)? +md5: )"
    r"(?P<md5>[0-9a-f]{32})"
    r"(?P<between>\n +size: )\d+"
)
"""How dvc.lock says which pointer the stage `release` wrote."""
