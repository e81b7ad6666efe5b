"""The files of a release, out of DVC's cache."""

from __future__ import annotations

from pathlib import Path

from earshot import terminal, versioning
from earshot.errors import UserError
from earshot.factors.numbers import WMF
from earshot.files import link, write_json
from earshot.releases.manifest import FOLD_MODELS, WMF_FACTORS, Manifest


def fetch(release: Manifest, root: Path, folder: Path) -> None:
    """Link every file of `release` to `folder`/<stage>/<file>; errors as in `find_files`.

    Numbers of a factorization that the manifest alone names are written beside it.
    """
    for name, source in find_files(release, root).items():
        destination = folder / name
        destination.parent.mkdir(parents=True, exist_ok=True)
        link(source, destination)
    _add_numbers(release, folder)


def _add_numbers(release: Manifest, folder: Path) -> None:
    """Write the wmf.json that factorizations in `folder` lack, where `release` is of a version before it."""
    for name in (WMF_FACTORS, *(f"{FOLD_MODELS}/{fold}" for fold in release.folds)):
        if f"{name}/{WMF}" not in release.files:
            write_json(folder / name / WMF, release.params[WMF_FACTORS])


def find_files(release: Manifest, root: Path) -> dict[str, Path]:
    """Every file of `release` in DVC's cache, by name, its content checked.

    Each is looked up by its own md5: the output that it came out of may never
    have been pushed, while a served file always is. What is missing or damaged is
    fetched from the remote.

    Raises
    ------
    UserError
        An object that is nowhere to be had, named with its path.
    """
    lost = versioning.bring_back(root, release.files, terminal.say)
    if lost:
        lines = [f"{name} of release {release.release}: {why}" for name, why in lost.items()]
        raise UserError(
            "\n".join([*lines, "a clone that has them can `dvc push`; or `earshot release import`"])
        )
    cache = versioning.cache_folder(root)
    return {name: versioning.cache_path(cache, md5) for name, md5 in sorted(release.files.items())}


def is_cached(release: Manifest, root: Path) -> bool:
    """Whether all files of `release` lie in DVC's cache; their content is not looked at."""
    cache = versioning.cache_folder(root)
    return all(versioning.cache_path(cache, md5).is_file() for md5 in release.files.values())
