"""Hubs in a space where they can be counted by eye."""

import numpy as np
from numpy.testing import assert_allclose

from earshot.recommend.similar import crowding, describe_hubs, occurrences, similar_songs


def _at(*degrees: float) -> np.ndarray:
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def test_a_song_between_the_others_is_the_neighbour_of_all() -> None:
    space = np.array([[1, 1, 1], [3, 1, 1], [1, 3, 1], [1, 1, 3]], float)  # the first is in the middle
    counts, queries = occurrences(space, k=1)
    assert queries == 4
    assert counts.tolist() == [3, 1, 0, 0]  # and its own nearest is the first of the others
    told = describe_hubs(counts, np.array([5, 1, 1, 0]))
    assert_allclose(told["skewness"], (8 - 1 - 1) / 4 / 1.5**1.5, rtol=1e-12)  # 2, 0, -1 and -1 from the mean
    assert told["largest_share_of_places"] == 3 / 4
    assert told["share_of_songs_near_none"] == 1 / 2
    assert told["one_listener_share_of_songs"] == 1 / 2
    assert told["one_listener_share_of_places"] == 1 / 4


def test_songs_in_one_direction_come_later_with_csls() -> None:
    songs = _at(0, 30, 31, 32, 33, -35)  # four lie together, one stands alone a little farther from the first
    assert similar_songs(songs, songs[0], 3)[0].tolist() == [0, 1, 2]
    assert similar_songs(songs, songs[0], 2, crowding(songs, k=2))[0].tolist() == [0, 5]


def test_crowding_is_the_mean_cosine_to_the_nearest_others() -> None:
    songs = _at(0, 60, 90)
    half, most = 0.5, 3**0.5 / 2
    assert_allclose(crowding(songs, k=1), [half, most, most], atol=1e-7)
    assert_allclose(crowding(songs, k=9), [half / 2, (half + most) / 2, most / 2], atol=1e-7)
    assert_allclose(crowding(songs[:1], k=3), [0])
