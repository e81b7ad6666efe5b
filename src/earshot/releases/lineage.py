"""Where a release, and a song's place under it, comes from: back to the delivered file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from earshot import versioning
from earshot.columns import ARTIST, AUDIO, COLD, N_LISTENERS, SONG_ID, TITLE, VALIDATION
from earshot.errors import UserError
from earshot.releases.candidate import SONGS
from earshot.releases.history import find_release, show_release
from earshot.releases.manifest import Manifest

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
            role = _role(row) if trained else _role_outside(root, release, song_id)
            told = {SONG_ID: song_id, ARTIST: row.get(ARTIST), TITLE: row.get(TITLE), "role": role}
            return told | _origin(root, release, row.get(AUDIO))
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


def _role(row: dict[str, Any]) -> str:
    if row[COLD]:
        return "cold: held out, to judge by"
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
