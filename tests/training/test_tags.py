from math import log

import numpy as np
import pandas as pd
import pytest
import torch

from earshot.errors import UserError
from earshot.training.examples import Examples
from earshot.training.objectives.tags import Tags


def _examples(tags: list[str | None], n_training: int) -> Examples:
    songs = pd.DataFrame({"tags": tags})
    return Examples(songs, np.empty((len(tags), 0), np.float32), np.arange(len(tags)), n_training)


def test_cross_entropy_by_hand_and_songs_without_a_tag_counted() -> None:
    tags = ["slow; drums", "drums", None, "all;slow", "fast", "slow"]
    objective = Tags(_examples(tags, n_training=4), n_tags=2)
    assert objective.tags == ["drums", "slow"]  # `all` is rarer, `fast` nobody taught
    assert objective.n_outputs == 2
    assert objective.left_out == 2
    outputs = torch.tensor([[0.0, log(3)]] * 6, requires_grad=True)  # sigmoid 1/2 and 3/4
    losses = objective(outputs, torch.arange(6))
    # -log of what is given to each tag being there or not, the mean of two tags
    both, drums, slow = log(2) + log(4 / 3), log(2) + log(4), log(2) + log(4 / 3)
    expected = torch.tensor([both, drums, 0, slow, 0, slow]) / 2
    torch.testing.assert_close(losses, expected)
    losses.sum().backward()
    assert outputs.grad is not None
    # (sigmoid - target) / 2
    torch.testing.assert_close(outputs.grad[1], torch.tensor([-1 / 4, 3 / 8]))
    assert not outputs.grad[[2, 4]].any()


def test_gradient() -> None:
    objective = Tags(_examples(["a;b", "b", "c", "a"], n_training=3)).double()
    outputs = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda each: objective(each, torch.arange(4)), outputs)


@pytest.mark.parametrize("tags", [["a", "a", "a"], ["a", "b", "c"], ["", None, "a"]])
def test_nothing_to_learn_is_said(tags: list[str | None]) -> None:
    with pytest.raises(UserError, match="a tag that some have and others lack is wanted"):
        Tags(_examples(tags, n_training=2))


def test_a_loss_for_large_outputs_stays_finite() -> None:
    objective = Tags(_examples(["a", "b", "a"], n_training=2))
    assert objective(torch.tensor([[-500.0, 500.0]]), torch.tensor([0])).item() == pytest.approx(500)
