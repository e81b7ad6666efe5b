"""ListenBrainz: who listened to what when, matched to songs of yours.

Source
    https://listenbrainz.org/data: `listenbrainz-listens-dump-...tar.zst` or `.tar.xz`, as downloaded or
    unpacked (`listens/<year>/<month>.listens`); what a listener exports (a zip of `user.json` and
    `listens/<year>/<month>.jsonl`, formerly one JSON array); pages of the API's `user/NAME/listens`.
Licence
    CC0 (the dumps).
Format
    JSON objects; what is read of them:

        {"user_id": 7, "user_name": "ada", "listened_at": 1700000000, "recording_msid": "...",
         "track_metadata": {"artist_name": "...", "track_name": "...", "release_name": "...",
                            "additional_info": {"recording_mbid": "...", ...},
                            "mbid_mapping": {"recording_mbid": "...", ...}}}

    Older dumps say `timestamp` for `listened_at`. A user_id of the delivery is the `user_name`, which
    every version has; in an export user.json says it, or `user`. Full dumps hold everything so far
    (`plays="total"`), incremental ones what is new.
Matching
    As `earshot.datasets.matching` says: by recording MBID, first the listener's own
    (`additional_info`), then ListenBrainz's (`mbid_mapping`); else by artist and title.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from earshot.datasets.importing.drafts import Draft, new_delivery
from earshot.datasets.importing.json_records import read_records
from earshot.datasets.importing.names import listener_id
from earshot.datasets.importing.sources import SourceFile, find_files
from earshot.datasets.importing.unpacking import PACKED_SUFFIXES, damage_told
from earshot.datasets.matching import WANTED_SECONDS, MatchedImport, SourcePlay, are_seconds, write_matched
from earshot.errors import UserError
from earshot.foreign import zips

SUFFIXES = (".listens", ".jsonl", ".json", *PACKED_SUFFIXES)
_USER_FILE = "user.json"
_USER_BYTES = 1 << 20
"""No user.json is longer; of one that is, nothing is believed."""
_WANTED_TRACK = "track_metadata with artist_name and track_name"
_WANTED_USER = "user_name; where a listener's own export has none, --user NAME says it"


def import_listenbrainz(
    patterns: Sequence[str], output: Path, *, songs: Path, user: str = "", plays: str = "increment"
) -> MatchedImport:
    """Write the listens to `songs` as the delivery `output`.

    Parameters
    ----------
    patterns
        Files, folders of `SUFFIXES`, or patterns with `*`.
    songs
        A delivery, such as `earshot import folder` makes: its songs have artist and
        title, and may have a recording_mbid.
    user
        Who listened, where neither the lines nor user.json say it.
    plays
        For delivery.json: "total" for a full dump.

    Raises
    ------
    UserError
        No file; one that is damaged; no songs; no listen to any of them.
    """
    files = [file for file in find_files(patterns, SUFFIXES) if file.path.name != _USER_FILE]
    if not files:
        raise UserError(f"{', '.join(patterns)}: nothing but {_USER_FILE}; wanted listens")
    with new_delivery(output, "listenbrainz", plays) as draft:
        return write_matched(_listens(draft, files, user), draft, songs)


def _listens(draft: Draft, files: Sequence[SourceFile], user: str) -> Iterator[SourcePlay]:
    for file in files:
        owner = user or _owner(file)
        for name, line, value in read_records(file, draft.set_aside, _is_known):
            if PurePosixPath(name).name == _USER_FILE:
                continue
            for content, of in _each(value, owner):
                listen = _parsed(content, of)
                if isinstance(listen, SourcePlay):
                    draft.set_aside.used += 1
                    yield listen
                else:
                    draft.set_aside.add(name, line, json.dumps(content, ensure_ascii=False), listen)


def _is_known(name: str) -> bool:
    """Not one of the other files of exports and dumps: feedback, pinned recordings, licence, time."""
    others = (
        "feedback",
        "pinned",
        "COPYING",
        "SCHEMA_SEQUENCE",
        "TIMESTAMP",
        "START_",
        "END_",
        "README",
        ".",
    )
    return not PurePosixPath(name).name.startswith(others)


def _owner(file: SourceFile) -> str:
    """The listener that user.json names: in the zip, or beside `listens/` in which `file` lies."""
    with damage_told(file):
        if zipfile.is_zipfile(file.path):
            with zips.opened(file.path) as archive:
                inner = [name for name in archive.namelist() if PurePosixPath(name).name == _USER_FILE]
                if not inner:
                    return ""
                with archive.open(min(inner, key=len)) as opened:
                    return _name(opened.read(_USER_BYTES))
    beside = (folder / _USER_FILE for folder in list(file.path.parents)[:3])
    found = next((path for path in beside if path.is_file()), None)
    if found is None:
        return ""
    with found.open("rb") as beside_listens:
        return _name(beside_listens.read(_USER_BYTES))


def _name(content: bytes) -> str:
    try:
        account = json.loads(content)
        return listener_id(
            next((account[key] for key in ("username", "user_name", "user_id") if account.get(key)), "")
        )
    except (ValueError, AttributeError, RecursionError):
        return ""


def _each(value: Any, user: str) -> Iterator[tuple[Any, Any]]:
    """The listens in a value, and whose they are where they do not say: one, or a page of the API's."""
    page = value.get("payload") if isinstance(value, dict) else None
    if isinstance(page, dict) and isinstance(page.get("listens"), list):
        yield from ((listen, page.get("user_id") or user) for listen in page["listens"])
    elif isinstance(page, list):
        yield from ((listen, user) for listen in page)
    else:
        yield value, user


def _parsed(content: Any, user: Any) -> SourcePlay | str:
    """A listen, or what was wanted."""
    track = content.get("track_metadata") if isinstance(content, dict) else None
    if not isinstance(track, dict):
        return _WANTED_TRACK
    artist, title = track.get("artist_name"), track.get("track_name")
    if not (isinstance(artist, str) and isinstance(title, str)):
        return _WANTED_TRACK
    seconds = content.get("listened_at", content.get("timestamp"))
    if not are_seconds(seconds):
        return f"listened_at: {WANTED_SECONDS}"
    listener = listener_id(content.get("user_name") or content.get("user_id") or user)
    if not listener:
        return _WANTED_USER
    mbids = (_mbid(track.get(part)) for part in ("additional_info", "mbid_mapping"))
    return SourcePlay(listener, artist, title, str(seconds), mbids=tuple(filter(None, mbids)))


def _mbid(part: Any) -> str:
    mbid = part.get("recording_mbid") if isinstance(part, dict) else None
    return mbid if isinstance(mbid, str) else ""
