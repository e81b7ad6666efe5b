"""Playlists that other programs follow: what hostile names and paths cannot do in each format."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earshot.queries.library import LibrarySong
from earshot.queries.playlist_files import PlaylistFile, as_jspf, as_m3u8, as_xspf, safe_path

MBID = "8f3471b5-7e6a-48da-86a9-c1c07a0f47ae"
SONG = LibrarySong(
    song_id="s1",
    title="Half a Bridge",
    artist="Ada",
    artist_id="ar-1",
    album="Nine",
    album_id="al-1",
    track=1,
    year=1999,
    genres=("folk",),
    recording_mbid=MBID,
    path="Ada/Nine/01 Half.flac",
    audio="data/deliveries/x/audio/s1.flac",
    seconds=61.25,
    n_listeners=3,
    day=None,
)
BAD_PATHS = (
    *(
        "../../.ssh/id_rsa",
        "/etc/passwd",
        "a/../../b",
        "C:\\x.mp3",
        "\\\\host\\share\\x",
        "..\\x",
        "a\\..\\..\\x",
    ),
    *("file:///etc/passwd\n", "a\nb", "a\rhttp://x/y", "\x1b[2J", "", " a", "x\u2028y", "x\u202ey"),
)
texts = st.text() | st.sampled_from(
    ["\n#EXTINF:1,x\nhttp://evil/", "]]><x/>", "</title><location>x", '"}],', "\x1b[2J"]
)
paths = st.text(max_size=40) | st.sampled_from(
    [*BAD_PATHS, "http://evil/x", "#EXTM3U", "file:/x", "//host/x", "a/b"]
)


def _of(*songs: LibrarySong, title: str = "mine") -> PlaylistFile:
    return PlaylistFile(title, "u1", songs, "r1", "0123abcd", "2026-11-27T00:00:00+00:00")


def test_each_format_by_eye() -> None:
    no_path = replace(
        SONG, song_id="s2", title="", artist="", album="", path="", recording_mbid="", seconds=None
    )
    assert as_m3u8(_of(SONG, no_path)).splitlines() == [
        *("#EXTM3U", "#PLAYLIST:mine", "#EXTINF:61,Ada - Half a Bridge", "./Ada/Nine/01 Half.flac"),
    ]
    content = json.loads(as_jspf(_of(SONG, no_path)))["playlist"]
    assert content["track"] == [
        {
            "location": ["./Ada/Nine/01%20Half.flac"],
            "identifier": [f"https://musicbrainz.org/recording/{MBID}"],
            "title": "Half a Bridge",
            "creator": "Ada",
            "album": "Nine",
            "duration": 61250,
        },
        {"title": "s2"},
    ]
    (extension,) = content["extension"].values()
    assert extension["additional_metadata"]["algorithm_metadata"] == {
        "source": "earshot",
        "release": "r1",
        "model": "0123abcd",
    }
    root = ElementTree.fromstring(as_xspf(_of(SONG)))
    named = {"x": "http://xspf.org/ns/0/"}
    assert root.findtext("x:trackList/x:track/x:location", namespaces=named) == "./Ada/Nine/01%20Half.flac"
    assert root.findtext("x:trackList/x:track/x:title", namespaces=named) == "Half a Bridge"


@pytest.mark.parametrize("path", BAD_PATHS)
def test_no_path_leads_out_of_the_music_folder(path: str) -> None:
    song = replace(SONG, path=path)
    assert safe_path(path) is None
    assert as_m3u8(_of(song)).splitlines() == ["#EXTM3U", "#PLAYLIST:mine"]
    assert "location" not in json.loads(as_jspf(_of(song)))["playlist"]["track"][0]
    assert "location" not in as_xspf(_of(song))


@given(title=texts, artist=texts, path=paths, mbid=texts)
def test_m3u8_has_two_lines_a_song_whatever_it_is_called(
    title: str, artist: str, path: str, mbid: str
) -> None:
    song = replace(SONG, title=title, artist=artist, path=path, recording_mbid=mbid)
    _, _, *lines = as_m3u8(_of(song, title=title)).splitlines()
    assert len(lines) == 2 * (safe_path(path) is not None)
    if lines:
        assert lines[0].startswith("#EXTINF:61,")
        _stays_inside(lines[1])


@given(title=texts, artist=texts, path=paths, mbid=texts)
def test_jspf_and_xspf_hold_the_same_and_lead_nowhere(title: str, artist: str, path: str, mbid: str) -> None:
    song = replace(SONG, title=title, artist=artist, album=title, path=path, recording_mbid=mbid)
    written = as_jspf(_of(song, title=title))
    (track,) = json.loads(written)["playlist"]["track"]
    (found,) = ElementTree.fromstring(as_xspf(_of(song, title=title)))[-1]
    said = {part.tag.rpartition("}")[2]: part.text for part in found}
    assert said == {
        name: str(value[0] if isinstance(value, list) else value) for name, value in track.items()
    }
    assert not any(ord(letter) < 32 for value in said.values() for letter in str(value))
    assert "identifier" not in said
    if "location" in said:
        parts = urlsplit(said["location"])
        assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == ("", "", "", "")
        _stays_inside(unquote(parts.path))


def _stays_inside(path: str) -> None:
    assert path.startswith("./")
    assert ".." not in PurePosixPath(path.replace("\\", "/")).parts
