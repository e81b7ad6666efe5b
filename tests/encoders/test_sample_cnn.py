"""Sample-level networks: against plain loops, their gradients, their sizes as the papers' code has them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from earshot.classes import Component
from earshot.encoders.sample_blocks import KINDS, Block, SqueezeExcitation
from earshot.encoders.sample_cnn import SampleCnn
from earshot.errors import UserError
from earshot.predictors.inputs import Beside
from earshot.predictors.song_encoder import build, describe
from earshot.store.rows import ImageFormat, Row

Doubles = NDArray[np.float64]
PAPER = (128, 128, 128, 256, 256, 256, 256, 256, 256, 512)


def drawn(module: nn.Module, seed: int = 0) -> nn.Module:
    """With all weights drawn, biases and BatchNorm's numbers too, in float64, to be asked."""
    draw = torch.Generator().manual_seed(seed)
    for name, value in [*module.named_parameters(), *module.named_buffers()]:
        if value.is_floating_point():
            numbers = torch.randn(value.shape, generator=draw) * 0.5
            value.data = (numbers.abs() + 0.5 if "running_var" in name else numbers).double()
    return module.eval()


def numbers(value: torch.Tensor) -> Doubles:
    return value.detach().numpy()


def convolved(x: Doubles, layer: nn.Conv1d) -> Doubles:
    """One window, (channels, time), a filter and a place at a time."""
    weight, bias = numbers(layer.weight), numbers(layer.bias)
    (stride,), (pad,), length = layer.stride, layer.padding, weight.shape[2]
    padded = np.pad(x, ((0, 0), (pad, pad)))
    places = range(0, padded.shape[1] - length + 1, stride)
    return np.array(
        [
            [float((padded[:, at : at + length] * weight[each]).sum() + bias[each]) for at in places]
            for each in range(len(weight))
        ]
    )


def normed(x: Doubles, layer: nn.BatchNorm1d) -> Doubles:
    """(channels, ...) by the mean and variance that the layer has seen."""
    shape = (-1,) + (1,) * (x.ndim - 1)
    mean, var, gamma, beta = (
        numbers(each).reshape(shape)
        for each in (layer.running_mean, layer.running_var, layer.weight, layer.bias)
    )
    return (x - mean) / np.sqrt(var + layer.eps) * gamma + beta


def pooled(x: Doubles) -> Doubles:
    return np.array([[row[3 * at : 3 * at + 3].max() for at in range(len(row) // 3)] for row in x])


def excited(x: Doubles, layer: SqueezeExcitation) -> Doubles:
    down, _, up, _ = layer.gates
    hidden = np.maximum(numbers(down.weight) @ x.mean(axis=1) + numbers(down.bias), 0)
    gates = 1 / (1 + np.exp(-(numbers(up.weight) @ hidden + numbers(up.bias))))
    return x * gates[:, None]


def relu(x: Doubles) -> Doubles:
    return np.maximum(x, 0)


def blocked(x: Doubles, block: Block, kind: str) -> Doubles:
    """As ZOO and the authors' code have it, written from the words and not from the module."""
    layers = list(block.convolutions)
    y = normed(convolved(x, layers[0]), layers[1])
    if kind in ("basic", "se"):
        y = pooled(relu(y))
        return excited(y, block.excitation) if kind == "se" else y
    if kind.endswith("_2"):
        y = normed(convolved(relu(y), layers[-2]), layers[-1])
    if kind.startswith("rese"):
        y = excited(y, block.excitation)
    short = x
    if not isinstance(block.shortcut, nn.Identity):
        short = normed(convolved(x, block.shortcut[0]), block.shortcut[1])
    return pooled(relu(y + short))


def heard(network: SampleCnn, kind: str, levels: int, samples: Doubles) -> Doubles:
    """One window of samples, (n,), to the outputs."""
    x = relu(normed(convolved(samples[None] / 32767, network.stem[0]), network.stem[1]))
    tops = []
    for block in network.blocks:
        x = blocked(x, block, kind)
        tops.append(x.max(axis=1))
    hidden, norm, _, _, last = network.head
    found = numbers(hidden.weight) @ np.concatenate(tops[-levels:]) + numbers(hidden.bias)
    return numbers(last.weight) @ relu(normed(found, norm)) + numbers(last.bias)


@pytest.mark.parametrize("kind", KINDS)
def test_every_network_is_what_plain_loops_give(kind: str) -> None:
    for multi in (False, True):
        network = drawn(SampleCnn(0, 2, 3, (2, 2, 3, 5), kind, multi, reduction=1.0))
        samples = (
            np.random.default_rng(1).integers(-9000, 9000, (2, 12, 8)).astype(np.float64)
        )  # of 81 wanted
        found = numbers(network(torch.from_numpy(samples)))
        wanted = [heard(network, kind, 3 if multi else 1, one.ravel()[:81]) for one in samples]
        np.testing.assert_allclose(found, wanted, rtol=1e-9)


def test_squeeze_and_excitation_of_two_channels_by_hand() -> None:
    layer = SqueezeExcitation(2, 0.5)  # 2 channels to 1 to 2
    down, up = layer.gates[0], layer.gates[2]
    down.weight.data, down.bias.data = torch.tensor([[1.0, -1.0]]), torch.tensor([0.5])
    up.weight.data, up.bias.data = torch.tensor([[0.0], [1.0]]), torch.tensor([0.0, -1.5])
    # means 2 and 1: relu(2 - 1 + 1/2) = 3/2; gates sigmoid(0) and sigmoid(3/2 - 3/2), 1/2 each
    found = layer(torch.tensor([[[1.0, 3.0], [0.0, 2.0]]]))
    np.testing.assert_array_equal(found.detach(), [[[0.5, 1.5], [0.0, 1.0]]])
    # means 0 and 1: relu(-1/2) = 0; gates 1/2 and sigmoid(-3/2)
    found = layer(torch.tensor([[[0.0, 0.0], [1.0, 1.0]]]))
    np.testing.assert_allclose(found.detach()[0, 1], 1 / (1 + np.exp(1.5)), rtol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_differences(kind: str) -> None:
    torch.manual_seed(0)
    network = SampleCnn(0, 2, 2, (2, 2, 3, 3), kind, multi=True, dropout=0.0).double().train()
    for layer in network.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0  # drawn anew each time: no function to differentiate
    # BatchNorm's running numbers change at each call, but do not enter what it gives in training
    names, values = zip(*network.named_parameters(), strict=True)

    def outputs(samples: torch.Tensor, *weights: torch.Tensor) -> torch.Tensor:
        by_name = dict(zip(names, weights, strict=True))
        return torch.func.functional_call(network, by_name, (samples * 32767,))

    samples = torch.randn(3, 6, 9, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(outputs, (samples, *values), fast_mode=True)


def millions(**options: object) -> float:
    network = SampleCnn(0, 50, **options)  # type: ignore[arg-type]
    return round(sum(value.numel() for value in network.parameters()) / 1e6, 2)


def test_as_many_parameters_as_the_papers_networks_have() -> None:
    assert millions() == 1.87  # SampleCNN 3^9
    assert millions(multi=True) == 2.68
    assert millions(block="se", multi=True) == 2.86
    assert millions(block="res_2", multi=True) == 4.92
    assert millions(block="rese_2", multi=True) == 5.10
    assert round(millions(block="se", multi=True, reduction=16), 1) == 24.7
    assert round(millions(block="rese_2", multi=True, reduction=16), 1) == 27.0


@pytest.mark.parametrize(
    ("first", "n_blocks"), [(3, 9), (9, 8), (27, 7), (81, 6), (243, 5), (729, 4), (3, 8), (729, 3)]
)
def test_any_first_filter_leaves_one_value_of_its_window(first: int, n_blocks: int) -> None:
    network = SampleCnn(0, 5, first, (4,) * (n_blocks + 1)).eval()
    length = first * 3**n_blocks
    assert length == (59049 if first * 3**n_blocks > 20000 else 19683)
    lengths = [each.shape[2] for each in network.activations(torch.zeros(1, length))]
    assert lengths == [3**power for power in range(n_blocks, -1, -1)]
    assert network(torch.zeros(1, length + 511, 1)).shape == (1, 5)


def test_a_second_of_sound_goes_through_eight_blocks() -> None:
    network = SampleCnn(0, 35, 3, (2,) * 9, n_samples=22050).eval()
    lengths = [each.shape[2] for each in network.activations(torch.zeros(1, 22050))]
    assert lengths == [7350, 2450, 816, 272, 90, 30, 10, 3, 1]


def test_it_learns_which_of_two_pitches_sounds() -> None:
    torch.manual_seed(0)
    network = SampleCnn(0, 2, 3, (8, 8, 8, 16, 16), "se", multi=True)
    draw, times = np.random.default_rng(0), np.arange(243) / 22050
    kinds = draw.integers(0, 2, 128)
    phases = draw.uniform(0, 2 * np.pi, (128, 1))
    sounds = np.sin(2 * np.pi * np.where(kinds, 700, 1400)[:, None] * times + phases) * 9000
    windows, answers = torch.from_numpy(sounds).float().unsqueeze(2), torch.from_numpy(kinds)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, nesterov=True)
    for _ in range(30):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(windows[:96]), answers[:96]).backward()
        optimizer.step()
    assert (network.eval()(windows[96:]).argmax(dim=1) == answers[96:]).float().mean() > 0.9


IMAGE = ImageFormat(
    sample_rate=22050,
    hop_length=512,
    rows=[Row(f"mel {n}", "mel", 0.0, 1.0) for n in range(4)],
    feature_key="k",
)
SAMPLES = Beside("samples", "key", "frame", 512, [])


def test_the_pipeline_gives_it_windows_and_it_refuses_short_ones_by_name() -> None:
    component = Component("earshot.encoders.sample_cnn:SampleCnn", {"first": 27, "channels": [4] * 8})
    encoder = build(describe(component, IMAGE, 2.7, 3, [SAMPLES])).eval()
    window = torch.randint(-9000, 9000, (2, encoder.n_frames, 512), dtype=torch.int16)
    assert encoder(torch.zeros(2, encoder.n_frames, 4, dtype=torch.uint8), window).shape == (2, 3)
    with pytest.raises(UserError, match=r"windows of 43 frames: wanted 59,049 samples .* window_seconds"):
        build(describe(component, IMAGE, 1.0, 3, [SAMPLES]))
    rows = Component(component.class_path, {"channels": [4] * 5, "families": ["mel"]})
    twin = build(describe(rows, IMAGE, 2.7, 3)).eval()
    assert twin(torch.zeros(2, twin.n_frames, 4, dtype=torch.uint8)).shape == (2, 3)
    with pytest.raises(UserError, match=r"windows of 43 frames: wanted 81 frames"):
        build(describe(rows, IMAGE, 1.0, 3))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"block": "dense"}, "block='dense': wanted one of basic, se"),
        ({"channels": (4, 4, 4), "multi": True}, "2 behind the first, wanted 3 blocks with multi"),
        ({"n_samples": 59048}, "n_samples=59048: wanted 59,049 at least"),
        ({"families": ["samples", "mel"]}, "wanted samples alone, or rows"),
    ],
)
def test_what_cannot_be_is_refused_by_name(options: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        SampleCnn(0, 5, **options)  # type: ignore[arg-type]
