"""Shares of plays in a score, against dense equations and against listeners that are really solved anew."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from earshot.catalogue.play_counts import PlayCounts
from earshot.spaces.explaining import Shares
from earshot.spaces.fused import Fused
from earshot.spaces.learned import LearnedListeners
from earshot.spaces.placing import Placed
from earshot.spaces.space import TasteSpace
from earshot.spaces.wmf import Wmf, WmfSpace
from tests.spaces.spaces import KINDS, ids, placed, space_of, width

EXACT = 1e-5


@dataclass(frozen=True)
class Asked:
    """A listener of a space, and the song that is asked about."""

    space: TasteSpace
    songs: Placed
    counts: np.ndarray
    song: np.ndarray

    def plays(self, without: int | None = None) -> PlayCounts:
        """Of the listener `new`, and of one who has played each song; less the play of a row of `songs`."""
        counts = np.stack([self.counts, np.ones_like(self.counts)])
        if without is not None:
            counts[0, without] = 0
        return PlayCounts(ids("new", "all"), self.songs.ids, csr_array(counts))

    def score(self, without: int | None = None) -> float:
        """By the place of a listener who is really solved."""
        listener = self.space.place_listeners(self.plays(without), self.songs).vectors[0]
        return float(listener.astype(np.float64) @ self.song)

    def shares(self) -> Shares:
        rows = np.flatnonzero(self.counts)
        found = self.space.explainer(self.songs).explain("new", rows, self.counts[rows], self.song)
        assert found is not None
        return found


@st.composite
def questions(draw: st.DrawFn, kinds: tuple[str, ...] = KINDS) -> Asked:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_songs, n_plays = draw(st.integers(1, 30)), draw(st.integers(1, 30))
    space = space_of(draw(st.sampled_from(kinds)), ids("a", "b"), ids("s0"), rng)
    epsilon = draw(st.sampled_from([1e-6, 0.1, 1.0, 100.0]))
    wmf = Wmf(draw(st.floats(0.1, 40.0)), epsilon, draw(st.floats(0.5, 200.0)))
    space = with_numbers(space, wmf)
    songs = placed(ids(*(f"s{n}" for n in range(n_songs))), rng, width(space))
    counts = np.zeros(n_songs, np.float32)
    played = rng.permutation(n_songs)[:n_plays]
    # 10,000 plays of one song, and a part of a play, as an old one counts
    counts[played] = rng.choice([0.01, 1, 2, 30, 10_000], len(played))
    song = songs.vectors[0] if draw(st.booleans()) else placed(ids("new"), rng, width(space)).vectors[0]
    return Asked(space, songs, counts, song)


def with_numbers(space: TasteSpace, wmf: Wmf) -> TasteSpace:
    """The same space of a factorization with other numbers."""
    if isinstance(space, LearnedListeners | WmfSpace):
        return type(space)(space.listeners, space.songs, wmf)
    inner = WmfSpace(space.inner.listeners, space.inner.songs, wmf)
    if isinstance(space, Fused):
        return Fused(inner, space.scales)
    return type(space)(inner, space.rule, space.combination)


@settings(deadline=None)  # the first one imports scipy and pandas
@given(asked=questions())
def test_shares_add_up_to_the_score_and_without_a_play_it_is_solved_anew(asked: Asked) -> None:
    found = asked.shares()
    assert found.song_ids.tolist() == asked.songs.ids[asked.counts > 0].tolist()
    assert found.shares.sum() == pytest.approx(found.score, abs=EXACT)
    assert found.score == pytest.approx(asked.score(), rel=EXACT, abs=EXACT)
    anew = [asked.score(without=row) for row in np.flatnonzero(asked.counts)]
    np.testing.assert_allclose(found.without, anew, rtol=EXACT, atol=EXACT)


@given(asked=questions(kinds=("wmf",)))
def test_shares_are_those_of_the_dense_equation(asked: Asked) -> None:
    """c y' A^-1 v with a diagonal C over all songs, played or not; nothing of it is shared or rounded."""
    assert isinstance(asked.space, WmfSpace)
    wmf, y = asked.space.wmf, asked.songs.vectors.astype(np.float64)
    c = 1 + wmf.alpha * np.log1p(asked.counts.astype(np.float64) / wmf.epsilon)
    inverse = np.linalg.inv((y.T * c) @ y + wmf.regularization * np.eye(y.shape[1]))
    wanted = [c[row] * y[row] @ inverse @ asked.song for row in np.flatnonzero(asked.counts)]
    np.testing.assert_allclose(asked.shares().shares, wanted, rtol=EXACT, atol=1e-7)


def test_by_hand_in_one_dimension() -> None:
    """Songs at 1 and 2, lambda 3, c = 1 + log(1 + r) of 2 and 1: no play is like another."""
    wmf = Wmf(alpha=1.0, epsilon=1.0, regularization=3.0)
    songs = Placed(ids("one", "two", "not played"), np.array([[1], [2], [1]], np.float32))
    counts = np.array([np.e - 1, np.e**2 - 1], np.float32)  # c of 2 and 3
    explainer = WmfSpace(None, songs, wmf).explainer(songs)
    found = explainer.explain("new", np.array([0, 1]), counts, np.array([5], np.float32))
    assert found is not None
    # A = 1 + 4 + 1 + 3 + (2 - 1) 1 + (3 - 1) 4 = 18
    np.testing.assert_allclose(found.shares, [5 * 2 * 1 / 18, 5 * 3 * 2 / 18], rtol=1e-6)
    # without the first A = 17 and 6 is left, without the second A = 10 and 2 is left
    np.testing.assert_allclose(found.without, [5 * 6 / 17, 5 * 2 / 10], rtol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_of_a_listener_with_one_play_nothing_is_left_without_it(kind: str) -> None:
    rng = np.random.default_rng(3)
    space = space_of(kind, ids("a", "b"), ids("s0"), rng)
    songs = placed(ids("s0", "s1"), rng, width(space))
    asked = Asked(space, songs, np.array([0, 4], np.float32), songs.vectors[0])
    found = asked.shares()
    assert found.without.tolist() == [0.0]
    assert found.score == pytest.approx(asked.score(), abs=EXACT)
    assert asked.score(without=1) == 0.0


def test_of_a_listener_who_was_learned_nothing_is_said() -> None:
    rng = np.random.default_rng(4)
    songs = placed(ids("s0"), rng)
    explainer = space_of("learned_listeners", ids("a"), ids("s0"), rng).explainer(songs)
    question = np.array([0]), np.array([1], np.float32), songs.vectors[0]
    assert explainer.explain("a", *question) is None
    assert explainer.explain("new", *question) is not None
