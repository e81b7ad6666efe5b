"""Lists against a plain loop over listeners and songs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from earshot.recommend import ranking
from earshot.recommend.ranking import best_of_rows, rank_songs


def slow_lists(users, items, played, allowed, k):
    """[(user, song, rank, score)], a loop."""
    lists = []
    for user, vector in enumerate(users):
        songs = [song for song in range(len(items)) if allowed[song] and not played[user, song]]
        songs.sort(key=lambda song: (-(vector @ items[song]), song))
        lists += [(user, song, rank, vector @ items[song]) for rank, song in enumerate(songs[:k], start=1)]
    return lists


def as_tuples(blocks):
    return [
        entry
        for block in blocks
        for entry in zip(
            *(part.tolist() for part in (block.users, block.items, block.ranks, block.scores)), strict=True
        )
    ]


@settings(max_examples=200)
@given(st.data())
def test_lists_are_those_of_a_loop(data: st.DataObject) -> None:
    n_users, n_items = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 8))
    draw = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    users, items = draw.integers(-2, 3, (n_users, 2)), draw.integers(-2, 3, (n_items, 2))  # many ties
    played, allowed = draw.random((n_users, n_items)) < 0.4, draw.random(n_items) < 0.8
    k = data.draw(st.integers(1, 9))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranking, "BLOCK_SCORES", data.draw(st.integers(1, 30)))
        blocks = list(rank_songs(users, items, csr_array(played), allowed, k))
    assert as_tuples(blocks) == slow_lists(users, items, played, allowed, k)


def test_every_listener_stands_once_whatever_the_blocks() -> None:
    draw = np.random.default_rng(0)
    users, items = draw.standard_normal((50, 8)), draw.standard_normal((400, 8))
    played = csr_array(draw.random((50, 400)) < 0.1)
    whole = as_tuples(rank_songs(users, items, played, np.ones(400, bool), 10))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranking, "BLOCK_SCORES", 900)  # two listeners
        parts = as_tuples(rank_songs(users, items, played, np.ones(400, bool), 10))
    assert [entry[:3] for entry in parts] == [entry[:3] for entry in whole]
    assert np.allclose([entry[3] for entry in parts], [entry[3] for entry in whole], rtol=1e-13)


def test_no_songs_and_no_listeners_give_no_lists() -> None:
    nothing = csr_array((2, 0), dtype=np.float32)
    assert as_tuples(rank_songs(np.ones((2, 3)), np.empty((0, 3)), nothing, np.empty(0, bool), 5)) == []
    assert (
        as_tuples(rank_songs(np.empty((0, 3)), np.ones((4, 3)), csr_array((0, 4)), np.ones(4, bool), 5)) == []
    )


def test_entries_that_are_left_out_never_fill_a_list() -> None:
    best = best_of_rows(np.array([[-np.inf, -5.0, -np.inf], [-np.inf] * 3]), k=2)
    assert (best.users.tolist(), best.items.tolist(), best.ranks.tolist()) == ([0], [1], [1])
