"""Looking around: what is there, by artist and album, by words, and by chance."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import numpy as np

from earshot.columns import SONG_ID
from earshot.datasets.importing.names import match_key
from earshot.queries import search
from earshot.queries.library import Group, Library
from earshot.serve.rest import entries, wire
from earshot.serve.rest.calls import Call
from earshot.serve.rest.parameters import Parameters
from earshot.serve.rest.wire import Content, Failed

_MOST_SONGS = 10_000
UNKNOWN_LISTS = ("highest", "recent", "starred")
"""Lists of albums by what is not kept of albums: ratings, when somebody last played one, stars."""


def ping(call: Call) -> Content:
    """Whether the server is there and knows the key."""
    return {}


def extensions(call: Call) -> Content:
    """What is answered beside the protocol's oldest calls; `sonicSimilarity` only where it can be."""
    names = ["apiKeyAuthentication", "formPost", "topSongsByArtistId"]
    if call.sonic.sounds is not None:
        names.append("sonicSimilarity")
    return {"openSubsonicExtensions": [{"name": name, "versions": [1]} for name in names]}


def music_folders(call: Call) -> Content:
    """One: everything."""
    return {"musicFolders": {"musicFolder": [{"id": 0, "name": "earshot"}]}}


def artists(call: Call) -> Content:
    """All artists, by their first letter."""
    letters: dict[str, list[entries.Entry]] = {}
    for group in call.library.artists:
        letter = match_key(group.name)[:1].upper()
        letters.setdefault(letter if letter.isalpha() else "#", []).append(
            entries.artist(call.library, group)
        )
    index = [{"name": letter, "artist": letters[letter]} for letter in sorted(letters)]
    return {"artists": {"ignoredArticles": "", "index": index}}


def artist(call: Call) -> Content:
    """An artist with its albums."""
    group = call.library.artist(call.given.text("id"))
    if group is None:
        raise Failed(wire.NOT_FOUND, "id: no such artist")
    albums = [entries.album(call.library, album) for album in call.library.albums_of(group)]
    return {"artist": {**entries.artist(call.library, group), "album": albums}}


def album(call: Call) -> Content:
    """An album with its songs."""
    group = call.library.album(call.given.text("id"))
    if group is None:
        raise Failed(wire.NOT_FOUND, "id: no such album")
    songs = entries.songs(call, group.songs.tolist())
    return {"album": {**entries.album(call.library, group), "song": songs}}


def album_list(call: Call) -> Content:
    """A page of the albums, in one of the protocol's orders."""
    kind, library = call.given.text("type"), call.library
    size, offset = call.given.whole("size", 10), call.given.whole("offset", 0, most=10_000_000)
    if kind in UNKNOWN_LISTS:
        found: list[Group] = []
    elif kind in _ORDERS:
        found = _ORDERS[kind](library, call.given)
    else:
        wanted = ", ".join([*_ORDERS, *UNKNOWN_LISTS])
        raise Failed(wire.GENERIC, f"type={kind[:100]!r}: wanted one of {wanted}")
    page = found[offset : offset + size]
    return {"albumList2": {"album": [entries.album(library, group) for group in page]}}


def _by_year(library: Library, given: Parameters) -> list[Group]:
    """From a year to another; the newest first where the first is the later one."""
    for name in ("fromYear", "toYear"):
        given.text(name)
    first, last = (given.whole(name, 0, most=9999) for name in ("fromYear", "toYear"))
    years = {group.id: library.song(int(group.songs[0])).year for group in library.albums}
    known = [group for group in library.albums if years[group.id] is not None]
    among = [group for group in known if min(first, last) <= (years[group.id] or 0) <= max(first, last)]
    return sorted(among, key=lambda group: years[group.id] or 0, reverse=first > last)


def _by_genre(library: Library, given: Parameters) -> list[Group]:
    wanted = match_key(given.text("genre"))
    return [group for group in library.albums if _has_genre(library, group.songs[:1].tolist(), wanted)]


def _has_genre(library: Library, rows: Sequence[int], key: str) -> bool:
    return any(match_key(genre) == key for row in rows for genre in library.song(row).genres)


def _newest(library: Library, given: Parameters) -> list[Group]:
    days = {group.id: entries.album(library, group)["created"] for group in library.albums}
    return sorted(library.albums, key=lambda group: days[group.id], reverse=True)


def _most_heard(library: Library, given: Parameters) -> list[Group]:
    heard = {group.id: int(library.n_listeners[group.songs].sum()) for group in library.albums}
    return sorted(library.albums, key=lambda group: -heard[group.id])


def _by_artist(library: Library, given: Parameters) -> list[Group]:
    names = {group.id: match_key(library.song(int(group.songs[0])).artist) for group in library.albums}
    return sorted(library.albums, key=lambda group: names[group.id])


_ORDERS: dict[str, Callable[[Library, Parameters], list[Group]]] = {
    "random": lambda library, _: random.sample(library.albums, len(library.albums)),
    "newest": _newest,
    "frequent": _most_heard,
    "alphabeticalByName": lambda library, _: library.albums,
    "alphabeticalByArtist": _by_artist,
    "byYear": _by_year,
    "byGenre": _by_genre,
}


def search3(call: Call) -> Content:
    """Artists, albums and songs that hold every word; all of them where there is no word."""
    library, text = call.library, call.given.text("query").strip().strip('"')
    words = [match_key(word) for word in text.split()]
    artists, albums = (
        [group for group in groups if all(word in match_key(group.name) for word in words)]
        for groups in (library.artists, library.albums)
    )
    first, size = _page(call.given, "song")
    rows = search.songs(call.served, text, first + size)[first:]
    places = [call.song_row(row[SONG_ID]) for row in rows]
    return {
        "searchResult3": {
            "artist": [entries.artist(library, group) for group in _shown(artists, call.given, "artist")],
            "album": [entries.album(library, group) for group in _shown(albums, call.given, "album")],
            "song": entries.songs(call, places),
        }
    }


def _shown(groups: list[Group], given: Parameters, kind: str) -> list[Group]:
    first, size = _page(given, kind)
    return groups[first : first + size]


def _page(given: Parameters, kind: str) -> tuple[int, int]:
    """Which of them comes first, and how many."""
    return given.whole(f"{kind}Offset", 0, most=10_000_000), given.whole(f"{kind}Count", 20, most=_MOST_SONGS)


def song(call: Call) -> Content:
    """One song."""
    return {"song": entries.song(call, call.song_row(call.given.text("id")))}


def random_songs(call: Call) -> Content:
    """Songs by chance, of a genre and from some years where that is asked for."""
    library, given = call.library, call.given
    size, genre = given.whole("size", 10), given.find("genre")
    first, last = given.whole("fromYear", 0, most=9999), given.whole("toYear", 9999, most=9999)
    any_year = given.find("fromYear") is None and given.find("toYear") is None
    found: list[int] = []
    for row in random.sample(range(len(library)), len(library)):
        if len(found) == size:
            break
        year = library.song(row).year
        in_time = any_year or (year is not None and first <= year <= last)
        if in_time and (genre is None or _has_genre(library, [row], match_key(genre))):
            found.append(row)
    return {"randomSongs": {"song": entries.songs(call, found)}}


def top_songs(call: Call) -> Content:
    """Songs of an artist, by name or id, those with most listeners first; none where nobody has that name."""
    library, by_id = call.library, call.given.find("id")
    if by_id is None:
        key = match_key(call.given.text("artist"))
        groups = [group for group in library.artists if match_key(group.name) == key]
    else:
        groups = [group for group in [library.artist(by_id)] if group is not None]
        if not groups:
            raise Failed(wire.NOT_FOUND, "id: no such artist")
    rows = np.concatenate([np.empty(0, np.int64), *(group.songs for group in groups)])
    best = library.most_heard(rows, call.given.whole("count", 50))
    return {"topSongs": {"song": entries.songs(call, best)}}
