"""The sets that are made: the same each time, what they are said to be, and not to be told without order."""

from __future__ import annotations

import numpy as np

from sample_level_cnn.controls import linear_statistics, most_frequent
from sample_level_cnn.made_scenes import TEXTURES, made_scenes, scene
from sample_level_cnn.made_words import WORDS, made_words, say
from sample_level_cnn.measures import accuracy


def test_words_are_the_same_each_time_and_every_other_one_is_backwards() -> None:
    assert np.array_equal(say(3, "ten", 1), say(3, "ten", 1))
    takes = [say(3, "ten", 1), say(3, "ten", 2), say(4, "ten", 1), say(3, "net", 1)]
    assert not any(np.array_equal(takes[0], other) for other in takes[1:])
    said = list(WORDS.values())
    assert [each[::-1] for each in said[::2]] == said[1::2]


def test_nobody_is_asked_about_in_a_voice_that_was_learned_from() -> None:
    task = made_words(6)
    assert task.samples.shape == (6 * 10 * 4, 1, 22050)
    assert np.array_equal(task.samples, made_words(6).samples)
    sides = [set(task.groups[rows]) for rows in (task.training, task.validation, task.test)]
    assert [len(side) for side in sides] == [4, 1, 1]
    assert not set.intersection(*sides)
    assert task.targets.sum(axis=0).tolist() == [24] * 10
    levels = np.abs(task.samples).max(axis=(1, 2))
    assert levels.min() > 2000
    assert levels.max() <= 32767


def test_without_order_words_are_told_by_pairs() -> None:
    task = made_words(12)
    targets = task.targets[task.test]
    assert accuracy(most_frequent(task, 22050), targets).value() == 0.1
    scores = linear_statistics(task, 22050)
    assert accuracy(scores, targets).value() < 0.7
    pairs = [each.reshape(len(each), 5, 2).sum(axis=2) for each in (scores, targets)]
    assert accuracy(*pairs).value() > 0.8


def test_scenes_hold_what_they_are_said_to() -> None:
    sound, names = scene(5)
    assert np.array_equal(sound, scene(5)[0])
    assert np.abs(sound).max() <= 1
    task = made_scenes(30)
    assert task.samples.shape == (30, 4, 22050)
    assert task.labels == list(TEXTURES)
    assert [task.labels[place] for place in np.flatnonzero(task.targets[5])] == names
    assert set(task.targets.sum(axis=1)) == {1, 2, 3}
    assert [len(rows) for rows in (task.training, task.validation, task.test)] == [20, 5, 5]
