"""Every call, by the protocol's name."""

from __future__ import annotations

from earshot.serve.rest import browsing, marking, playlists, sonic, sounds
from earshot.serve.rest.calls import make_router

router = make_router(
    {
        "ping": browsing.ping,
        "getOpenSubsonicExtensions": browsing.extensions,
        "getMusicFolders": browsing.music_folders,
        "getArtists": browsing.artists,
        "getArtist": browsing.artist,
        "getAlbumList2": browsing.album_list,
        "getAlbum": browsing.album,
        "search3": browsing.search3,
        "getSong": browsing.song,
        "getRandomSongs": browsing.random_songs,
        "getTopSongs": browsing.top_songs,
        "stream": sounds.stream,
        "getCoverArt": sounds.cover_art,
        "getSonicSimilarTracks": sonic.similar_tracks,
        "findSonicPath": sonic.path,
        "getSimilarSongs": sonic.similar_songs,
        "getSimilarSongs2": sonic.similar_songs2,
        "getPlaylists": playlists.playlists,
        "getPlaylist": playlists.playlist,
        "createPlaylist": playlists.create_playlist,
        "star": marking.star,
        "unstar": marking.unstar,
        "scrobble": marking.scrobble,
    }
)
