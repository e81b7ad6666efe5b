"""An index of songs finds nearly what comparing all does, scores it exactly, and is measured first."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from earshot.queries import index
from earshot.queries.index import Index, ranker
from earshot.queries.screening import Asked, Screen
from earshot.recommend.ranking import ArtistCap

faiss = pytest.importorskip("faiss")
N, D = 6000, 24
DRAW = np.random.default_rng(0)
# a few directions count most, and lengths differ, as of a factorization
SONGS = (DRAW.normal(size=(N, D)) * 0.8 ** np.arange(D) * DRAW.gamma(1.5, 0.5, (N, 1))).astype(np.float32)
USERS = (DRAW.normal(size=(100, D)) * 0.8 ** np.arange(D)).astype(np.float32)
NOBODY = np.empty(0, np.int64)


def test_it_finds_what_it_was_measured_to_find(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "MORE_THAN", N - 1)
    found = ranker(SONGS, USERS[:50])
    assert isinstance(found, Index)
    played = [DRAW.choice(N, 60, replace=False) for _ in USERS]
    cap = ArtistCap(DRAW.integers(0, N // 5, N), 2)
    for asked in (
        [Asked(user, NOBODY, 20) for user in USERS[50:]],
        [Asked(user, some, 20, cap) for user, some in zip(USERS[50:], played[50:], strict=True)],
    ):
        right, near = Screen(SONGS).best(asked), found.best(asked)
        hits = [np.isin(some.items, every.items).mean() for some, every in zip(near, right, strict=True)]
        assert np.mean(hits) >= 0.95
        for one, ranked in zip(asked, near, strict=True):
            assert_array_equal(ranked.ranks, np.arange(1, 21))
            assert not np.isin(ranked.items, one.left_out).any()
            exact = SONGS[ranked.items].astype(np.float64) @ one.vector.astype(np.float64)
            assert_array_equal(ranked.scores, exact.astype(np.float32))
            assert (np.diff(ranked.scores) <= 0).all()
            if one.cap is not None:
                assert np.bincount(cap.artists[ranked.items]).max() <= 2


def test_where_most_songs_are_left_out_all_others_are_compared() -> None:
    left_out = np.arange(N - 30)
    asked = [Asked(USERS[0], left_out, 20)]
    (right,), (near,) = Screen(SONGS).best(asked), Index(SONGS).best(asked)
    assert_array_equal(near.items, right.items)


def test_one_that_misses_too_much_is_not_used(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(index, "MORE_THAN", N - 1)
    monkeypatch.setattr(index, "RECALL", 1.01)
    monkeypatch.setattr(index, "_WIDEST", 64)
    assert isinstance(ranker(SONGS, USERS[:10]), Screen)
    assert "wanted 1.01: songs are compared one by one" in capsys.readouterr().err
