from math import exp, log

import numpy as np
import pandas as pd
import pytest
import torch

from earshot.errors import UserError
from earshot.training.examples import Examples
from earshot.training.objectives.genre import Genre


def _examples(genres: list[str | None], n_training: int) -> Examples:
    songs = pd.DataFrame({"genres": genres})
    return Examples(songs, np.empty((len(genres), 0), np.float32), np.arange(len(genres)), n_training)


def test_cross_entropy_by_hand_and_songs_without_one_genre_counted() -> None:
    genres = ["Rock", "dub", "dub; rock", None, " rock ;", "folk"]
    objective = Genre(_examples(genres, n_training=4))
    assert objective.genres == ["dub", "rock"]
    assert objective.n_outputs == 2
    assert objective.left_out == 3  # of two genres, of none, and of one that nobody taught
    outputs = torch.tensor([[0.0, log(3)]] * 6, requires_grad=True)
    losses = objective(outputs, torch.arange(6))
    torch.testing.assert_close(losses, torch.tensor([log(4 / 3), log(4), 0, 0, log(4 / 3), 0]))
    losses.sum().backward()
    softmax = torch.tensor([1 / 4, 3 / 4])
    expected = [softmax - torch.tensor(truth) for truth in ([0.0, 1], [1.0, 0])]
    torch.testing.assert_close(outputs.grad[:2], torch.stack(expected))
    assert not outputs.grad[[2, 3, 5]].any()


def test_gradient() -> None:
    objective = Genre(_examples(["a", "b", "c", "a"], n_training=3)).double()
    outputs = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda each: objective(each, torch.arange(4)), outputs)


def test_moods_are_tags_that_are_asked_for() -> None:
    songs = pd.DataFrame({"tags": ["fast; Dark", "dreamy", "dark;dreamy", "fast", "dark"]})
    examples = Examples(songs, np.empty((5, 0), np.float32), np.arange(5), n_training=4)
    objective = Genre(examples, column="tags", among=["dark", "dreamy", "cheerful"])
    assert objective.genres == ["dark", "dreamy"]
    assert objective.targets.tolist() == [0, 1, -1, -1, 0]
    with pytest.raises(UserError, match=r"tags=\['fast'\].*two are wanted"):
        Genre(examples, column="tags", among=["fast"])
    with pytest.raises(UserError, match="column='mood': wanted one of tags"):
        Genre(examples, column="mood")


@pytest.mark.parametrize("genres", [["a", "a", "a"], ["a", "b", "a;b"]])
def test_nothing_to_tell_apart_is_said(genres: list[str]) -> None:
    with pytest.raises(UserError, match=r"genres=\[.*two are wanted"):
        Genre(_examples(genres, n_training=2))


def test_a_loss_for_large_outputs_stays_finite() -> None:
    objective = Genre(_examples(["a", "b", "a"], n_training=2))
    loss = objective(torch.tensor([[-500.0, 500.0]]), torch.tensor([0]))
    assert loss.item() == pytest.approx(1000)
    assert exp(-loss.item()) == 0
