"""Playlists of every week in the music folder: for each listener what is new, and what may be forgotten.

Names of files are hashes, since an id may hold anything; an index beside them says whose each is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path

from earshot.columns import PATH, SONG_ID
from earshot.errors import UserError
from earshot.files import replace_json, replace_text
from earshot.processes import progress
from earshot.queries.answers import recommend_together
from earshot.queries.library import Library
from earshot.queries.playlist_files import as_m3u8, plain, playlist_of, safe_path
from earshot.queries.rediscovery import LATELY_DAYS, Rediscovery
from earshot.queries.state import ServedState
from earshot.queries.wishes import Request, Wish

INDEX = "earshot-lists.json"
NEW, FORGOTTEN = "New for you", "Rediscover"
_OURS = re.compile(r"earshot-[0-9a-f]{16}\.m3u8")
_TOGETHER = 256
"""Lists that are worked out at once."""


@dataclass(frozen=True)
class WeeklyList:
    """A line of the index: a file, whose it is, what it is, and how many songs it has."""

    file: str
    listener: str
    title: str
    songs: int


def write_weekly_lists(served: ServedState, folder: Path, k: int) -> tuple[int, str]:
    """Write both playlists of every listener into the music folder, then the index, each whole or not at all.

    A file of an earlier week stays under its name with other songs; of a listener who is gone it is removed.

    Parameters
    ----------
    folder
        The music folder: playlists name songs by their paths below it, and nothing outside of it.
    k
        Songs of a playlist, at most.

    Returns
    -------
    How many playlists there are, and why there are not more; `""` where nothing is amiss.

    Raises
    ------
    UserError
        The folder is not there or cannot be written to; no song has a path below it.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: not a folder; wanted the one that the music lies in")
    library = Library.of(served)
    if not any(safe_path(str(path)) for path in library.table[PATH]):
        raise UserError(
            f"{folder}: no song has a path in the music folder, as `earshot import folder` notes it; "
            "playlists name songs by their paths"
        )
    forgotten = Rediscovery.of(served)
    written = []
    try:
        for user, title, songs in _lists(served, forgotten, k):
            playlist = playlist_of(served, library, f"{title} ({plain(user)})", user, songs)
            n_songs = sum(safe_path(song.path) is not None for song in playlist.songs)
            if n_songs:
                file = _file_name(user, title)
                replace_text(folder / file, as_m3u8(playlist))
                written.append(WeeklyList(file, user, title, n_songs))
        made = datetime.now(UTC).isoformat(timespec="seconds")
        lists = [asdict(each) for each in written]
        replace_json(folder / INDEX, {"release": served.release, "made": made, "lists": lists})
        _remove_others(folder, {each.file for each in written})
    except OSError as error:
        raise UserError(f"{folder}: {error.strerror}") from None
    undated = (
        "" if forgotten else f"no play is dated, so what was not heard for {LATELY_DAYS} days is not known"
    )
    return len(written), undated


def _lists(
    served: ServedState, forgotten: Rediscovery | None, k: int
) -> Iterator[tuple[str, str, list[str]]]:
    users = [str(user) for user in served.user_ids]
    bar = progress(description="playlists", unit="listeners", total=len(users))
    for first in range(0, len(users), _TOGETHER):
        asked = users[first : first + _TOGETHER]
        answers = recommend_together(served, [Request(user, k, Wish(new=True)) for user in asked])
        for user, answer in zip(asked, answers, strict=True):
            if not isinstance(answer, UserError):  # nothing new is left for this listener
                yield user, NEW, [row[SONG_ID] for row in answer]
            if forgotten is not None:
                yield user, FORGOTTEN, forgotten.songs_of(user, k)
            bar.update()
    bar.close()


def _file_name(user: str, title: str) -> str:
    """The same every week, so that a player goes on showing it.

    >>> _file_name("ada", NEW) == _file_name("ada", NEW) != _file_name("ada", FORGOTTEN)
    True
    """
    whose = f"{title}\0{user}".encode("utf-8", "surrogatepass")
    return f"earshot-{blake2b(whose, digest_size=8).hexdigest()}.m3u8"


def _remove_others(folder: Path, kept: set[str]) -> None:
    for path in folder.glob("earshot-*.m3u8"):
        if _OURS.fullmatch(path.name) and path.name not in kept:
            path.unlink()
