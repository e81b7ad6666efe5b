"""Lists by their rules, against a plain loop over the places of a list and all songs."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from earshot.recommend import ranking
from earshot.recommend.list_rules import NO_RULES, ListMaker, ListRules, number_artists
from earshot.recommend.ranking import join

SHARES = (None, "0.07", "0.29", "0.5", "1")


def slow_list(scores, left, new, artists, rules, k):
    """Songs of one listener, best first: place by place, looking at every song anew."""
    listed = []
    while len(listed) < k:
        taken = [artists[song] for song in listed]
        able = [
            song
            for song in left
            if song not in listed
            and (rules.max_per_artist is None or taken.count(artists[song]) < rules.max_per_artist)
        ]
        wanted = Fraction(str(rules.new_share or 0)) * (len(listed) + 1)
        if sum(new[song] for song in listed) < wanted.__floor__() and any(new[song] for song in able):
            able = [song for song in able if new[song]]
        if not able:
            break
        listed.append(min(able, key=lambda song: (-scores[song], song)))
    return listed


def lists_of(maker, users, items, played, allowed):
    """[[song, ...] by listener], and all scores are those of the songs."""
    blocks = [maker.arrange(block) for block in maker.rank(users, items, csr_array(played), allowed)]
    ranked = join(blocks)
    np.testing.assert_array_equal(ranked.scores, (users[ranked.users] * items[ranked.items]).sum(axis=1))
    lists = [ranked.items[ranked.users == user].tolist() for user in range(len(users))]
    assert ranked.ranks.tolist() == [rank for one in lists for rank in range(1, len(one) + 1)]
    return lists


@settings(max_examples=150)
@given(st.data())
def test_lists_are_those_of_a_loop(data: st.DataObject) -> None:
    n_users, n_items = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 14))
    draw = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    users, items = draw.integers(-2, 3, (n_users, 2)), draw.integers(-2, 3, (n_items, 2))  # many ties
    played, allowed = draw.random((n_users, n_items)) < 0.2, draw.random(n_items) < 0.9
    new, artists = draw.random(n_items) < 0.5, draw.integers(0, data.draw(st.integers(1, 8)), n_items)
    share, most = data.draw(st.sampled_from(SHARES)), data.draw(st.sampled_from((None, 1, 2, 3)))
    rules = ListRules(None if share is None else float(share), most)
    k = data.draw(st.integers(1, 15))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranking, "BLOCK_SCORES", data.draw(st.integers(1, 40)))
        patch.setattr(ranking, "USERS_AT_ONCE", data.draw(st.integers(1, 4)))
        lists = lists_of(ListMaker(k, rules, new, artists), users, items, played, allowed)
    for user, listed in enumerate(lists):
        left = [song for song in range(n_items) if allowed[song] and not played[user, song]]
        assert listed == slow_list(items @ users[user], left, new, artists, rules, k)
        # what the cap lets in of every artist fills the list
        counts = np.bincount(artists[left], minlength=1)
        assert len(listed) == min(k, np.minimum(counts, most or n_items).sum())


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.sampled_from(SHARES), st.sampled_from((None, 1, 2)), st.integers(1, 30))
def test_a_shorter_list_is_the_start_of_a_longer_one(seed, share, most, k) -> None:
    draw = np.random.default_rng(seed)
    users, items = draw.integers(-3, 4, (3, 2)), draw.integers(-3, 4, (40, 2))
    new, artists = draw.random(40) < 0.3, draw.integers(0, 12, 40)
    rules = ListRules(None if share is None else float(share), most)
    long, short = (
        lists_of(
            ListMaker(length, rules, new, artists), users, items, np.zeros((3, 40)), np.ones(40, dtype=bool)
        )
        for length in (40, k)
    )
    assert short == [listed[:k] for listed in long]


def test_a_list_that_a_reader_can_follow() -> None:
    """Songs a to f by falling score; e and f are new; a, b and e are of one artist."""
    users, items = np.array([[1.0]]), np.array([[9.0], [8.0], [7.0], [6.0], [5.0], [4.0]])
    new, artists = np.array([False] * 4 + [True] * 2), np.array([0, 0, 1, 2, 0, 3])

    def listed(k: int, **rules: float) -> str:
        maker = ListMaker(k, ListRules(**rules), new, artists)
        (songs,) = lists_of(maker, users, items, np.zeros((1, 6)), np.ones(6, dtype=bool))
        return "".join("abcdef"[song] for song in songs)

    assert listed(6) == "abcdef"
    assert listed(6, new_share=0.5) == "aebfcd"  # of two one, of four two; then there are no more
    assert listed(6, new_share=0.34) == "abecdf"  # of three one, of six two
    assert listed(6, max_per_artist=1) == "acdf"
    assert listed(6, max_per_artist=2) == "abcdf"
    assert listed(4, new_share=0.5, max_per_artist=1) == "afcd"  # e is of the artist of a
    assert listed(3, new_share=1.0, max_per_artist=1) == "efc"  # a and b are passed over for e


def test_one_artist_with_nearly_everything_leaves_no_list_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """The best of the others stand far behind hundreds of one artist's songs."""
    items = np.arange(600, 0, -1.0)[:, None]
    artists = np.where(np.arange(600) < 590, 0, np.arange(600))
    maker = ListMaker(5, ListRules(max_per_artist=2), np.zeros(600, dtype=bool), artists)
    (songs,) = lists_of(maker, np.ones((1, 1)), items, np.zeros((1, 600)), np.ones(600, dtype=bool))
    assert songs == [0, 1, 590, 591, 592]


def test_without_rules_a_list_is_the_ranking() -> None:
    maker = ListMaker(3, NO_RULES, np.array([True, False, True, False]), np.zeros(4, dtype=np.int64))
    sides = np.ones((2, 1)), np.array([[1.0], [4.0], [3.0], [2.0]]), csr_array((2, 4))
    (block,) = maker.rank(*sides, np.ones(4, dtype=bool))
    assert maker.arrange(block) is block
    assert block.items.tolist() == [1, 2, 3] * 2


def test_songs_without_an_artist_count_each_for_itself() -> None:
    artist_ids, song_ids = np.array(["x", "", "", "x", "b"], object), np.array(list("abcde"), object)
    numbers = number_artists(artist_ids, song_ids)
    assert numbers[0] == numbers[3]
    assert len(set(numbers.tolist())) == 4  # an artist called as a song is not that song
