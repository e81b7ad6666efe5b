"""Places of a song's artist, by hand; the perfect ear of the embedded catalogue against a plain solve."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from earshot.baselines.artist_mean import artist_mean
from earshot.baselines.known import Known
from earshot.baselines.perfect_ear import kernel_ridge, perfect_ear
from earshot.datasets.embedded.catalogue import catalogue_songs, new_songs, true_traits


def known(song_ids, artist_ids, learn, targets):
    songs = pd.DataFrame({"song_id": song_ids, "artist_id": artist_ids})
    return Known(None, songs, np.array(learn, dtype=bool), np.array(targets, dtype=np.float32), None, 0, 1)


def test_a_song_is_where_its_artists_other_songs_are():
    artists = ["ann", "ann", "bob", "ann", "bob", "eve", None, ""]
    learn = [1, 1, 1, 0, 0, 0, 0, 0]
    found = artist_mean(known([*"abcdefgh"], artists, learn, [[1, 10], [3, 30], [8, 80]]))
    # songs to learn from leave themselves out; bob has no other one: the mean of all, as of the nameless
    expected = [3, 1, 4, 2, 8, 4, 4, 4]
    np.testing.assert_allclose(found, np.outer(expected, [1, 10]), rtol=1e-6)


def test_kernel_ridge_equals_a_plain_solve_with_the_best_penalty():
    rng = np.random.default_rng(0)
    points, learn = rng.standard_normal((30, 2)), np.arange(30) < 20
    targets = (np.sin(points[learn]) + 0.1 * rng.standard_normal((20, 2))).astype(np.float32)
    penalties = np.array([0.01, 0.1, 1.0])

    def predict(inside, outside, values, penalty):
        def kernel(a, b):
            return np.array([[np.exp(-((x - y) ** 2).sum() / 2) for y in b] for x in a])

        mean = targets.mean(axis=0)
        solved = np.linalg.solve(kernel(inside, inside) + penalty * np.eye(len(inside)), values - mean)
        return kernel(outside, inside) @ solved + mean

    def left_out(penalty):
        inside = points[learn]
        others = [np.arange(20) != song for song in range(20)]
        missed = (targets[~o] - predict(inside[o], inside[~o], targets[o], penalty) for o in others)
        return sum(float((error**2).sum()) for error in missed)

    best = min(penalties, key=left_out)
    expected = predict(points[learn], points, targets, best)
    np.testing.assert_allclose(kernel_ridge(points, targets, learn, penalties), expected, rtol=1e-4)


def test_the_perfect_ear_knows_embedded_songs_alone():
    songs = catalogue_songs()[:40]
    ids = [song.song_id for song in songs]
    tempo = np.array([[song.traits.tempo] for song in songs])
    traits = true_traits(ids)
    found = perfect_ear(known(ids, ids, np.arange(40) < 30, tempo[:30]), traits)
    # tempo is one of the traits: closer than the mean of all
    assert np.abs(found - tempo)[30:].mean() < 0.7 * np.abs(tempo[30:] - tempo[:30].mean()).mean()
    np.testing.assert_allclose(traits[:, 0], np.log2(tempo[:, 0] / 110) * 2 / 2.0)  # tempo's length is 2
    assert true_traits([new_songs()[-1].song_id]).shape == (1, 11)
    assert true_traits(["of another catalogue", *ids]) is None


@pytest.mark.parametrize("n", [1, 2])
def test_one_artist_alone(n):
    found = artist_mean(known([*"abc"[: n + 1]], ["ann"] * (n + 1), [1] * n + [0], [[2.0]] * n))
    assert found.tolist() == [[2.0]] * (n + 1)
