"""What evaluation, gate and serving rely on, in every kind of taste space."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from earshot.catalogue.play_counts import PlayCounts
from earshot.errors import UserError
from earshot.factors.numbers import write_numbers
from earshot.files import write_json
from earshot.params import WmfFactors
from earshot.recommend.serving import serve
from earshot.spaces.fused import Fused, save_scales
from earshot.spaces.hybrid import Hybrid, save_rule
from earshot.spaces.learned import LearnedListeners
from earshot.spaces.placing import Placed
from earshot.spaces.space import SPACE_FILES, TasteSpace, kind_of, read_space
from earshot.spaces.wmf import WmfSpace
from tests.spaces.spaces import FACTORS, KINDS, WMF, ids, placed, space_of, width

N0 = 4.0


@dataclass(frozen=True)
class Today:
    """A space, what is played today, and what is predicted of the songs that are heard."""

    space: TasteSpace
    plays: PlayCounts
    heard: Placed


@st.composite
def todays(draw: st.DrawFn) -> Today:
    """Some listeners and songs are new since the training, some songs are played by nobody."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_users, n_songs = draw(st.integers(1, 8)), draw(st.integers(2, 9))
    users = ids(*(f"u{n}" for n in range(n_users)))
    songs = ids(*(f"s{n}" for n in range(n_songs)))
    known = rng.random(n_users) < 0.7
    known[0] = True
    space = space_of(draw(st.sampled_from(KINDS)), users[known], songs[: n_songs // 2], rng)
    counts = (rng.random((n_users, n_songs)) < 0.4) * rng.integers(1, 6, (n_users, n_songs))
    counts[:, -1] = 0  # new: nobody has played it
    counts[0, 0] = 1
    there, who = counts.any(axis=0), counts.any(axis=1)
    plays = PlayCounts(users[who], songs[there], csr_array(counts[who][:, there].astype(np.float32)))
    return Today(space, plays, placed(songs, rng, width(space)))


@given(today=todays(), data=st.data())
def test_a_songs_place_hangs_on_its_own_prediction_and_plays_alone(today: Today, data: st.DataObject) -> None:
    songs, n0 = today.heard, data.draw(st.sampled_from([None, 0.5, N0, 1e9]))
    together = today.space.place_songs(songs.ids, songs.vectors, today.plays, n0)
    assert together.ids.tolist() == songs.ids.tolist()
    some = np.array(data.draw(st.permutations(range(len(songs.ids)))))[: len(songs.ids) // 2 + 1]
    alone = today.space.place_songs(songs.ids[some], songs.vectors[some], today.plays, n0)
    np.testing.assert_allclose(alone.vectors, together.vectors[some], rtol=1e-4, atol=1e-5)


@given(today=todays())
def test_a_song_without_a_listener_is_where_it_is_predicted_and_one_of_many_where_they_put_it(
    today: Today,
) -> None:
    songs = today.heard
    blended = today.space.place_songs(songs.ids, songs.vectors, today.plays, N0).vectors
    sound = today.space.place_songs(songs.ids, songs.vectors, None, None).vectors
    np.testing.assert_array_equal(sound, songs.vectors)
    np.testing.assert_allclose(blended[-1], songs.vectors[-1], rtol=1e-5, atol=1e-6)
    by_plays = today.space.place_songs(songs.ids, None, today.plays, None).vectors
    settled = today.space.place_songs(songs.ids, songs.vectors, today.plays, n0=1e-6).vectors
    known = today.space.training_listeners().ids
    theirs = today.plays.matrix[np.isin(today.plays.user_ids, known)].toarray().any(axis=0)
    played = np.isin(songs.ids, today.plays.song_ids[theirs])
    np.testing.assert_allclose(settled[played], by_plays[played], rtol=1e-3, atol=1e-4)
    assert not by_plays[~played].any()


@given(today=todays())
def test_a_new_song_that_nobody_has_played_moves_no_listener_and_no_other_song(today: Today) -> None:
    songs = today.heard
    before = serve(
        today.plays, songs.only(np.arange(len(songs.ids)) < len(songs.ids) - 1), today.space, N0, None
    )
    after = serve(today.plays, songs, today.space, N0, None)
    there = np.isin(after.song_ids, before.song_ids)
    assert sorted({*after.song_ids} - {*before.song_ids}) == [songs.ids[-1]]
    np.testing.assert_array_equal(after.item_factors[there], before.item_factors)
    np.testing.assert_array_equal(after.user_factors, before.user_factors)
    merged = serve(today.plays, songs, today.space, N0, earlier=before)
    for one, other in zip(vars(after).values(), vars(merged).values(), strict=True):
        np.testing.assert_array_equal(one, other)


@given(today=todays())
def test_listeners_come_in_the_order_of_the_plays_and_score_by_products(today: Today) -> None:
    songs = today.space.place_songs(today.heard.ids, today.heard.vectors, today.plays, N0)
    listeners = today.space.place_listeners(today.plays, songs)
    assert listeners.ids.tolist() == today.plays.user_ids.tolist()
    assert (listeners.vectors @ songs.vectors.T).shape == (len(listeners.ids), len(songs.ids))
    assert np.isfinite(listeners.vectors).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_space_comes_back_as_it_was_saved(kind: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    factors, encoder = tmp_path / "factors", tmp_path / "encoder"
    factors.mkdir()
    encoder.mkdir()
    users, songs = ids("a", "b"), ids("1", "2", "3")
    space = space_of(kind, users, songs, rng)
    inner = space.inner if isinstance(space, Fused | Hybrid) else space
    LearnedListeners(inner.training_listeners(), inner.training_songs(), WMF).save(factors)
    write_numbers(factors, WmfFactors(FACTORS, WMF.alpha, WMF.epsilon, WMF.regularization, 15))
    for there, wanted in {
        "space_listeners.npy": "user_factors.npy",
        "space_users.parquet": "users.parquet",
        "space_songs.npy": "item_factors.npy",
        "space_items.parquet": "items.parquet",
    }.items():
        (factors / there).rename(factors / wanted)
    if isinstance(space, LearnedListeners):
        space.save(encoder)
    if isinstance(space, Fused):
        save_scales(encoder, space.scales)
    if isinstance(space, Hybrid):
        save_rule(encoder, space.rule, space.combination)
    read = read_space(encoder, factors)
    assert (read.kind, kind_of(encoder)) == (space.kind, space.kind)
    assert sorted(path.name for path in encoder.iterdir()) == sorted(SPACE_FILES[space.kind])
    for method in ("training_listeners", "training_songs"):
        one, other = getattr(space, method)(), getattr(read, method)()
        assert one.ids.tolist() == other.ids.tolist()
        np.testing.assert_array_equal(one.vectors, other.vectors)


def test_a_fused_song_that_its_listeners_place_scores_as_in_the_space_of_a_block() -> None:
    rng = np.random.default_rng(1)
    space = space_of("fused", ids("a", "b"), ids("1"), rng)
    assert isinstance(space, Fused)
    plays = PlayCounts(ids("a", "b"), ids("1", "2"), csr_array(np.array([[1, 2], [0, 5]], np.float32)))
    songs = space.place_songs(ids("1", "2"), None, plays, None)
    inner = space.inner.place_songs(ids("1", "2"), None, plays, None)
    scores = space.training_listeners().vectors @ songs.vectors.T
    wanted = space.inner.training_listeners().vectors @ inner.vectors.T
    np.testing.assert_allclose(scores, wanted, rtol=1e-5, atol=1e-6)


def test_a_listener_who_was_learned_stays_and_a_new_one_is_solved() -> None:
    rng = np.random.default_rng(2)
    space = space_of("learned_listeners", ids("a"), ids("1", "2"), rng)
    plays = PlayCounts(ids("a", "new"), ids("1", "2"), csr_array(np.array([[1, 2], [0, 5]], np.float32)))
    songs = placed(ids("1", "2"), rng)
    found = space.place_listeners(plays, songs).vectors
    np.testing.assert_array_equal(found[0], space.training_listeners().vectors[0])
    solved = WmfSpace(None, songs, WMF).place_listeners(plays, songs).vectors
    np.testing.assert_array_equal(found[1], solved[1])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"kind": "another"}, "kind='another': wanted one of learned_listeners, fused, hybrid, wmf"),
        ({}, "not a taste space: 'kind'"),
        ({"kind": "fused", "scales": []}, "wanted some between 0 and 1"),
        ({"kind": "fused", "scales": [2.0, -1.0]}, "wanted some between 0 and 1"),
        ({"kind": "hybrid", "rule": "mixed"}, "rule='mixed': wanted one of weighted, switching"),
        ({"kind": "learned_listeners"}, "not a taste space|space_listeners.npy"),
    ],
)
def test_a_file_of_another_kind_is_named(content: dict, words: str, tmp_path: Path) -> None:
    write_json(tmp_path / "space.json", content)
    LearnedListeners(
        placed(ids("a"), np.random.default_rng(0)), placed(ids("1"), np.random.default_rng(0)), WMF
    )
    with pytest.raises((UserError, FileNotFoundError), match=words):
        read_space(tmp_path, tmp_path)


def test_listeners_that_were_not_kept_are_not_made_up() -> None:
    space = WmfSpace(None, placed(ids("1"), np.random.default_rng(0)), WMF)
    with pytest.raises(UserError, match="listeners of this factorization were not kept"):
        space.training_listeners()
    assert space.training_songs().vectors.shape == (1, FACTORS)
