"""The files of a release, out of DVC's cache."""

from __future__ import annotations

from pathlib import Path

from earshot import versioning
from earshot.errors import UserError
from earshot.files import link
from earshot.releases.manifest import Manifest


def fetch(release: Manifest, root: Path, folder: Path) -> None:
    """Link every file of `release` to `folder`/<stage>/<file>; errors as in `find_files`."""
    for name, source in find_files(release, root).items():
        destination = folder / name
        destination.parent.mkdir(parents=True, exist_ok=True)
        link(source, destination)


def find_files(release: Manifest, root: Path) -> dict[str, Path]:
    """Every file of `release` in DVC's cache, by name, its content checked.

    Each is looked up by its own md5: the output that it came out of may never
    have been pushed, while a served file always is.

    Raises
    ------
    UserError
        An object that is not in DVC's cache, or that is damaged, named with
        what brings it back.
    """
    cache = versioning.cache_folder(root)
    found = {name: versioning.cache_path(cache, md5) for name, md5 in sorted(release.files.items())}
    for name, source in found.items():
        _check(source, release.files[name], f"{name} of release {release.release}")
    return found


def is_cached(release: Manifest, root: Path) -> bool:
    """Whether all files of `release` lie in DVC's cache; their content is not looked at."""
    cache = versioning.cache_folder(root)
    return all(versioning.cache_path(cache, md5).is_file() for md5 in release.files.values())


def _check(source: Path, md5: str, what: str) -> None:
    if not source.is_file():
        raise UserError(f"{what}: object {md5} is not in DVC's cache; `dvc pull` fetches what is served now")
    if versioning.file_md5(source) != md5:
        raise UserError(f"{what}: object {md5} in DVC's cache is damaged; remove {source}, then `dvc pull`")
