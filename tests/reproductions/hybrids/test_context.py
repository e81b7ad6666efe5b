"""The made catalogue keeps to what it says, the last session alone is asked about, and filters filter."""

from dataclasses import replace

import numpy as np
import pytest

from hybrids.context import ask, filtered, matrix_of, mood_of_quarters, rank_all
from hybrids.made_plays import DAY, HOUR, DatedPlays, make_plays, quarter_of
from hybrids.params import MadeCatalogue

SMALL = MadeCatalogue(40, 60, 20, 8, 5, 0.9, 10, [0])


@pytest.fixture(scope="module")
def plays() -> DatedPlays:
    return make_plays(SMALL, 0)


def test_quarters_of_the_day() -> None:
    at = np.array([0, 5.9, 6, 11.9, 12, 18, 23.9, 24 + 7]) * HOUR
    assert quarter_of(at.astype(np.int64)).tolist() == [0, 0, 1, 1, 2, 3, 3, 1]


def test_a_session_is_of_one_mood_one_song_after_another_and_mostly_of_its_hour(plays: DatedPlays) -> None:
    said = []
    for user in range(SMALL.listeners):
        for session in range(SMALL.sessions):
            rows = np.flatnonzero((plays.users == user) & (plays.sessions == session))
            if not len(rows):
                continue
            moods = plays.moods[plays.songs[rows]]
            gaps = np.diff(plays.seconds[rows])
            assert len(set(moods.tolist())) == 1
            assert len(set(plays.songs[rows].tolist())) == len(rows)
            assert ((gaps >= 180) & (gaps <= 240)).all()
            said.append(moods[0] == quarter_of(plays.seconds[rows[:1]])[0])
    assert np.mean(said) == pytest.approx(0.9 + 0.1 / 4, abs=0.05)
    assert plays.seconds.max() < 367 * DAY
    np.testing.assert_array_equal(make_plays(SMALL, 0).songs, plays.songs)


def test_the_last_session_is_held_out_and_what_was_played_before_is_no_answer(plays: DatedPlays) -> None:
    asked = ask(plays)
    question, songs = asked.question, [f"song{row:05}" for row in asked.order]
    assert question.song_ids.tolist() == songs
    assert question.artist_ids.tolist() == sorted(question.artist_ids)
    for row, user in enumerate(question.users):
        own = plays.users == user
        last = plays.sessions[own].max()
        before = set(plays.songs[own & (plays.sessions < last)].tolist())
        later = set(plays.songs[own & (plays.sessions == last)].tolist())
        found = set(asked.order[question.positives[[row]].indices].tolist())
        assert found == later - before
        begins = plays.seconds[own & (plays.sessions == last)].min()
        assert asked.quarters[row] == quarter_of(np.array([begins]))[0]
    assert not (question.positives.toarray() & question.revealed.toarray()).any()


def test_a_filter_puts_what_fits_first_and_keeps_the_order() -> None:
    scores = np.array([[5.0, 4.0, 3.0, 2.0, 1.0]])
    fits = np.array([[False, True, False, True, False]])
    assert np.argsort(-filtered(scores, fits)[0]).tolist() == [1, 3, 0, 2, 4]


def test_moods_of_the_hour_are_found_and_plays_of_other_hours_left_out(plays: DatedPlays) -> None:
    assert mood_of_quarters(plays).tolist() == [0, 1, 2, 3]
    asked = ask(plays)
    users = asked.question.users
    ranked = rank_all(asked, users, SMALL.neighbours)
    at = quarter_of(asked.known.seconds)
    listener = int(np.flatnonzero(asked.quarters == 1)[0])
    # without the plays of the other quarters nothing changes for a listener who is asked in this one
    alone = replace(asked, known=asked.known.only(at == 1))
    again = rank_all(alone, users, SMALL.neighbours)
    np.testing.assert_array_equal(again["item_knn_hour"][listener], ranked["item_knn_hour"][listener])
    assert (again["item_knn"][listener] != ranked["item_knn"][listener]).any()
    assert set(matrix_of(plays).data) == {1.0}
