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
    By recording MBID, first the listener's own (`additional_info`), then ListenBrainz's
    (`mbid_mapping`); else by artist and title without case, accents and punctuation. Where several
    songs share these, the first in the table has the plays. Listens to anything else are counted.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from earshot.columns import PLAYED_AT, SONG_ID, USER_ID
from earshot.datasets.importing.drafts import Draft, new_delivery
from earshot.datasets.importing.names import plain
from earshot.datasets.importing.play_columns import open_plays, write_plays
from earshot.datasets.importing.sources import SourceFile, find_files, read_lines
from earshot.datasets.song_index import SongIndex, read_song_index
from earshot.errors import UserError

SUFFIXES = (".listens", ".jsonl", ".json")
_BATCH_ROWS = 1 << 17
_WANTED = "JSON with user_name, listened_at, and track_metadata with artist_name and track_name"


@dataclass(frozen=True)
class ListenBrainzImport:
    """What was read and kept.

    Attributes
    ----------
    listens
        Well-formed lines.
    matched_by_mbid, matched_by_name
        Those of them that are plays now.
    matched_share
        Of all listens.
    listeners, songs_played
        Different ones in the plays.
    songs_alike
        Songs that no listen can reach, because one before them has their MBID or artist and title.
    set_aside
        Lines that are no listens.
    """

    listens: int
    matched_by_mbid: int
    matched_by_name: int
    matched_share: float
    listeners: int
    songs_played: int
    songs_alike: int
    set_aside: int


def import_listenbrainz(
    patterns: Sequence[str], output: Path, *, songs: Path, plays: str = "increment"
) -> ListenBrainzImport:
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
    tally = _Tally()
    with new_delivery(output, "listenbrainz", plays) as draft:
        index = read_song_index(songs, draft.set_aside)
        _write_plays(draft, _plays(_listens(draft, files), index, tally))
        if not tally.users:
            listens, first = tally.matches.total(), draft.set_aside.first
            raise UserError(
                f"{', '.join(patterns)}: none of {listens:,} listens is to a song of {songs}; {first}"
            )
    return tally.summary(index.alike, draft.set_aside.count)


@dataclass(frozen=True)
class _Listen:
    user: str
    seconds: int
    artist: str
    title: str
    mbids: tuple[str, ...]


@dataclass(frozen=True)
class _Tally:
    """How listens were matched (`mbid`, `name`, "" for not at all), and who and what is in the plays."""

    matches: Counter[str] = field(default_factory=Counter)
    users: set[str] = field(default_factory=set)
    songs: set[str] = field(default_factory=set)

    def summary(self, songs_alike: int, set_aside: int) -> ListenBrainzImport:
        listens, by_mbid, by_name = self.matches.total(), self.matches["mbid"], self.matches["name"]
        return ListenBrainzImport(
            listens=listens,
            matched_by_mbid=by_mbid,
            matched_by_name=by_name,
            matched_share=(by_mbid + by_name) / listens,
            listeners=len(self.users),
            songs_played=len(self.songs),
            songs_alike=songs_alike,
            set_aside=set_aside,
        )


def _write_plays(draft: Draft, plays: Iterator[tuple[str, str, str]]) -> None:
    import pyarrow

    columns = (USER_ID, SONG_ID, PLAYED_AT)
    with open_plays(draft.folder, columns) as writer:
        while rows := list(islice(plays, _BATCH_ROWS)):
            arrays = map(pyarrow.array, zip(*rows, strict=True))
            write_plays(writer, dict(zip(columns, arrays, strict=True)))


def _plays(listens: Iterator[_Listen], index: SongIndex, tally: _Tally) -> Iterator[tuple[str, str, str]]:
    """user_id, song_id and played_at of the listens to songs that are known."""
    for listen in listens:
        song_id, how = index.find(listen.mbids, listen.artist, listen.title)
        tally.matches[how] += 1
        if how:
            tally.users.add(listen.user)
            tally.songs.add(song_id)
            yield listen.user, song_id, str(listen.seconds)


def _listens(draft: Draft, files: Sequence[SourceFile]) -> Iterator[_Listen]:
    for file in files:
        for number, line in read_lines(file, draft.set_aside):
            listen = _parsed(line)
            if listen is None:
                draft.set_aside.add(file.name, number, line, _WANTED)
            else:
                yield listen


def _parsed(line: str) -> _Listen | None:
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
    return _Listen(plain(str(user)), seconds, artist, title, tuple(mbids))


def _mbid(part: Any) -> str:
    mbid = part.get("recording_mbid") if isinstance(part, dict) else None
    return mbid.lower() if isinstance(mbid, str) else ""
