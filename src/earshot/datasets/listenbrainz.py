"""ListenBrainz: who listened to what when, matched to songs of yours.

Source
    https://listenbrainz.org/data: `listenbrainz-listens-dump-...tar.xz`, which unpacks to
    `listens/<year>/<month>.listens`, or what a listener exports.
Licence
    CC0 (the dumps).
Format
    One JSON object a line; what is read of it:

        {"user_id": 7, "user_name": "ada", "listened_at": 1700000000, "recording_msid": "...",
         "track_metadata": {"artist_name": "...", "track_name": "...", "release_name": "...",
                            "additional_info": {"recording_mbid": "...", ...},
                            "mbid_mapping": {"recording_mbid": "...", ...}}}

    Older dumps say `timestamp` for `listened_at`. A user_id of the delivery is the `user_name`, which
    every version has. Full dumps hold everything so far (`plays="total"`), incremental ones what is new.
Matching
    As `earshot.datasets.matching` says: by recording MBID, first the listener's own
    (`additional_info`), then ListenBrainz's (`mbid_mapping`); else by artist and title.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from earshot.datasets.importing.drafts import Draft, new_delivery
from earshot.datasets.importing.names import plain
from earshot.datasets.importing.sources import SourceFile, find_files, read_lines
from earshot.datasets.matching import MatchedImport, Play, write_matched

SUFFIXES = (".listens", ".jsonl", ".json")
_WANTED = "JSON with user_name, listened_at, and track_metadata with artist_name and track_name"


def import_listenbrainz(
    patterns: Sequence[str], output: Path, *, songs: Path, plays: str = "increment"
) -> MatchedImport:
    """Write the listens to `songs` as the delivery `output`.

    Parameters
    ----------
    patterns
        Files, folders of `.listens`, `.jsonl` or `.json`, or patterns with `*`.
    songs
        A delivery, such as `earshot import folder` makes: its songs have artist and
        title, and may have a recording_mbid.
    plays
        For delivery.json: "total" for a full dump.

    Raises
    ------
    UserError
        No file; no songs; no listen to any of them.
    """
    files = find_files(patterns, SUFFIXES)
    with new_delivery(output, "listenbrainz", plays) as draft:
        return write_matched(_listens(draft, files), draft, songs)


def _listens(draft: Draft, files: Sequence[SourceFile]) -> Iterator[Play]:
    for file in files:
        for number, line in read_lines(file, draft.set_aside):
            listen = _parsed(line)
            if listen is None:
                draft.set_aside.add(file.name, number, line, _WANTED)
            else:
                yield listen


def _parsed(line: str) -> Play | None:
    try:
        said = json.loads(line)
        track = said["track_metadata"]
        seconds = said["listened_at"] if "listened_at" in said else said["timestamp"]
        user = said.get("user_name") or said["user_id"]
        mbids = (_mbid(track.get(part)) for part in ("additional_info", "mbid_mapping"))
        artist, title = track["artist_name"], track["track_name"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    fits = type(seconds) is int and isinstance(user, str | int) and isinstance(artist, str)
    if not (fits and isinstance(title, str)):
        return None
    return Play(plain(str(user)), artist, title, str(seconds), mbids=tuple(mbids))


def _mbid(part: Any) -> str:
    mbid = part.get("recording_mbid") if isinstance(part, dict) else None
    return mbid.lower() if isinstance(mbid, str) else ""
