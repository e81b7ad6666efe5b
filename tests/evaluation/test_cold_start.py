"""The question that a training set asks, on a folder small enough to read."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from earshot.catalogue.play_counts import write_play_counts
from earshot.errors import UserError
from earshot.evaluation.protocol import System, measure, read_cold_start

SONGS = pd.DataFrame(
    [  # song, artist, cold
        ("s1", "ann", False),
        ("s2", "bob", False),
        ("s3", "eve", False),  # nobody listens to it: eve's sound is in no factor
        ("s4", "eve", True),
        ("s5", "ann", True),
        ("s6", None, True),
        ("s7", "ann", True),  # nobody listens to it
    ],
    columns=["song_id", "artist_id", "cold"],
)


def training_set(folder, plays):
    """`plays`: user -> songs they listened to; song `s0` has plays and no audio."""
    users, songs = sorted(plays), sorted({song for heard in plays.values() for song in heard})
    pairs = [(users.index(user), songs.index(song), 1) for user in users for song in sorted(plays[user])]
    table = pd.DataFrame(pairs, columns=["user", "item", "play_count"])
    write_play_counts(folder, np.array(users, object), np.array(songs, object), table)
    SONGS.to_parquet(folder / "songs.parquet")
    return folder


def test_who_is_asked_about_what(tmp_path):
    plays = {
        "u1": ["s1", "s4", "s5"],
        "u2": ["s0", "s6"],  # a song without audio is warm
        "u3": ["s4"],  # no warm play
        "u4": ["s1", "s2"],  # no candidate
        "u5": ["s2", "s5"],
    }
    asked = read_cold_start(training_set(tmp_path, plays))
    assert asked.song_ids.tolist() == ["s5", "s4", "s6"]  # by artist: ann, eve, s6 itself
    assert asked.artist_ids.tolist() == ["ann", "eve", "s6"]
    assert asked.known_artist.tolist() == [True, False, False]
    assert asked.users.tolist() == [0, 1, 4]
    assert asked.positives.toarray().astype(int).tolist() == [[1, 1, 0], [0, 0, 1], [1, 0, 0]]
    assert (asked.users_without_warm_play, asked.users_without_candidate) == (1, 1)
    assert asked.songs_without_listeners == 1


def test_of_more_listeners_than_wanted_the_same_ones_are_asked_as_others_come(tmp_path):
    def asked(listeners, at_most):
        plays = {f"u{n:03d}": ["s1", "s4", "s5"] for n in range(listeners)} | {"v1": ["s1"]}
        found = read_cold_start(training_set(tmp_path, plays), at_most)
        assert found.users_not_drawn == max(0, listeners - at_most)
        assert (found.users_without_candidate, found.positives.shape) == (1, (len(found.users), 2))
        return set(found.users.tolist())  # v1 comes last: their rows are their numbers

    assert asked(100, 100) == set(range(100))
    few, of_more = asked(100, 40), asked(120, 40)
    assert len(few) == len(of_more) == 40
    assert {user for user in of_more if user < 100} <= few  # newcomers take places, nobody comes back


def test_a_revealed_play_is_neither_a_positive_nor_a_negative(tmp_path):
    plays = {"u1": ["s1", "s4", "s5"], "u2": ["s1", "s6"], "u3": ["s2", "s5"]}
    asked = read_cold_start(training_set(tmp_path, plays))
    assert asked.positives.toarray().astype(int).tolist() == [[1, 1, 0], [0, 0, 1], [1, 0, 0]]
    known = asked.reveal(
        csr_array([[True, False, False], [False, False, True], [False, False, False]])
    )  # u1 and s5, u2 and s6
    assert known.users.tolist() == [0, 2]  # u2 has nothing left to be found
    assert known.positives.toarray().astype(int).tolist() == [[0, 1, 0], [1, 0, 0]]
    assert known.revealed.toarray().astype(int).tolist() == [[1, 0, 0], [0, 0, 0]]
    scores = np.array([[9.0, 1.0, 0.0], [1.0, 2.0, 0.0], [1.0, 0.0, 3.0]])  # u1 likes s5 best
    result = measure(System(scores, np.eye(3)), known)
    assert result.per_user["auc"].tolist() == [1.0, 0.5]
    assert result.positive_rank.tolist() == [1.0, 2.0]
    assert known.only(np.array([True, True, False])).revealed.toarray().astype(int).tolist() == [
        [1, 0],
        [0, 0],
    ]


def test_nobody_to_ask(tmp_path):
    with pytest.raises(UserError, match="2 listeners, 1 cold songs with audio and listeners, and nobody who"):
        read_cold_start(training_set(tmp_path, {"u1": ["s1", "s2"], "u2": ["s5"]}))
