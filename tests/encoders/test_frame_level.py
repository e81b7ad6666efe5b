import numpy as np
import pytest
import torch

from earshot.encoders.frame_level import FrameLevelCnn, Levels
from earshot.encoders.sample_cnn import SampleCnn


def test_every_layer_as_a_plain_loop_has_it() -> None:
    torch.manual_seed(0)
    network = FrameLevelCnn(4, 3, pools=(3, 2), channels=(5, 6), n_frames=6).eval()
    for layer in network.layers:
        layer[1].running_mean.normal_()
        layer[1].running_var.uniform_(0.5, 2)
    windows = torch.randn(2, 4, 13)
    found = [each.detach().numpy() for each in network.levels(windows)]
    x = windows.numpy().astype(np.float64)
    maxima = []
    for number, pool in enumerate((3, 2)):
        x = _layer(network.layers[number], x)
        np.testing.assert_allclose(found[number], x, atol=1e-5)
        maxima.append(x.max(axis=2))
        places = x.shape[2] // pool
        x = np.stack([x[:, :, n * pool : (n + 1) * pool].max(axis=2) for n in range(places)], axis=2)
    with torch.no_grad():
        levels = Levels(network)
        assert levels.n_outputs == 11
        np.testing.assert_allclose(levels(windows), np.hstack(maxima), atol=1e-5)
        linear = network.output[1]
        expected = maxima[-1] @ linear.weight.numpy().T + linear.bias.numpy()
        np.testing.assert_allclose(network(windows), expected, atol=1e-5)


def _layer(layer: torch.nn.Sequential, x: np.ndarray) -> np.ndarray:
    """Convolution over three frames with a zero on either side, normalization, max(0, x)."""
    convolution, normalization = layer[0], layer[1]
    weight, bias = convolution.weight.detach().numpy(), convolution.bias.detach().numpy()
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1)))
    out = np.empty((len(x), len(weight), x.shape[2]))
    for song in range(len(x)):
        for channel in range(len(weight)):
            for frame in range(x.shape[2]):
                around = padded[song, :, frame : frame + 3]
                out[song, channel, frame] = (weight[channel] * around).sum() + bias[channel]
    figures = [each.detach().numpy()[:, None] for each in normalization.parameters()]
    mean = normalization.running_mean.numpy()[:, None]
    deviation = np.sqrt(normalization.running_var.numpy()[:, None] + normalization.eps)
    return np.maximum((out - mean) / deviation * figures[0] + figures[1], 0)


def test_the_papers_networks_have_ten_layers_and_one_place_left() -> None:
    layers = 0
    for pools, n_frames in (((3, 3, 2), 18), ((3, 3, 3), 27), ((3, 3, 3, 2), 54)):
        channels = (128, 128, 256, 256)[: len(pools)]
        network = FrameLevelCnn(128, 7, pools=pools, channels=channels, n_frames=n_frames).eval()
        activations = network.levels(torch.zeros(2, 128, n_frames))
        layers += len(activations)
        assert network.pools[-1](activations[-1]).shape == (2, 256, 1)
        assert network(torch.zeros(2, 128, n_frames)).shape == (2, 7)
    assert layers == 10


def test_levels_of_a_network_on_samples() -> None:
    torch.manual_seed(2)
    network = SampleCnn(0, 2, first=3, channels=(2, 3, 4, 5, 6), multi=True).eval()
    windows = torch.randn(2, 9, 30) * 1000  # 270 samples, of which 243 are heard
    levels = Levels(network)
    assert (network.level_widths, levels.n_outputs) == ([4, 5, 6], 15)
    with torch.no_grad():  # its head is over the same three levels
        torch.testing.assert_close(network.head(levels(windows)), network(windows))


def test_gradient() -> None:
    torch.manual_seed(1)
    network = FrameLevelCnn(2, 2, pools=(2,), channels=(3,), dropout=0.0).double()
    windows = torch.randn(3, 2, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(network, windows)


@pytest.mark.parametrize(
    ("changed", "said"),
    [({"n_frames": 26}, "windows of 26 frames: wanted 27 at least"), ({"pools": (3,)}, "wanted one of each")],
)
def test_what_does_not_fit_is_named(changed: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        FrameLevelCnn(4, 3, **changed)
