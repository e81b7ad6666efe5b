"""The files of a release, out of DVC's cache."""

from __future__ import annotations

from pathlib import Path

from earshot import versioning
from earshot.errors import UserError
from earshot.files import link
from earshot.releases.manifest import Manifest


def fetch(release: Manifest, root: Path, folder: Path) -> None:
    """Link every file of `release` to `folder`/<stage>/<file>.

    Each is looked up by its own md5: the output that it came out of may never
    have been pushed, while a served file always is.

    Raises
    ------
    UserError
        An object that is not in DVC's cache, or that is damaged, named with
        what brings it back.
    """
    cache = versioning.cache_folder(root)
    for name, md5 in sorted(release.files.items()):
        source = versioning.cache_path(cache, md5)
        _check(source, md5, f"{name} of release {release.release}")
        destination = folder / name
        destination.parent.mkdir(parents=True, exist_ok=True)
        link(source, destination)


def _check(source: Path, md5: str, what: str) -> None:
    if not source.is_file():
        raise UserError(f"{what}: object {md5} is not in DVC's cache; `dvc pull` fetches what is served now")
    if versioning.file_md5(source) != md5:
        raise UserError(f"{what}: object {md5} in DVC's cache is damaged; remove {source}, then `dvc pull`")
