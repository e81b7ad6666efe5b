"""New arrivals, against a slow count over all lists and plays; what is shown to whom."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable
from io import BytesIO, StringIO

import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient

from earshot.queries.arrivals import ALIKE, ArrivedSongs
from earshot.queries.served import read_served
from earshot.queries.words import Words
from earshot.serve.app import Server
from earshot.serve.snapshot import take_snapshot
from tests.releases.tiny_workspace import UNHEARD, WITHDRAWN, Repository, World

NEW = [f"s{n:03d}" for n in UNHEARD]


def test_who_would_like_a_song_is_counted_over_all_lists_and_plays(first_release: Repository) -> None:
    """Of every song, played or not."""
    world, served = World(), take_snapshot(first_release.root)
    lists = first_release.read("recommendations/recommendations.parquet")
    genres = dict(zip(world.song_ids, world.songs()["genres"].str.split(";"), strict=True))
    users = served.vectors("user_factors.npy").astype(np.float64)
    items = served.vectors("item_factors.npy").astype(np.float64)
    last = lists.groupby("user_id")["score"].min()
    favourites = [
        _favourite(served.by_genre, [genres[song] for song in world.song_ids[played] if song != WITHDRAWN])
        for played in world.played
    ]
    found = ArrivedSongs(served).audiences(np.arange(len(items)))
    for row, audience in enumerate(found):
        number = int(served.song_ids[row][1:])
        likes = [
            int(user[1:])
            for n, user in enumerate(served.user_ids)
            if np.float32(items[row] @ users[n]) >= last[user]
        ]
        # artists have two songs, one after another
        of_artist = world.played[:, number // 2 * 2 : number // 2 * 2 + 2].any(axis=1)
        assert (audience.listeners, audience.of) == (len(likes), len(users))
        assert audience.fans == of_artist[likes].sum()
        most = Counter(favourites[n] for n in likes)
        assert dict(audience.genres) == {name: most[name] for name, _ in audience.genres}
        assert sorted(dict(audience.genres).values()) == sorted(n for _, n in most.most_common(3))
    in_lists = Counter(lists["song_id"])
    assert all(found[served.song_row(song) or 0].listeners == in_lists[song] for song in NEW)

    song = max(NEW, key=lambda song: in_lists[song])
    dislike = lists.loc[lists["song_id"] == song, "user_id"][:2]
    vars(served)["words"] = Words({}, {song: np.flatnonzero(np.isin(served.user_ids.astype(str), dislike))})
    (audience,) = ArrivedSongs(served).audiences(np.array([served.song_row(song)]))
    assert audience.listeners == in_lists[song] - 2


def _favourite(genres: Iterable[str], played: list[list[str]]) -> str:
    """The genre of most of some songs, the first of `genres` of several."""
    counts = Counter(name for song in played for name in song)
    return max(genres, key=lambda name: counts[name])


def test_a_state_in_memory_counts_as_one_on_disk(first_release: Repository) -> None:
    memory, disk = take_snapshot(first_release.root), read_served(first_release.root)
    np.testing.assert_array_equal(memory.last_scores, disk.last_scores)
    np.testing.assert_array_equal(memory.plays.toarray(), disk.plays.toarray())
    rows = memory.new_songs.rows
    assert ArrivedSongs(memory).describe(rows) == ArrivedSongs(disk).describe(rows)


def test_how_sure_and_what_is_near_are_of_songs_that_were_known(first_release: Repository) -> None:
    served = take_snapshot(first_release.root)
    trained = set(first_release.read("wmf_factors/items.parquet")["song_id"])
    vectors = served.vectors("item_factors.npy").astype(np.float64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    songs = ArrivedSongs(served).describe(served.new_songs.rows)
    assert [song.song_id for song in songs] == NEW
    for song in songs:
        cosines = pd.Series(vectors @ vectors[served.song_row(song.song_id) or 0], served.song_ids)
        assert song.alike == sum(cosines[each] >= ALIKE for each in trained)
        known = cosines.drop([*NEW, WITHDRAWN]).nlargest(3)
        assert [each["song_id"] for each in song.neighbours] == list(known.index)
        assert [each["cosine"] for each in song.neighbours] == pytest.approx(list(known), abs=1e-6)


def test_the_page_shows_what_is_new_with_ways_to_hear_it_and_texts_as_texts(
    own_client: TestClient, own_server: Server
) -> None:
    served = own_server.live.snapshot()
    served.columns["title"][served.song_row("s092") or 0] = "<script>alert(1)</script>"
    shown = own_client.get("/").text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert "<script>alert" not in shown
    for song in NEW:
        assert f'href="/song?song={song}"' in shown
        assert f'src="/media/picture?song={song}"' in shown
        assert f'name="song" value="{song}"' in shown
    assert "4 new songs" in shown
    assert "would like it" in shown
    assert "s000" not in _main(shown).split("Nearest")[0]
    assert own_client.get("/", params={"delivery": "music"}).text.count('<li>\n<img class="glance"') == 4
    assert own_client.get("/", params={"delivery": "<b>"}).status_code == 404
    assert own_client.get("/", params={"page": 9}).status_code == 200


def _main(page: str) -> str:
    return page.partition("<main")[2]


def test_the_table_of_a_page_as_a_file(client: TestClient) -> None:
    told, text, table = (
        client.get("/arrivals/export", params={"format": kind}) for kind in ("json", "csv", "parquet")
    )
    rows = told.json()["rows"]
    assert [row["song_id"] for row in rows] == NEW
    assert {row["would_like"] for row in rows} == {row["fans"] + row["not_fans"] for row in rows}
    lines = list(csv.DictReader(StringIO(text.text)))
    assert [int(line["would_like"]) for line in lines] == [row["would_like"] for row in rows]
    assert pd.read_parquet(BytesIO(table.content)).to_dict("records") == rows


def test_a_listener_is_told_nothing_of_others(own_client: TestClient, own_server: Server) -> None:
    key = own_server.keys.add("phone", "listener", "u007")
    headers = {"Authorization": f"Bearer {key}"}
    try:
        shown = own_client.get("/", headers=headers).text
        assert "Title s092" in shown
        assert "would like it" not in shown
        rows = own_client.get("/arrivals/export", params={"format": "json"}, headers=headers).json()["rows"]
        assert len(rows) == 4
        assert "would_like" not in rows[0]
    finally:
        own_server.keys.revoke("phone")


def test_where_nothing_is_new_the_page_says_what_to_do(own_client: TestClient, own_server: Server) -> None:
    served = own_server.live.snapshot()
    served.__dict__["new_songs"] = type(served.new_songs)(
        served.new_songs.vectors, served.new_songs.artists, np.empty(0, np.int64)
    )
    assert "earshot onboard FOLDER" in own_client.get("/").text
