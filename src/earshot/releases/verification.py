"""Whether all that a release names is still what it was."""

from __future__ import annotations

from pathlib import Path

from earshot import versioning
from earshot.processes import progress
from earshot.releases.history import find_release
from earshot.releases.manifest import Manifest


def verify(root: Path, name: str) -> tuple[int, list[str]]:
    """Hash anew the files of the release or candidate `name` in DVC's cache, and those of its deliveries.

    Returns
    -------
    How many files were wanted, and a line for each that differs or is missing.
    Raises UserError where there is no such release.
    """
    release = find_release(root, name, refused=True)
    model, sounds = _model_files(root, release), _delivered_files(root, release)
    problems = [*_listed_otherwise(root, release), *_contents_lost(root, release)]
    watched = progress((model | sounds).items(), description="Hashing", unit="files")
    problems += [f"{told}: {problem}" for told, (path, md5) in watched if (problem := _differs(path, md5))]
    return len(model | sounds), problems


def _model_files(root: Path, release: Manifest) -> dict[str, tuple[Path, str]]:
    """Place and md5 of every file, by what it is called."""
    cache = versioning.cache_folder(root)
    return {
        f"{name} (object {md5})": (versioning.cache_path(cache, md5), md5)
        for name, md5 in release.files.items()
    }


def _delivered_files(root: Path, release: Manifest) -> dict[str, tuple[Path, str]]:
    return {
        f"data/deliveries/{name}/{inside}": (root / "data" / "deliveries" / name / inside, md5)
        for name, folder in release.deliveries.items()
        for inside, md5 in _contents(root, folder).items()
    }


def _contents(root: Path, folder: str) -> dict[str, str]:
    return versioning.PreviousOutput(versioning.cache_folder(root), folder).files


def _listed_otherwise(root: Path, release: Manifest) -> list[str]:
    now = versioning.delivery_md5s(root, release.deliveries)
    return [
        f"data/deliveries/{name}.dvc: {now.get(name, 'not there')}, the release names {md5}"
        for name, md5 in release.deliveries.items()
        if now.get(name) != md5
    ]


def _contents_lost(root: Path, release: Manifest) -> list[str]:
    return [
        f"data/deliveries/{name}: its list of files, object {md5} of DVC's cache, is missing or damaged"
        for name, md5 in release.deliveries.items()
        if versioning.folder_md5(_contents(root, md5)) != md5
    ]


def _differs(path: Path, md5: str) -> str | None:
    if not path.is_file():
        return "not there"
    now = versioning.file_md5(path)
    return None if now == md5 else f"md5 {now}, the release names {md5}"
