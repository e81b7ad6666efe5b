"""Why a song is recommended, against listeners solved anew and songs heard anew; never of two states."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest

from earshot.catalogue.play_counts import PlayCounts, read_play_counts
from earshot.errors import UserError
from earshot.predictors.load import load_encoder
from earshot.queries import answers
from earshot.queries.explain import Explaining, Unexplained, explain, windows
from earshot.queries.served import read_served
from earshot.spaces.learned import LearnedListeners
from earshot.spaces.placing import Placed
from earshot.spaces.wmf import WmfSpace
from earshot.store.reader import HyperImageStore
from tests.releases.tiny_workspace import TOY, UNHEARD, Repository, World

EXACT = 1e-5
WINDOW = 4
"""Frames, of the encoder of the tiny world."""


def places(repository: Repository) -> tuple[dict[str, np.ndarray], Placed]:
    """Of the listeners as served, float64 by id, and of the songs."""
    folder = repository.root / "data" / "served_factors"
    users, songs = (
        repository.read(f"served_factors/{name}.parquet").iloc[:, 0].to_numpy(dtype=object)
        for name in ("users", "items")
    )
    vectors = np.load(folder / "user_factors.npy").astype(np.float64)
    return dict(zip(users, vectors, strict=True)), Placed(songs, np.load(folder / "item_factors.npy"))


@pytest.mark.parametrize("user", ["u007", "u031", "u100"])
def test_shares_are_of_the_listed_score_and_without_a_play_it_is_solved_anew(
    first_release: Repository, user: str
) -> None:
    _, songs = places(first_release)
    plays = read_play_counts(first_release.root / "data" / "play_counts")
    space = WmfSpace.read(first_release.root / "data" / "wmf_factors")
    played = songs.only(np.isin(songs.ids, plays.song_ids))
    (of_user,) = np.flatnonzero(plays.user_ids == user)
    listed = json.loads(first_release.earshot("recommend", user, "-k", "2", "--json"))
    for row in [*listed, *json.loads(first_release.earshot("recommend", user, "--new", "-k", "1", "--json"))]:
        found = json.loads(first_release.earshot("explain", user, row["song_id"], "-k", "999", "--json"))
        named = {name: row[name] for name in ("song_id", "title", "artist", "release")}
        assert {name: found[name] for name in named} == named
        assert found["score"] == pytest.approx(row["score"], abs=EXACT)
        assert sum(play["share"] for play in found["plays"]) == pytest.approx(row["score"], abs=EXACT)
        assert {play["song_id"] for play in found["plays"]} == set(
            plays.song_ids[plays.matrix[[of_user]].indices]
        )
        shares = [play["share"] for play in found["plays"]]
        assert shares == sorted(shares, reverse=True)
        vector = songs.vectors[songs.ids == row["song_id"]][0].astype(np.float64)
        for play in found["plays"]:
            counts = plays.matrix.toarray()
            column = plays.song_ids == play["song_id"]
            assert counts[of_user, column] == play["play_count"]
            counts[of_user, column] = 0
            one = PlayCounts(plays.user_ids[[of_user]], plays.song_ids, type(plays.matrix)(counts[[of_user]]))
            anew = space.place_listeners(one, played).vectors[0]
            assert float(anew @ vector) == pytest.approx(play["score_without"], abs=EXACT)


def heard_without(repository: Repository, song: str) -> tuple[np.ndarray, np.ndarray, list[list[float]]]:
    """By the straight line of the encoder: whole (d,), without each window (n, d), and its frames."""
    store = HyperImageStore.open(repository.root / "data" / "hyper_images")
    encoder = load_encoder(repository.root / "data" / "served_factors" / "release" / "cnn_checkpoint", [TOY])
    weight, bias = (value.detach().numpy() for value in encoder.network.line.parameters())
    image = 255 * store.image(song)
    n = image.shape[1]
    count = -(-n // WINDOW)
    firsts = [round(k * (n - WINDOW) / (count - 1)) for k in range(count)]
    vectors = np.stack([weight @ image[:, at : at + WINDOW].mean(axis=1) + bias for at in firsts])
    without = [vectors[[other for other in range(count) if other != k]].mean(axis=0) for k in range(count)]
    seconds = [[at * 512 / 22050, (at + WINDOW) * 512 / 22050] for at in firsts]
    return vectors.mean(axis=0), np.stack(without), seconds


def test_a_new_song_without_a_window_is_heard_anew(first_release: Repository) -> None:
    users, songs = places(first_release)
    for song in World().song_ids[list(UNHEARD)]:
        whole, without, seconds = heard_without(first_release, song)
        found = json.loads(first_release.earshot("explain", "u007", song, "--windows", "--json"))["windows"]
        assert [window["score_without"] for window in found] == pytest.approx(
            without @ users["u007"], abs=EXACT
        )
        assert [[window["start"], window["end"]] for window in found] == pytest.approx(np.array(seconds))
        (score,) = {window["score"] for window in found}
        assert score == pytest.approx(whole @ users["u007"], abs=EXACT)
        served = songs.vectors[songs.ids == song][0].astype(np.float64) @ users["u007"]
        assert score == pytest.approx(served, abs=1e-6)


def test_of_a_song_with_listeners_the_sound_is_a_part(first_release: Repository) -> None:
    """Below n0 = 20 listeners it is mixed with them, above it nothing hangs on it."""
    users, _ = places(first_release)
    served, world = read_served(first_release.root), World()
    n_listeners = world.played.sum(axis=0)
    space = WmfSpace.read(first_release.root / "data" / "wmf_factors")
    plays = read_play_counts(first_release.root / "data" / "play_counts")
    few = world.song_ids[(n_listeners > 0) & (n_listeners < 15)][0]
    _, without, _ = heard_without(first_release, few)
    found = windows(served, "u031", few)
    for window, vector in zip(found, without.astype(np.float32), strict=True):
        place = space.place_songs(np.array([few], dtype=object), vector[None], plays, 20.0).vectors[0]
        assert window.score_without == pytest.approx(float(place @ users["u031"]), abs=EXACT)
    assert found[0].score == pytest.approx(explain(served, "u031", few).score, abs=EXACT)
    many = world.song_ids[n_listeners > 20][0]
    assert {window.score_without for window in windows(served, "u031", many)} == {
        windows(served, "u031", many)[0].score
    }


def test_an_answer_is_of_what_is_served_whatever_stands_in_the_workspace(repository: Repository) -> None:
    served = read_served(repository.root)
    before = explain(served, "u007", "s092"), windows(served, "u007", "s092")
    for stage in ("hyper_images", "served_factors", "play_counts", "wmf_factors", "raw_audio"):
        shutil.rmtree(repository.root / "data" / stage)
    served = read_served(repository.root)
    assert (explain(served, "u007", "s092"), windows(served, "u007", "s092")) == before


def test_what_cannot_be_explained_exactly_is_refused(first_release: Repository) -> None:
    served = read_served(first_release.root)
    explaining = Explaining.of(served)
    assert isinstance(explaining.space, WmfSpace)
    learned = LearnedListeners(
        explaining.space.training_listeners(), explaining.space.songs, explaining.space.wmf
    )
    with pytest.raises(Unexplained, match=r"user 'u007': release .* has learned where this listener is"):
        replace(explaining, space=learned).explain("u007", "s092")
    others = explaining.plays.matrix.copy()
    others.data *= 3
    for plays in (
        replace(explaining.plays, matrix=others),
        replace(explaining.plays, user_ids=explaining.plays.user_ids[::-1]),
    ):
        with pytest.raises(Unexplained, match="made of other plays than data/recommendations"):
            replace(explaining, plays=plays).explain("u007", "s092")
    explaining.ear.encoder.network.line.bias.data += 1
    with pytest.raises(Unexplained, match="the encoder hears something else in it than what is served"):
        explaining.windows("u007", "s092")
    for question in (explain, windows):
        with pytest.raises(
            UserError, match=r"user 'x' has no plays .* one of data/play_counts/users\.parquet"
        ):
            question(served, "x", "s092")
        with pytest.raises(UserError, match=r"song 'x' is not served; wanted one of .*items\.parquet"):
            question(served, "u007", "x")


def test_on_the_terminal(first_release: Repository) -> None:
    listed = answers.recommend(read_served(first_release.root), "u007", 1)[0]
    said = first_release.earshot("explain", "u007", listed["song_id"], "-k", "2", "--windows").splitlines()
    assert said[0].startswith(f"{listed['title']}, {listed['artist']}: score {listed['score']:.3f} for u007")
    assert said[1].split()[:2] == ["song_id", "title"]
    shares = [float(re.split(r"  +", line)[4]) for line in said[2:4]]
    others = float(said[4].rpartition(" ")[2])
    assert sum(shares) + others == pytest.approx(listed["score"], abs=0.002)
    assert said[6].split() == ["start", "end", "score_without", "score"]
