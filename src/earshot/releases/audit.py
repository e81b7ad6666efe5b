"""Whether all that a release names is still what it was, and where it and a song's place under it come from.

Also cleaning DVC's cache without losing a release.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from earshot import terminal, versioning
from earshot.columns import ARTIST, AUDIO, COLD, N_LISTENERS, SONG_ID, TITLE, VALIDATION
from earshot.errors import UserError
from earshot.forgotten import forgotten_on
from earshot.processes import progress
from earshot.releases.candidate import SONGS
from earshot.releases.history import find_release, list_candidates, list_releases, show_release
from earshot.releases.manifest import Manifest
from earshot.releases.quarantine import list_all_imported
from earshot.versioning import Garbage, collect_garbage


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
    problems += [f"{file}: {problem}" for file, (path, md5) in watched if (problem := _differs(path, md5))]
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
        f"data/deliveries/{name}: its list of files, object {md5} of DVC's cache, "
        + (forgotten_on(root, md5) or "is missing or damaged")
        for name, md5 in release.deliveries.items()
        if versioning.folder_md5(_contents(root, md5)) != md5
    ]


def _differs(path: Path, md5: str) -> str | None:
    if not path.is_file():
        return "not there"
    now = versioning.file_md5(path)
    return None if now == md5 else f"md5 {now}, the release names {md5}"


_CATALOGUE = Path("data", "raw_audio", "songs.parquet")
_DELIVERIES = "data/deliveries/"


def trace(root: Path, name: str, song_id: str | None = None) -> dict[str, Any]:
    """All that the release or candidate `name` was made of, and with `song_id` what is known of that song.

    Returns
    -------
    All of `show_release`; `song`: song_id, artist, title, `role` (what the model knew
    of it), `audio`, `delivery`, `delivery_md5` and `file_md5`, null where it has no
    sound; file_md5 also where DVC's cache has lost the delivery.

    Raises
    ------
    UserError
        No such release; a song that neither its training set nor the catalogue names.
    """
    release, found = find_release(root, name, refused=True), show_release(root, name)
    return found if song_id is None else found | {"song": _song(root, release, song_id)}


def _song(root: Path, release: Manifest, song_id: str) -> dict[str, Any]:
    trained_on = _cached(root, release, SONGS)
    for table, trained in ((trained_on, True), (root / _CATALOGUE, False)):
        row = _row(table, song_id)
        if row is not None:
            role = _role(row, bool(release.refit)) if trained else _role_outside(root, release, song_id)
            description = {SONG_ID: song_id, ARTIST: row.get(ARTIST), TITLE: row.get(TITLE), "role": role}
            return description | _origin(root, release, row.get(AUDIO))
    raise UserError(
        f"song {song_id!r}: wanted one of {SONGS} of release {release.release}, or of {root / _CATALOGUE}"
    )


def _row(table: Path, song_id: str) -> dict[str, Any] | None:
    import pandas as pd

    if not table.is_file():
        return None
    rows = pd.read_parquet(table, filters=[(SONG_ID, "==", song_id)])
    if rows.empty:
        return None
    return {str(name): None if pd.isna(value) else value for name, value in rows.iloc[0].items()}


def _role(row: dict[str, Any], refit: bool) -> str:
    if row[COLD]:
        in_refit = refit and row.get(N_LISTENERS) != 0
        return "cold: held out, to judge by" + ("; the refit knows its plays" if in_refit else "")
    if row.get(N_LISTENERS) == 0:
        return "without plays: nothing was learned from it"
    return "validation: held out, to stop early by" if row.get(VALIDATION) else "training"


def _role_outside(root: Path, release: Manifest, song_id: str) -> str:
    items = _cached(root, release, "wmf_factors/items.parquet")
    return "plays alone" if _row(items, song_id) is not None else "not in the training set"


def _cached(root: Path, release: Manifest, name: str) -> Path:
    md5 = release.files.get(name, "")
    return versioning.cache_path(versioning.cache_folder(root), md5)


def _origin(root: Path, release: Manifest, audio: str | None) -> dict[str, Any]:
    """Delivery and hash of the file `audio`, a path below the workspace."""
    if not audio:
        return dict.fromkeys((AUDIO, "delivery", "delivery_md5", "file_md5"))
    name, _, inside = audio.removeprefix(_DELIVERIES).partition("/")
    md5 = release.deliveries.get(name) or versioning.delivery_md5s(root, [name]).get(name)
    files = versioning.PreviousOutput(versioning.cache_folder(root), md5).files
    return {AUDIO: audio, "delivery": name, "delivery_md5": md5, "file_md5": files.get(inside)}


def clean_cache(
    root: Path,
    remove: bool,
    say: Callable[[str], object] = terminal.say,
    most_bytes: float | None = None,
) -> Garbage:
    """Remove, or with `remove` false only count, what no release, candidate, import, commit or tag needs.

    Kept are the files of every release, refused candidate and import whose
    manifest is kept, and what `collect_garbage` finds named by .dvc files and
    dvc.lock, now, at HEAD and at the tags of releases. Errors as there; also a
    manifest that cannot be read.

    Parameters
    ----------
    most_bytes
        As in `collect_garbage`: what HEAD and the tags alone name may go then, if the remote has it.
        Files of releases stay, whatever they take: the gate compares with those that are here.
    """
    return collect_garbage(root, lambda: _files(root), "release/*", say, remove, most_bytes)


def _files(root: Path) -> set[str]:
    """md5 of every file that a manifest names."""
    manifests = [*list_releases(root), *list_candidates(root), *list_all_imported(root)]
    return {md5 for manifest in manifests for md5 in manifest.files.values()}
