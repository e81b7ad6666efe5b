"""Players at `/rest`: a real client, the protocol's schemas, XML against JSON, and what is refused."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import httpx
import pytest
from libopensonic import Connection
from libopensonic.errors import DataNotFoundError, SonicError

from earshot.lanes.journal import JOURNAL
from earshot.queries.sonic import Sonic
from earshot.serve.app import Server, make_server
from earshot.serve.rest.wire import NAMESPACE
from earshot.serve.safety import Settings
from tests.releases.tiny_workspace import HEARD, PROJECT, UNHEARD, WITHDRAWN
from tests.serve.serving import serving
from tests.serve.test_embedded_pictures import PNG, with_picture

SCHEMAS = PROJECT.parent / "shared" / "opensubsonic" / "openapi"
LISTENER, OTHER = "u007", "u008"
PLAYED = 1_700_000_000_000

CALLS: dict[str, dict[str, Any]] = {
    "ping": {},
    "getOpenSubsonicExtensions": {},
    "getMusicFolders": {},
    "getArtists": {},
    "getArtist": {"id": "ARTIST"},
    "getAlbum": {"id": "ALBUM"},
    "getAlbumList2": {"type": "alphabeticalByArtist", "size": 5, "offset": 2},
    "search3": {"query": "artist a01", "songCount": 3},
    "getSong": {"id": "s000"},
    "getRandomSongs": {"size": 500},
    "getTopSongs": {"artist": "artist A01"},
    "getSonicSimilarTracks": {"id": "s000", "count": 4},
    "findSonicPath": {"startSongId": "s000", "endSongId": "s040", "count": 6},
    "getSimilarSongs": {"id": "s092", "count": 3},
    "getSimilarSongs2": {"id": "ARTIST", "count": 3},
    "getPlaylists": {},
    "getPlaylist": {"id": "PLAYLIST"},
    "createPlaylist": {"playlistId": "PLAYLIST", "songId": ["s005", "s000"]},
    "star": {"id": "s001"},
    "unstar": {"id": "s001"},
    "scrobble": {"id": ["s001", "s002"], "time": [PLAYED, PLAYED + 1]},
}


@dataclass(frozen=True)
class Player:
    """A server and somebody with a player: the listener `LISTENER`."""

    server: Server
    http: httpx.Client
    key: str
    named: Mapping[str, str]

    def ask(self, call: str, as_format: str = "json", **parameters: Any) -> httpx.Response:
        given = {
            name: self.named.get(value, value) if isinstance(value, str) else value
            for name, value in parameters.items()
        }
        return self.http.get(f"/rest/{call}", params={"apiKey": self.key, "f": as_format, **given})

    def content(self, call: str, **parameters: Any) -> dict[str, Any]:
        found: dict[str, Any] = self.ask(call, **parameters).json()["subsonic-response"]
        return found

    def error(self, call: str, **parameters: Any) -> tuple[int, str]:
        answer = self.ask(call, **parameters)
        assert answer.status_code == 200
        error = answer.json()["subsonic-response"]["error"]
        return error["code"], error["message"]


@pytest.fixture(scope="module")
def player(own_world: Path) -> Iterator[Player]:
    server = make_server(own_world, Settings(rate=1e6, burst=1e6))
    key = server.keys.add("phone", "listener", LISTENER)
    with serving(server.app, lifespan="on") as http:
        first = Player(server, http, key, {})
        artists = first.content("getArtists")["artists"]["index"]
        (artist,) = [each for letter in artists for each in letter["artist"] if each["name"] == "Artist a01"]
        (album,) = first.content("getArtist", id=artist["id"])["artist"]["album"]
        playlist = first.content("createPlaylist", name="mine", songId=["s000", "s004"])["playlist"]
        named = {"ARTIST": artist["id"], "ALBUM": album["id"], "PLAYLIST": playlist["id"]}
        yield Player(server, http, key, named)


@contextmanager
def connected(player: Player, **who: Any) -> Iterator[Connection]:
    """py-opensonic, which sends all in forms."""
    address = urlsplit(str(player.http.base_url))
    found = Connection(f"http://{address.hostname}", port=address.port or 80, **who)
    yield found
    found.cleanup()
    found._loop.close()  # which it leaves open


@pytest.fixture
def client(player: Player) -> Iterator[Connection]:
    with connected(player, api_key=player.key) as found:
        yield found


def test_a_player_finds_its_way(player: Player, client: Connection, own_world: Path) -> None:
    assert client.ping()
    extensions = {each.name for each in client.get_open_subsonic_extensions()}
    assert extensions == {"apiKeyAuthentication", "formPost", "sonicSimilarity", "topSongsByArtistId"}
    (folder,) = player.content("getMusicFolders")["musicFolders"][
        "musicFolder"
    ]  # the client fails at its own
    assert folder == {"id": 0, "name": "earshot"}
    assert sum(len(index.artist) for index in client.get_artists().index) == 48
    assert len(client.get_album_list2("alphabeticalByName", size=500)) == 48
    found = client.search3("title S010")
    assert [song.title for song in found.song] == ["Title s010"]
    song = client.get_song("s000")
    assert (song.title, song.artist, song.genre, song.suffix) == ("Title s000", "Artist a00", "rock", "wav")
    delivered = (own_world / HEARD).read_bytes()
    assert player.ask("stream", id="s000").content == delivered
    part = player.http.get(
        "/rest/stream", params={"apiKey": player.key, "id": "s000"}, headers={"Range": "bytes=10-19"}
    )
    assert (part.status_code, part.content) == (206, delivered[10:20])
    assert player.ask("getCoverArt", id="s092").content.startswith(b"\x89PNG")
    assert {song.id for song in client.get_top_songs("Artist a01")} == {"s002"}  # s003 is withdrawn
    assert len(client.get_random_songs(size=7)) == 7
    assert len(client.get_similar_songs("s000", count=5)) == 5
    assert len(client.get_similar_songs2("s000", count=5)) == 5


@pytest.mark.soak
@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_the_client_of_npm(player: Player, own_world: Path, tmp_path: Path) -> None:
    """The package subsonic-api, of which nothing is kept here."""
    shutil.copy(Path(__file__).with_name("npm_client.mjs"), tmp_path)
    subprocess.run(
        ["npm", "install", "--prefix", tmp_path, "subsonic-api@3.3.1"], check=True, capture_output=True
    )
    command = ["node", "npm_client.mjs", str(player.http.base_url), player.key]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert (found["ping"], found["scrobbled"], found["starred"]) == ("ok", "ok", ["ok", "ok"])
    assert "sonicSimilarity" in found["extensions"]
    assert (found["artists"], found["albums"], found["random"]) == (48, 48, 7)
    assert (found["song"]["title"], found["song"]["suffix"]) == ("Title s000", "wav")
    assert found["search"] == ["Title s010"]
    assert set(found["top"]) == {"s002"}
    assert (len(found["similar"]), found["similar2"]) == (5, 5)
    assert found["playlist"] == ["s020", "s010"]
    assert found["bytes"] == (own_world / HEARD).stat().st_size
    assert found["cover"] == "image/png"
    assert found["album"]


def test_stars_and_playlists_are_the_listeners_own(player: Player, client: Connection) -> None:
    client.star(sids=["s020"])
    assert client.get_song("s020").starred
    client.create_playlist(name="evening", song_ids=["s020", "s010"])
    (made,) = [each for each in client.get_playlists() if each.name == "evening"]
    assert [song.id for song in client.get_playlist(made.id).entry] == ["s020", "s010"]
    client.create_playlist(playlist_id=made.id, song_ids=["s030"])
    assert [song.id for song in client.get_playlist(made.id).entry] == ["s030"]
    other = {"apiKey": player.server.keys.add("other", "listener", OTHER)}
    assert "starred" not in player.content("getSong", id="s020", **other)["song"]
    assert player.content("getPlaylists", **other)["playlists"] == {"playlist": []}
    for call in ({"call": "getPlaylist", "id": made.id}, {"call": "createPlaylist", "playlistId": made.id}):
        assert player.error(**call, **other)[0] == 70
    client.unstar(sids=["s020"])
    assert not client.get_song("s020").starred


def test_what_sounds_alike_and_the_way_between(player: Player) -> None:
    found = player.content("getSonicSimilarTracks", id="s000", count=5)["sonicMatch"]
    similarities = [match["similarity"] for match in found]
    assert similarities == sorted(similarities, reverse=True)
    assert {match["entry"]["id"] for match in found}.isdisjoint({"s000", WITHDRAWN})
    path = player.content("findSonicPath", startSongId="s000", endSongId="s040", count=8)["sonicMatch"]
    assert [path[0]["entry"]["id"], path[-1]["entry"]["id"]] == ["s000", "s040"]
    assert path[0]["similarity"] == 1
    assert 2 <= len(path) <= 8

    def alike(one: str, other: str) -> float:
        every = player.content("getSonicSimilarTracks", id=one, count=500)["sonicMatch"]
        (found,) = [match["similarity"] for match in every if match["entry"]["id"] == other]
        assert isinstance(found, float)
        return found

    songs = [match["entry"]["id"] for match in path]
    steps = [alike(one, other) for one, other in pairwise(songs)]
    assert min(steps) >= alike("s000", "s040") - 1e-6
    assert [match["similarity"] for match in path[1:]] == pytest.approx(
        [alike("s000", song) for song in songs[1:]], abs=1e-6
    )
    never_played = f"s{UNHEARD[0]:03d}"
    assert len(player.content("getSonicSimilarTracks", id=never_played, count=1)["sonicMatch"]) == 1
    assert player.error("findSonicPath", startSongId="s000", endSongId=WITHDRAWN)[0] == 70


def test_a_song_without_a_sound_or_a_place_is_told_so(player: Player) -> None:
    """Never answered by its names instead."""
    snapshot = player.server.live.snapshot()
    sounds = snapshot.kept(Sonic.of).sounds
    assert sounds is not None
    row = snapshot.song_row("s050")
    place, sounds.places[row] = int(sounds.places[row]), -1
    rows = snapshot._song_rows
    served = rows.pop("s051")
    try:
        assert player.error("getSonicSimilarTracks", id="s050") == (
            70,
            "song 's050' was not heard, so nothing is known of its sound",
        )
        assert player.error("findSonicPath", startSongId="s000", endSongId="s050")[0] == 70
        assert player.error("getSimilarSongs2", id="s051")[0] == 70
    finally:
        sounds.places[row], rows["s051"] = place, served


@pytest.mark.skipif(not SCHEMAS.is_dir(), reason="the protocol's schemas are not there")
@pytest.mark.parametrize("call", CALLS)
def test_json_is_as_the_schemas_say(player: Player, call: str) -> None:
    from jsonschema import Draft7Validator
    from referencing import Registry, Resource
    from referencing.jsonschema import DRAFT7

    def read(uri: str) -> Resource[Any]:
        return Resource(json.loads(Path(urlsplit(uri).path).read_text()), DRAFT7)

    endpoint = SCHEMAS / "endpoints" / f"{call}.json"
    answered = json.loads(endpoint.read_text())["get"]["responses"]["200"]
    base = endpoint
    if "$ref" in answered:
        base = (endpoint.parent / answered["$ref"]).resolve()
        answered = json.loads(base.read_text())
    schema = (base.parent / answered["content"]["application/json"]["schema"]["$ref"]).resolve().as_uri()
    validator = Draft7Validator({"$ref": schema}, registry=Registry(retrieve=read))
    for answer in (player.ask(call, **CALLS[call]).json(), player.ask(call, apiKey="wrong").json()):
        validator.validate(answer)
    assert player.content(call, **CALLS[call])["status"] == "ok"


@pytest.mark.parametrize("call", CALLS)
def test_xml_says_what_json_does(player: Player, call: str) -> None:
    content = player.content(call, **CALLS[call])
    answer = player.ask(call, "xml", **CALLS[call])
    assert answer.headers["content-type"] == "application/xml"
    root = ElementTree.fromstring(answer.content)
    assert root.tag == f"{{{NAMESPACE}}}subsonic-response"
    if call == "getRandomSongs":
        content["randomSongs"]["song"].sort(key=lambda song: song["id"])
        root[0][:] = sorted(root[0], key=lambda song: song.attrib["id"])
    if call == "createPlaylist":  # each of the two changed it
        del content["playlist"]["changed"], root[0].attrib["changed"]
    assert _as_json(root, content) == content


def _as_json(element: ElementTree.Element, wanted: Any) -> Any:
    """What an element says, with lists and kinds of numbers where `wanted` has them."""
    if not isinstance(wanted, dict):
        assert element.text is not None
        return type(wanted)(element.text)
    found: dict[str, Any] = {}
    for name, value in wanted.items():
        parts = [each for each in element if each.tag == f"{{{NAMESPACE}}}{name}"]
        if isinstance(value, list):
            assert len(parts) == len(value), name
            found[name] = [_as_json(part, each) for part, each in zip(parts, value, strict=True)]
        elif isinstance(value, dict):
            (part,) = parts
            found[name] = _as_json(part, value)
        elif isinstance(value, bool):
            found[name] = {"true": True, "false": False}[element.attrib[name]]
        else:
            found[name] = type(value)(element.attrib[name])
    assert set(element.attrib) <= set(wanted)
    assert {each.tag.rpartition("}")[2] for each in element} <= set(wanted)
    return found


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("name", ["ping", "ping.view"])
def test_a_key_is_seen_wherever_it_is_sent(player: Player, method: str, name: str) -> None:
    hexadecimal = "enc:" + player.key.encode().hex()
    ways: list[tuple[dict[str, str], int | None]] = [
        ({"apiKey": player.key}, None),
        ({"u": "anybody", "p": player.key}, None),
        ({"u": "anybody", "p": hexadecimal}, None),
        ({"apiKey": "wrong"}, 44),
        ({"u": "anybody", "p": "wrong"}, 40),
        ({"u": "anybody", "p": "enc:xyz"}, 40),
        ({"u": "anybody", "p": ""}, 40),
        ({"u": "anybody", "t": "0" * 32, "s": "salt"}, 42),
        ({"u": "anybody", "p": player.key, "t": "0" * 32, "s": "salt"}, 42),
        ({"apiKey": player.key, "u": "anybody"}, 43),
        ({"u": "anybody"}, 10),
    ]
    for sent, code in ways:
        given = {"f": "json", **sent}
        where = {"params": given} if method == "GET" else {"data": given}
        answer = player.http.request(method, f"/rest/{name}", **where)  # type: ignore[arg-type]
        error = answer.json()["subsonic-response"].get("error", {})
        assert (answer.status_code, error.get("code")) == (200, code), sent
        assert player.key not in answer.text
        if code == 42:
            assert "apiKey" in error["message"]


def test_a_form_is_read_once_for_its_key_and_once_for_what_it_asks(player: Player) -> None:
    """In whatever pieces it comes, and no more of it than is allowed."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    text = f"f=json&id=s000&apiKey={player.key}"
    for size in (1, 7, 1000):
        pieces = (text[start : start + size].encode() for start in range(0, len(text), size))
        answer = player.http.post("/rest/getSong", content=pieces, headers=form)
        assert answer.json()["subsonic-response"]["song"]["id"] == "s000"
    too_long = f"{text}&comment=".encode() + bytes(2 << 20)
    assert player.http.post("/rest/getSong", content=too_long, headers=form).status_code == 413
    pieces = (piece for piece in (text.encode(), b"&comment=", bytes(2 << 20), b"more"))
    assert player.http.post("/rest/getSong", content=pieces, headers=form).status_code == 413
    assert player.http.post("/rest/getSong", content="&a=b" * 10_001, headers=form).status_code == 413


def test_without_a_key_one_may_read_here_and_change_nothing(player: Player) -> None:
    """On loopback; who is reached by others asks for one always."""
    for call, parameters in CALLS.items():
        given = {
            "f": "json",
            **parameters,
            "id": player.named.get(str(parameters.get("id")), parameters.get("id")),
        }
        answer = player.http.get(f"/rest/{call}", params={k: v for k, v in given.items() if v is not None})
        changes = call in ("star", "unstar", "scrobble", "createPlaylist", "getPlaylist")
        error = answer.json()["subsonic-response"].get("error", {})
        assert error.get("code") == (10 if changes else None), call
    operator = player.server.keys.add("operator", "operator")
    assert player.error("scrobble", id="s000", apiKey=operator)[0] == 50
    exposed = make_server(player.server.live.root, Settings(exposed=True))
    with serving(exposed.app, lifespan="on") as http:
        for call, code in (("ping", 10), ("getOpenSubsonicExtensions", None), ("getSong?id=s000", 10)):
            path = f"/rest/{call}{'&' if '?' in call else '?'}f=json"
            assert http.get(path).json()["subsonic-response"].get("error", {}).get("code") == code
        assert http.get("/rest/ping", params={"u": "x", "p": player.key}).status_code == 200


def test_plays_are_kept_once_and_only_good_ones(player: Player, own_world: Path) -> None:
    journal = own_world / JOURNAL

    def kept() -> int:
        return len(journal.read_bytes().splitlines())

    assert player.content("scrobble", id="s060", time=PLAYED)["status"] == "ok"
    before = kept()
    assert (journal.stat().st_mode & 0o777, json.loads(journal.read_bytes().splitlines()[-1])) == (
        0o600,
        {"user": LISTENER, "song": "s060", "kind": "play", "time": PLAYED},
    )
    assert player.content("scrobble", id="s060", time=PLAYED)["status"] == "ok"  # sent again
    assert player.content("scrobble", id="s060", submission="false")["status"] == "ok"
    for bad, code in [
        ({"id": "nobody"}, 70),
        ({"id": ["s060", "nobody"], "time": [PLAYED + 5, PLAYED + 6]}, 70),
        ({"id": "s060", "time": 9_999_999_999_999}, 0),
        ({"id": "s060", "time": 946_684_799_999}, 0),
        ({"id": "s060", "time": "yesterday"}, 0),
        ({"id": ["s060", "s061"], "time": PLAYED + 5}, 0),
        ({}, 10),
    ]:
        assert player.error("scrobble", **bad)[0] == code, bad
    assert kept() == before


def test_what_is_no_question_is_an_error_of_the_protocol(player: Player) -> None:
    assert player.error("getSong")[0] == 10
    assert player.error("getSong", id="nobody")[0] == 70
    assert player.error("getSong", id=WITHDRAWN)[0] == 70
    assert player.error("stream", id="s001") == (70, "the song has no file that a browser plays")
    assert player.error("stream", id="../../dvc.lock")[0] == 70
    assert player.error("getAlbumList2", type="byMood")[0] == 0
    assert player.error("getAlbumList2", type="newest", size="-1")[0] == 0
    assert player.error("star", albumId="ALBUM", id="s000")[0] == 0
    jsonp = player.http.get("/rest/getSong", params={"f": "jsonp", "callback": "alert", "id": "s000"})
    assert jsonp.headers["content-type"] == "application/json"
    assert jsonp.json()["subsonic-response"]["error"]["code"] == 0
    unknown = player.ask("startScan")
    assert (unknown.status_code, unknown.json()["subsonic-response"]["status"]) == (404, "failed")
    elsewhere = player.http.get("/rest/ping", headers={"Origin": "http://evil.example"})
    assert elsewhere.status_code == 403


def test_a_wrong_password_is_told_to_a_real_player(player: Player) -> None:
    with connected(player, username="ada", password=player.key, legacy_auth=True) as legacy:
        assert legacy.ping()
        with pytest.raises(DataNotFoundError):
            legacy.get_song("nobody")
    with (
        connected(player, username="ada", password=player.key) as token,
        pytest.raises(SonicError, match="apiKey"),
    ):
        token.get_song("s000")


def test_a_picture_in_the_file_comes_before_that_of_the_sound(player: Player, own_world: Path) -> None:
    file = own_world / "data" / "deliveries" / "music" / "audio" / "cover.mp3"
    file.write_bytes(with_picture(PNG))
    recordings = player.server.live.snapshot().recordings
    recordings.loc["s002", "audio"] = str(file.relative_to(own_world))
    answers = [player.ask("getCoverArt", id=name) for name in ("s002", "ALBUM", "ARTIST")]
    assert [(each.headers["content-type"], each.content) for each in answers] == [("image/png", PNG)] * 3
    shutil.copy(own_world / HEARD, file)  # no picture in it
    assert player.ask("getCoverArt", id="s002").content != PNG
    assert player.error("getCoverArt", id="nobody")[0] == 70


def test_programs_say_more_of_songs(player: Player, own_world: Path) -> None:
    def say(key: str | None, **wanted: str) -> int:
        headers = {} if key is None else {"X-Api-Key": key}
        return player.http.post("/api/v1/feedback", json=wanted, headers=headers).status_code

    operator = player.server.keys.add("desk", "operator")
    assert say(None, song="s000", kind="exclude", user=LISTENER) == 401
    assert say(player.key, song="s000", kind="exclude", user=OTHER) == 403
    assert say(player.key, song="nobody", kind="exclude") == 404
    assert say(player.key, song="s000", kind="play") == 422
    assert say(operator, song="s000", kind="exclude") == 422
    assert say(operator, song="s070", kind="dislike", user="u\n1") == 422
    assert say(player.key, song="s070", kind="exclude") == 204
    assert say(operator, song="s071", kind="dislike", user=OTHER) == 204
    lines = [json.loads(line) for line in (own_world / JOURNAL).read_bytes().splitlines()[-2:]]
    assert [(line["user"], line["song"], line["kind"]) for line in lines] == [
        (LISTENER, "s070", "exclude"),
        (OTHER, "s071", "dislike"),
    ]
