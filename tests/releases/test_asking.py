"""Answers from what is served, against plain numpy; never from two releases at once."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from numpy.testing import assert_allclose

from earshot import releases
from earshot.cli import new_songs
from earshot.cli.new_songs import show_new_songs
from earshot.errors import UserError
from earshot.lanes.status import read_status
from earshot.queries import answers, search
from earshot.queries.served import read_served
from earshot.queries.wishes import Wish
from tests.releases.tiny_workspace import UNHEARD, WITHDRAWN, Repository, World


def served_vectors(repository: Repository) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Of users and of songs, by id."""
    folder = repository.root / "data" / "served_factors"
    users, songs = (repository.read(f"served_factors/{name}.parquet") for name in ("users", "items"))
    return (
        dict(zip(users["user_id"], np.load(folder / "user_factors.npy"), strict=True)),
        dict(zip(songs["song_id"], np.load(folder / "item_factors.npy"), strict=True)),
    )


def test_recommend_lists_the_best_of_what_was_not_played(first_release: Repository) -> None:
    world, (users, songs) = World(), served_vectors(first_release)
    rows = json.loads(first_release.earshot("recommend", "u007", "-k", "5", "--json"))
    played = set(world.song_ids[world.played[7]])
    scores = {song: float(users["u007"] @ vector) for song, vector in songs.items()}
    left = [song for song in scores if song not in played and song != WITHDRAWN]
    assert [row["song_id"] for row in rows] == sorted(left, key=lambda song: -scores[song])[:5]
    assert [row["score"] for row in rows] == pytest.approx([scores[row["song_id"]] for row in rows], rel=1e-5)
    assert {row["release"] for row in rows} == {first_release.pointer()["release"]}
    assert rows[0]["title"] == f"Title {rows[0]['song_id']}"
    assert first_release.earshot("recommend", "u007").split()[:3] == ["rank", "song_id", "title"]


def test_only_songs_that_nobody_has_played_where_they_are_asked_for(first_release: Repository) -> None:
    """Whether or not the list of the listener has any."""
    users, songs = served_vectors(first_release)
    rows = json.loads(first_release.earshot("recommend", "u007", "--new", "--json"))
    scores = {song: float(users["u007"] @ songs[song]) for song in World().song_ids[list(UNHEARD)]}
    assert [row["song_id"] for row in rows] == sorted(scores, key=lambda song: -scores[song])
    whole = json.loads(first_release.earshot("recommend", "u007", "-k", "100", "--json"))
    listed = {row["song_id"]: row for row in whole}
    assert rows == [
        {**listed[row["song_id"]], "rank": rank} if row["song_id"] in listed else row
        for rank, row in enumerate(rows, start=1)
    ]
    assert len(json.loads(first_release.earshot("recommend", "u007", "--new", "-k", "2", "--json"))) == 2
    with pytest.raises(UserError, match="user 'nobody' has no plays in what is served"):
        answers.recommend_among(read_served(first_release.root), "nobody", 3, Wish(new=True))


def test_the_first_thing_shown_is_a_new_song_and_who_would_like_it(
    first_release: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    world, (users, songs) = World(), served_vectors(first_release)
    new = world.song_ids[list(UNHEARD)].tolist()
    show_new_songs(first_release.root)
    _, counted, named, liked, best = capsys.readouterr().out.splitlines()
    song = named.split(",")[0].strip()
    assert counted.startswith(f"{len(new)} songs that nobody has played")
    assert song in new
    likers = sorted(users, key=lambda user: -float(users[user] @ songs[song]))[:3]
    assert liked == f"  would please {', '.join(likers)} (`earshot listeners {song}`)"
    wanted = sorted(new, key=lambda other: -float(users[likers[0]] @ songs[other]))[:3]
    shown = best.removeprefix(f"  new for {likers[0]}: ").removesuffix(
        f" (`earshot recommend {likers[0]} --new`)"
    )
    assert [each.split(",")[0] for each in shown.split("; ")] == wanted


def test_without_new_songs_the_line_that_brings_some(
    first_release: Repository, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(new_songs, "_new_songs", lambda _: [])
    show_new_songs(first_release.root)
    assert capsys.readouterr().out == ""  # no demo is there
    (first_release.root / new_songs.DEMO).mkdir(parents=True)
    show_new_songs(first_release.root)
    assert capsys.readouterr().out.endswith("`earshot onboard demo/new-songs`\n")


def test_similar_lists_the_nearest_songs(first_release: Repository) -> None:
    _, songs = served_vectors(first_release)
    rows = answers.similar(read_served(first_release.root), "s000", 4)
    unit = {song: vector / np.linalg.norm(vector) for song, vector in songs.items()}
    cosines = {song: float(unit["s000"] @ vector) for song, vector in unit.items()}
    others = [song for song in cosines if song not in ("s000", WITHDRAWN)]
    assert [row["song_id"] for row in rows] == sorted(others, key=lambda song: -cosines[song])[:4]
    assert [row["cosine"] for row in rows] == pytest.approx(
        [cosines[row["song_id"]] for row in rows], abs=1e-6
    )


def test_listeners_lists_who_has_not_played_it(first_release: Repository) -> None:
    world, (users, songs) = World(), served_vectors(first_release)
    rows = answers.listeners(read_served(first_release.root), "s010", 6)
    have = set(world.user_ids[world.played[:, 10]])
    scores = {user: float(vector @ songs["s010"]) for user, vector in users.items() if user not in have}
    assert [row["user_id"] for row in rows] == sorted(scores, key=lambda user: -scores[user])[:6]


def test_a_candidate_is_looked_at_without_being_served(first_release: Repository) -> None:
    """Where nothing is released it is the way to hear what was refused."""
    predicted = np.load(first_release.root / "data" / "predicted_factors" / "item_factors.npy")
    unit = predicted / np.linalg.norm(predicted, axis=1, keepdims=True)
    song_ids = first_release.read("predicted_factors/items.parquet")["song_id"].tolist()
    cosines = dict(zip(song_ids, unit @ unit[song_ids.index("s010")], strict=True))
    others = [song for song in song_ids if song not in ("s010", WITHDRAWN)]
    rows = json.loads(first_release.earshot("similar", "s010", "-k", "4", "--candidate", "--json"))
    assert [row["song_id"] for row in rows] == sorted(others, key=lambda song: -cosines[song])[:4]
    world = World()
    likers = json.loads(first_release.earshot("listeners", "s010", "--candidate", "--json"))
    assert len(likers) == 10
    assert not {row["user_id"] for row in likers} & set(world.user_ids[world.played[:, 10]])


def test_errors_name_what_was_wanted(first_release: Repository) -> None:
    for arguments, told in (
        (("recommend", "x"), r"user 'x' has no plays .* one of data/play_counts/users\.parquet"),
        (("similar", "x"), r"'x' is neither a song_id of .*items\.parquet nor a file: there is no /"),
        (("listeners", "x"), "song 'x' is not served"),
        (("similar", "params.yaml"), "hears hyper-images of feature key key-1, params.yaml makes"),
    ):
        with pytest.raises(UserError, match=told):
            first_release.earshot(*arguments)


def test_answers_are_of_one_release_whatever_stands_half_way(replaced: Repository) -> None:
    def asked() -> set[str]:
        served = read_served(replaced.root)
        return {
            row["release"]
            for row in (*answers.recommend(served, "u001", 9), *answers.similar(served, "s001", 9))
        }

    second, first = replaced.pointer()["release"], replaced.pointer()["previous"]
    before = read_served(replaced.root)
    releases.roll_back(replaced.root)
    assert asked() == {second}  # the pointer has moved, what is served has not
    shutil.rmtree(replaced.root / "data" / "served_factors")  # as DVC does before the stage runs
    assert asked() == {second}
    replaced.repro("--single-item", "served_factors")
    with pytest.raises(
        UserError, match=f"served_factors is of release {first}, data/recommendations of {second}"
    ):
        asked()
    assert {row["release"] for row in answers.similar(before, "s001", 9)} == {second}
    replaced.repro("--single-item", "recommendations")
    assert asked() == {first}


def test_the_best_of_a_genre_with_few_of_an_artist(first_release: Repository) -> None:
    """By score alone, none that was played; the genre in any case, as one of several."""
    world, (users, songs) = World(), served_vectors(first_release)
    table = world.songs().set_index("song_id")
    played = {*world.song_ids[world.played[7]], WITHDRAWN}
    jazz = [song for song in table.index if "jazz" in table.at[song, "genres"] and song not in played]
    scores = {song: float(users["u007"] @ songs[song]) for song in jazz}
    best = sorted(scores, key=lambda song: -scores[song])
    wish = Wish(genre="JAZZ")
    served = read_served(first_release.root)
    assert [row["song_id"] for row in answers.recommend_among(served, "u007", 5, wish)] == best[:5]
    taken: list[str] = []
    for song in best:
        if [table.at[other, "artist_id"] for other in taken].count(table.at[song, "artist_id"]) < 2:
            taken.append(song)
    rows = json.loads(
        first_release.earshot("recommend", "u007", "--genre", "jazz", "--max-per-artist", "2", "--json")
    )
    assert [row["song_id"] for row in rows] == taken[:10]
    with pytest.raises(UserError, match=r"genre='polka' must be one of jazz, rare, rock"):
        answers.recommend_among(served, "u007", 5, Wish(genre="polka"))


def test_a_list_for_two_of_songs_that_few_know(first_release: Repository) -> None:
    """Each one's scores count by their own spread; what either has played is left out."""
    world, (users, songs) = World(), served_vectors(first_release)
    played = world.played[7] | world.played[11]
    left_out = {*world.song_ids[played], WITHDRAWN}
    listed = [song for song in songs if song != WITHDRAWN]
    matrix = np.array([songs[song] for song in listed], dtype=np.float64)
    spread = {user: (matrix @ users[user]).std() for user in ("u007", "u011")}
    scores = {
        song: np.mean([users[user] @ songs[song] / spread[user] for user in spread])
        for song in listed
        if song not in left_out
    }
    best = sorted(scores, key=lambda song: -scores[song])
    rows = json.loads(first_release.earshot("recommend", "u007", "--with", "u011", "-k", "8", "--json"))
    assert [row["song_id"] for row in rows] == best[:8]
    assert_allclose([row["score"] for row in rows], [scores[song] for song in best[:8]], rtol=1e-5)

    listeners = dict(zip(world.song_ids, world.played.sum(axis=0), strict=True))
    middle = np.median([listeners[song] for song in world.song_ids[played] if song in songs])
    little = [song for song in best if listeners[song] < middle]
    asked = ("recommend", "u007", "--with", "u011", "--less-famous", "-k", "8", "--json")
    assert [row["song_id"] for row in json.loads(first_release.earshot(*asked))] == little[:8]
    with pytest.raises(UserError, match=r"no play in .* is dated"):
        first_release.earshot("recommend", "u007", "--again-after", "90")
    with pytest.raises(UserError, match="user 'nobody' has no plays"):
        first_release.earshot("recommend", "u007", "--with", "nobody")


def test_songs_and_listeners_are_found_by_what_one_remembers(first_release: Repository) -> None:
    world, served = World(), read_served(first_release.root)
    heard = {song: int(world.played[:, n].sum()) for n, song in enumerate(world.song_ids)}
    rows = search.songs(served, "TITLE s01", 100)
    assert {row["song_id"] for row in rows} == {song for song in world.song_ids if song.startswith("s01")}
    assert [row["n_listeners"] for row in rows] == sorted(
        (heard[row["song_id"]] for row in rows), reverse=True
    )
    assert WITHDRAWN not in {row["song_id"] for row in search.songs(served, "", 1000)}
    assert search.songs(served, "no such thing", 5) == []
    found = json.loads(first_release.earshot("users", "U00", "-k", "3", "--json"))
    songs_of = {user: int(row.sum()) for user, row in zip(world.user_ids, world.played, strict=True)}
    best = sorted((user for user in world.user_ids if "u00" in user), key=lambda user: -songs_of[user])
    assert [row["songs"] for row in found] == [songs_of[user] for user in best[:3]]


def test_the_status_says_what_is_to_be_done(repository: Repository) -> None:
    status = read_status(repository.root)
    assert status.release == repository.pointer()["release"]
    assert (status.running, status.waiting, status.rejected) == ({}, [], {})
    assert "released" in status.last_decision
    (repository.root / "data" / "inbox" / "late").mkdir(parents=True)
    (repository.root / "data" / "inbox" / "late" / "plays.csv").write_text("user_id,song_id\nu1,s1\n")
    (repository.root / "data" / "inbox" / "late" / "_SUCCESS").touch()
    status = read_status(repository.root)
    assert status.waiting == ["late"]
    assert "1 waiting in data/inbox/: `earshot onboard` takes them in" in status.to_do
    with pytest.raises(UserError, match="no workspace of earshot"):
        read_status(repository.root / "data")


def test_what_commands_print_comes_as_json_too(second_release: Repository) -> None:
    listed = json.loads(second_release.earshot("release", "list", "--json"))
    assert [(row["number"], row["kind"], row["served"]) for row in listed] == [
        (1, "released", False),
        (2, "released", True),
    ]
    assert listed[1]["release"] == second_release.pointer()["release"]
    assert json.loads(second_release.earshot("release", "show", listed[0]["release"]))["served"] is False
    assert json.loads(second_release.earshot("verify", listed[1]["release"], "--json"))["problems"] == []
    assert json.loads(second_release.earshot("trace", listed[1]["release"], "--json"))
    assert json.loads(second_release.earshot("key", "list", "--json")) == []
    assert json.loads(second_release.earshot("status", "--json"))["release"]
