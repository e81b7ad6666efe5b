"""Playlists of the listener whose key asks."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool

from earshot.serve.playlist_store import Playlist, Playlists
from earshot.serve.rest import entries, wire
from earshot.serve.rest.calls import Call
from earshot.serve.rest.wire import Content, Failed


async def playlists(call: Call) -> Content:
    """All that the listener has; none without a listener's key."""
    store: Playlists = call.request.app.state.playlists
    found = [] if call.user is None else await run_in_threadpool(store.all, call.user)
    return {"playlists": {"playlist": [_entry(call, each) for each in found]}}


async def playlist(call: Call) -> Content:
    """One with its songs; those that were withdrawn since are left out."""
    _, user = call.listener()
    store: Playlists = call.request.app.state.playlists
    return _whole(call, await run_in_threadpool(store.find, user, call.given.text("id")))


async def create_playlist(call: Call) -> Content:
    """A new one, or other songs for one that is there, and another name if one is given."""
    _, user = call.listener()
    store: Playlists = call.request.app.state.playlists
    which, songs = call.given.find("playlistId"), call.given.all("songId")
    for song in songs:
        call.song_row(song)
    name = call.given.find("name") if which is not None else call.given.text("name")
    return _whole(call, await run_in_threadpool(store.write, user, which, name, songs))


def _whole(call: Call, found: Playlist | None) -> Content:
    if found is None:
        raise Failed(wire.NOT_FOUND, "no such playlist of this listener")
    return {"playlist": {**_entry(call, found), "entry": entries.songs(call, _rows(call, found))}}


def _entry(call: Call, found: Playlist) -> entries.Entry:
    songs = [call.library.song(row) for row in _rows(call, found)]
    return {
        "id": found.id,
        "name": found.name,
        "owner": found.listener,
        "public": False,
        "songCount": len(songs),
        "duration": round(sum(song.seconds or 0.0 for song in songs)),
        "created": found.created,
        "changed": found.changed,
        "coverArt": songs[0].song_id if songs else None,
    }


def _rows(call: Call, found: Playlist) -> list[int]:
    rows = [call.library.row(song) for song in found.songs]
    return [row for row in rows if row is not None]
