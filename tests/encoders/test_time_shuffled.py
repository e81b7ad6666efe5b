"""What is left of a song without the order of its frames."""

from pathlib import Path

import numpy as np
import torch
from numpy.testing import assert_allclose

from earshot.classes import Component
from earshot.encoders.convolutional import ConvolutionalEncoder
from earshot.encoders.time_shuffled import TimeShuffled
from earshot.predictors.load import load_encoder, predict, save_encoder
from earshot.predictors.song_encoder import build, describe
from earshot.store.reader import HyperImageStore
from tests.training.heard import write_training_set


class Statistics(torch.nn.Module):
    """Mean over time, spread over time, and the step from frame to frame of each row."""

    def __init__(self, n_rows: int, n_outputs: int) -> None:
        super().__init__()

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        steps = windows.diff(dim=2).abs().mean(dim=2)
        return torch.cat([windows.mean(dim=2), windows.std(dim=2), steps], dim=1)


def _shuffled(seed: int = 0) -> TimeShuffled:
    return TimeShuffled(3, 9, {"class_path": f"{__name__}:Statistics", "init_args": {}}, seed=seed)


def test_what_does_not_need_time_stays_and_what_does_goes() -> None:
    ramps = torch.arange(100.0) * torch.tensor([[[1.0], [2.0], [-1.0]]])  # steps of 1, 2 and 1
    for encoder in (_shuffled().train(), _shuffled().eval()):
        mean, spread, steps = encoder(ramps)[0].split(3)
        assert_allclose(mean, ramps[0].mean(dim=1))
        assert_allclose(spread, ramps[0].std(dim=1), rtol=1e-6)
        assert (steps > 20).all()  # two frames drawn at random lie 33 apart
        assert_allclose(steps / steps[0], [1, 2, 1])  # the rows of a frame stay together


def test_a_prediction_depends_on_the_window_and_the_seed_alone() -> None:
    windows = torch.randn(5, 3, 40, generator=torch.manual_seed(0))
    encoder = _shuffled().eval()
    together = encoder(windows)
    assert_allclose(encoder(windows[3:4])[0], together[3])
    assert_allclose(_shuffled().eval()(windows), together)
    assert not torch.equal(_shuffled(seed=1).eval()(windows), together)


def test_in_training_every_window_has_an_order_of_its_own() -> None:
    windows = torch.randn(1, 3, 40, generator=torch.manual_seed(0)).repeat(4, 1, 1)
    steps = _shuffled().train()(windows)[:, 6]
    assert len(set(steps.tolist())) == 4


def test_it_survives_the_disk(tmp_path: Path) -> None:
    write_training_set(tmp_path / "training_set")
    store = HyperImageStore.open(tmp_path / "training_set" / "hyper_images")
    inner = {
        "class_path": "earshot.encoders.convolutional:ConvolutionalEncoder",
        "init_args": {"channels": 4},
    }
    init_args = {"encoder": inner, "families": ["mel", "mfcc"]}
    component = Component("earshot.encoders.time_shuffled:TimeShuffled", init_args)
    description = describe(component, store.format, 0.25, n_outputs=2)
    encoder = build(description).eval()
    assert encoder.rows == [1, 2, 3, 4]
    save_encoder(tmp_path, encoder, description)
    assert_allclose(predict(load_encoder(tmp_path), store, [3, 1]), predict(encoder, store, [3, 1]))


def test_rising_cannot_be_told_from_falling() -> None:
    settings = {"channels": 8, "hidden": 8, "dropout": 0.0}
    encoder = {"class_path": "earshot.encoders.convolutional:ConvolutionalEncoder", "init_args": settings}
    torch.manual_seed(0)
    assert _learn_direction(ConvolutionalEncoder(1, 1, **settings)) < 0.1
    assert _learn_direction(TimeShuffled(1, 1, encoder)) > 0.8  # a guess has 1


def _learn_direction(network: torch.nn.Module) -> float:
    """Mean squared error after learning +1 for a rising tooth, -1 for a falling one."""
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    draw = np.random.default_rng(0)
    for _ in range(150):
        direction = torch.from_numpy(draw.choice([-1.0, 1.0], (32, 1))).float()
        phase = torch.from_numpy(draw.integers(0, 8, (32, 1)))
        teeth = direction * ((torch.arange(48) + phase) % 8 - 3.5)
        loss = (network(teeth[:, None]) - direction).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.item()
