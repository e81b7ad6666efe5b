"""What is like a song, by its sound alone and by its place; and ways from song to song."""

from __future__ import annotations

from collections.abc import Sequence

from earshot.columns import SONG_ID
from earshot.queries import answers
from earshot.queries.sonic import SonicMatch
from earshot.serve.rest import entries, wire
from earshot.serve.rest.calls import Call
from earshot.serve.rest.wire import Content, Failed

_LONGEST_PATH = 100


def similar_tracks(call: Call) -> Content:
    """Songs that sound like a song, the most similar first."""
    song = call.given.text("id")
    call.song_row(song)
    count = call.given.whole("count", 10)
    return _matches(call, call.sonic.alike(song, count) if count else [])


def path(call: Call) -> Content:
    """A way from a song to another; fewer songs than asked for where there are none between."""
    start, end = call.given.text("startSongId"), call.given.text("endSongId")
    for song in (start, end):
        call.song_row(song)
    return _matches(call, call.sonic.path(start, end, call.given.whole("count", 25, 2, _LONGEST_PATH)))


def _matches(call: Call, matches: Sequence[SonicMatch]) -> Content:
    songs = entries.songs(call, [call.song_row(match.song_id) for match in matches])
    found = [
        {"entry": song, "similarity": match.similarity} for song, match in zip(songs, matches, strict=True)
    ]
    return {"sonicMatch": found}


def similar_songs(call: Call) -> Content:
    """Songs near a song, an album or an artist."""
    return {"similarSongs": {"song": _near(call)}}


def similar_songs2(call: Call) -> Content:
    """The same under another name."""
    return {"similarSongs2": {"song": _near(call)}}


def _near(call: Call) -> list[entries.Entry]:
    """By places as they are served; of an album or artist, near the mean direction of its songs.

    Failed (70) for what has no place: nothing else is answered in its stead.
    """
    wanted, count = call.given.text("id"), call.given.whole("count", 50)
    row = call.library.row(wanted)
    group = call.library.album(wanted) or call.library.artist(wanted)
    if row is not None:
        songs = [wanted]
    elif group is not None:
        named = [call.library.song(each).song_id for each in group.songs.tolist()]
        songs = [song for song in named if call.served.song_row(song) is not None]
        if not songs:
            raise Failed(wire.NOT_FOUND, "id: none of its songs has a place yet")
    else:
        raise Failed(wire.NOT_FOUND, f"no song, album or artist {wanted[:200]!r}")
    found = answers.similar_to(call.served, songs, count) if count else []
    return entries.songs(call, [call.song_row(each[SONG_ID]) for each in found])
