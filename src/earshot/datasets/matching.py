"""Plays of others' songs as plays of songs of yours: matched, counted, and what is not named with its plays.

Matching
    By the MusicBrainz ids that a play has, in their order; by the file's path; by artist and title,
    exactly but for case; else without accents and punctuation, where this leads to one name alone.
    Songs that share an id or a name: the first in the table has the plays.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from earshot.columns import ARTIST, PLAY_COUNT, PLAYED_AT, REASON, RECORDING_MBID, SONG_ID, TITLE, USER_ID
from earshot.datasets.importing.delimited import Layout
from earshot.datasets.importing.drafts import Draft, SetAside
from earshot.datasets.importing.names import plain
from earshot.datasets.importing.play_columns import open_plays, write_plays
from earshot.datasets.importing.rows import Column, read_rows
from earshot.datasets.importing.sources import SourceFile
from earshot.datasets.song_index import Match, SongIndex, read_song_index
from earshot.errors import UserError

UNMATCHED = "unmatched.csv"
"""Beside songs and plays in the delivery: artists and titles without a song, the most played first."""

WANTED_SECONDS = "unix seconds from 1990-01-01 to 2100-01-01"
_FIRST_SECOND, _LAST_SECOND = 631_152_000, 4_102_444_800
_BATCH_ROWS = 1 << 17
_MOST_NAMES = 1 << 18
_LISTED_NAMES = 10_000
_LONGEST_NAME = 300


@dataclass(frozen=True)
class SourcePlay:
    """What a source says: who, what, when (unix seconds or ISO 8601, `""` for unknown), how often."""

    user: str
    artist: str
    title: str
    played_at: str = ""
    count: int = 1
    mbids: tuple[str, ...] = ()
    path: str = ""


def are_seconds(value: object) -> bool:
    """Whether a source can have meant unix seconds: milliseconds lie behind 2100, True is no number."""
    return type(value) is int and _FIRST_SECOND <= value < _LAST_SECOND


@dataclass(frozen=True)
class MatchedImport:
    """What was read and kept.

    Attributes
    ----------
    plays
        Well-formed ones, with their counts.
    matched_by_mbid, matched_by_path, matched_by_exact_name, matched_by_loose_name
        Those of them that are in the delivery.
    ambiguous
        Those whose name, without accents and punctuation, is that of differently named songs.
    unmatched
        Those to no song of the table.
    matched_share
        Of all plays.
    listeners, songs_played
        Different ones in the delivery.
    songs_alike
        Songs that no play can reach, because one before them has their id, path and name.
    set_aside
        Lines that are no plays.
    """

    plays: int
    matched_by_mbid: int
    matched_by_path: int
    matched_by_exact_name: int
    matched_by_loose_name: int
    ambiguous: int
    unmatched: int
    matched_share: float
    listeners: int
    songs_played: int
    songs_alike: int
    set_aside: int


@dataclass
class _Tally:
    """How plays were matched, who and what is in the delivery, and the names that are not."""

    matches: Counter[Match] = field(default_factory=Counter)
    users: set[str] = field(default_factory=set)
    songs: set[str] = field(default_factory=set)
    names: Counter[tuple[str, str, Match]] = field(default_factory=Counter)

    def miss(self, play: SourcePlay, why: Match) -> None:
        """Count a play without a song; of too many names, those with the fewest plays are forgotten."""
        artist, title = (plain(name[:_LONGEST_NAME]) for name in (play.artist, play.title))
        self.names[artist, title, why] += play.count
        if len(self.names) > _MOST_NAMES:
            self.names = Counter(dict(self.names.most_common(_MOST_NAMES // 2)))


def write_matched(
    plays: Iterable[SourcePlay], draft: Draft, songs: Path, *, columns: Sequence[str] = (PLAYED_AT,)
) -> MatchedImport:
    """Write plays.parquet: `plays` of the songs of the delivery `songs`; and unmatched.csv.

    Parameters
    ----------
    columns
        What is written beside listener and song: played_at, play_count, both or neither.

    Raises
    ------
    UserError
        No songs; no play of any of them.
    """
    index, tally = read_song_index(songs, draft.set_aside), _Tally()
    _write(draft.folder, _matched(plays, index, tally), columns)
    total = tally.matches.total()
    _write_unmatched(draft.folder / UNMATCHED, tally)
    if not tally.users:
        none = f"none of {total:,} listens is to a song of {songs}"
        raise UserError("; ".join(filter(None, (none, draft.set_aside.first, _most_played(tally)))))
    return _summary(tally, index.alike, draft.set_aside.count)


def _matched(
    plays: Iterable[SourcePlay], index: SongIndex, tally: _Tally
) -> Iterator[tuple[SourcePlay, str]]:
    """The plays of songs that are known, and the songs."""
    for play in plays:
        song_id, how = index.find(play.mbids, play.artist, play.title, play.path)
        tally.matches[how] += play.count
        if song_id:
            tally.users.add(play.user)
            tally.songs.add(song_id)
            yield SourcePlay(play.user, "", "", play.played_at, play.count), song_id  # names may be long
        else:
            tally.miss(play, how)


def _write(folder: Path, matched: Iterator[tuple[SourcePlay, str]], further: Sequence[str]) -> None:
    import pyarrow

    columns: dict[str, Callable[[SourcePlay], str]] = {
        PLAYED_AT: lambda play: play.played_at,
        PLAY_COUNT: lambda play: str(play.count),
    }
    names = (USER_ID, SONG_ID, *further)
    with open_plays(folder, names) as writer:
        while part := list(islice(matched, _BATCH_ROWS)):
            rows = [play.user for play, _ in part], [song for _, song in part]
            more = ([columns[name](play) for play, _ in part] for name in further)
            arrays = [pyarrow.array(texts, pyarrow.string()).dictionary_encode() for texts in (*rows, *more)]
            write_plays(writer, dict(zip(names, arrays, strict=True)))


def _write_unmatched(path: Path, tally: _Tally) -> None:
    if not tally.names:
        return
    listed = sorted(tally.names.items(), key=lambda item: (-item[1], item[0]))[:_LISTED_NAMES]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow((ARTIST, TITLE, "plays", REASON))
        writer.writerows((artist, title, count, why) for (artist, title, why), count in listed)


def _most_played(tally: _Tally) -> str:
    return "".join(f"the most played is {name[:2]}" for name, _ in tally.names.most_common(1))


def _summary(tally: _Tally, songs_alike: int, set_aside: int) -> MatchedImport:
    matches, total = tally.matches, tally.matches.total()
    return MatchedImport(
        plays=total,
        matched_by_mbid=matches[Match.MBID],
        matched_by_path=matches[Match.PATH],
        matched_by_exact_name=matches[Match.EXACT_NAME],
        matched_by_loose_name=matches[Match.LOOSE_NAME],
        ambiguous=matches[Match.AMBIGUOUS],
        unmatched=matches[Match.UNMATCHED],
        matched_share=(total - matches[Match.AMBIGUOUS] - matches[Match.UNMATCHED]) / total,
        listeners=len(tally.users),
        songs_played=len(tally.songs),
        songs_alike=songs_alike,
        set_aside=set_aside,
    )


def read_named_plays(
    file: SourceFile, columns: Mapping[str, Column], layout: Layout, user: str, set_aside: SetAside
) -> Iterator[SourcePlay]:
    """The good rows of a table as plays.

    Parameters
    ----------
    columns
        Those of user_id, artist, title, recording_mbid, played_at and play_count that the table has.
    user
        Who listened, where it has no user_id.

    Raises
    ------
    UserError
        As `read_rows`.
    """
    for _, rows in read_rows(file, list(columns.values()), layout, set_aside):
        texts = [values.to_pylist() for values in rows.columns]
        for values in zip(*texts, strict=True):
            fields = dict(zip(columns, values, strict=True))
            mbid = fields.get(RECORDING_MBID, "")
            yield SourcePlay(
                fields.get(USER_ID, user),
                fields.get(ARTIST, ""),
                fields.get(TITLE, ""),
                fields.get(PLAYED_AT, ""),
                int(float(fields.get(PLAY_COUNT, "1"))),
                (mbid,) if mbid else (),
            )
