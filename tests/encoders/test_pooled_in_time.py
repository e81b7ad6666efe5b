"""The towers of Lee et al. and Park et al.: lengths after every pool, numbers of weights, levels by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from earshot.encoders.pooled_in_time import PooledInTime


def numbers(network: torch.nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


def test_it_has_the_weights_of_the_papers() -> None:
    """Kernel times channels in times channels out, and a bias a channel, five times; then 256 by 256."""
    layers = [(4, 128, 128), (4, 128, 256), (4, 256, 256), (2, 256, 256), (1, 256, 256), (1, 256, 256)]
    assert numbers(PooledInTime(128, 256)) == sum(k * i * o + o for k, i, o in layers) == 722_304
    park = PooledInTime(128, 256, channels=[128, 128, 128, 128, 256], batch_norm=True, linear=False)
    layers = [(4, 128, 128), (4, 128, 128), (4, 128, 128), (2, 128, 128), (1, 128, 256)]
    assert numbers(park) == sum(k * i * o + o + 2 * o for k, i, o in layers) == 264_448


def test_levels_are_the_means_of_what_comes_before_each_relu() -> None:
    """A slow version: convolutions as sums over shifted frames, in numpy."""
    torch.manual_seed(0)
    network = PooledInTime(3, 2 + 5 + 4, channels=[4, 5], kernels=[4, 1], pools=[4, 1], levels=2).eval()
    windows = torch.randn(2, 3, 10)
    found = network(windows).detach().numpy()
    weights = {name: value.detach().numpy() for name, value in network.named_parameters()}
    for one, x in zip(found, windows.numpy(), strict=True):
        levels = []
        for number, (kernel, pool) in enumerate([(4, 4), (1, 1)]):
            kernels, bias = (weights[f"convolutions.{number}.1.{part}"] for part in ("weight", "bias"))
            # one frame of zeros in front of four, two behind
            padded = np.pad(x, ((0, 0), ((kernel - 1) // 2, kernel // 2)))
            y = (
                np.array(
                    [
                        np.einsum("oik,ik->o", kernels[:, :, 0], padded[:, t : t + kernel])
                        for t in range(x.shape[1])
                    ]
                ).T
                + bias[:, None]
            )
            levels.insert(0, y.mean(axis=1))
            whole = y.shape[1] // pool
            x = np.maximum(y, 0)[:, : whole * pool].reshape(len(y), whole, pool).max(axis=2)
        last = weights["output.weight"] @ x.mean(axis=1) + weights["output.bias"]
        np.testing.assert_allclose(one, np.concatenate([last, *levels]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("n_frames", [1, 2, 9, 129, 130, 300])
def test_any_number_of_frames_will_do(n_frames: int) -> None:
    network = PooledInTime(6, 2 + 4 * 3, channels=[3] * 5, levels=4).eval()
    assert network(torch.randn(2, 6, n_frames)).shape == (2, 14)


def test_what_does_not_fit_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="n_outputs=100: -924 are left"):
        PooledInTime(128, 100, levels=4)
    with pytest.raises(ValueError, match="wanted 256 with linear=False"):
        PooledInTime(128, 100, linear=False)
    with pytest.raises(ValueError, match="wanted one of each a layer"):
        PooledInTime(128, 100, pools=[4])
    with pytest.raises(ValueError, match="levels=6: wanted 0 to 5"):
        PooledInTime(128, 100, levels=6)
