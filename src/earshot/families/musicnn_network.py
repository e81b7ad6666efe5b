"""The layers of MusiCNN, as `models.py` of github.com/jordipons/musicnn 0.1.0 stacks them, in torch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import conv1d, conv2d, pad

_WINDOWS_AT_ONCE = 2  # with more, what lies between two layers leaves the cache: 10 take twice as long each
_EPSILON = 1e-3
"""TensorFlow adds it to the variance in a batch normalization."""


class MusicnnNetwork:
    """MusiCNN with its `weights`, which are named as in its checkpoint."""

    def __init__(self, weights: Mapping[str, NDArray[np.float32]]) -> None:
        self._weights = {name: torch.tensor(value) for name, value in weights.items()}
        self._fronts = [self._front(number) for number in range(5)]

    def vectors(self, windows: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Of each layer float32 `(n, width)`, of windows `(n, n_frames, 96)`."""
        parts: dict[str, list[NDArray[np.float32]]] = {"pooled": [], "penultimate": []}
        with torch.inference_mode():
            for first in range(0, len(windows), _WINDOWS_AT_ONCE):
                some = torch.from_numpy(windows[first : first + _WINDOWS_AT_ONCE])
                pooled = self._pooled(self._mid_end(self._front_end(some)))
                parts["pooled"].append(pooled.numpy())
                parts["penultimate"].append(self._penultimate(pooled).numpy())
        return {layer: np.concatenate(part) for layer, part in parts.items()}

    def _normalization(self, number: int) -> tuple[Tensor, Tensor]:
        """Scale and offset that a batch normalization comes to once it is trained, `(n_channels,)` each."""
        names = ("gamma", "beta", "moving_mean", "moving_variance")
        prefix = _numbered("batch_normalization", number)
        gamma, beta, mean, variance = (self._weights[f"{prefix}/{name}"] for name in names)
        scale = gamma / (variance + _EPSILON).sqrt()
        return scale, beta - mean * scale

    def _front(self, number: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Kernel `(n_out, 1, time, mel)`, bias, scale and offset of a layer of the front end.

        The largest of scale * relu(x) + offset over frequency is that of x, or of -x where the scale is
        negative: there the filter is turned round, so that only what is largest is ever scaled.
        """
        prefix = _numbered("conv2d", number)
        scale, offset = self._normalization(number + 1)
        sign = 1 - 2 * (scale < 0).float()
        # TensorFlow's (time, mel, n_in, n_out)
        kernel = self._weights[f"{prefix}/kernel"].permute(3, 2, 0, 1) * sign[:, None, None, None]
        return kernel.contiguous(), self._weights[f"{prefix}/bias"] * sign, scale, offset

    def _front_end(self, windows: Tensor) -> Tensor:
        """Timbral (7 frames, 38 and 67 bands) and temporal (128, 64, 32 frames) filters, (n, 561, time)."""
        scale, offset = self._normalization(0)
        inputs = windows[:, None] * scale + offset  # (n, 1, time, mel)
        found = []
        for kernel, bias, scale, offset in self._fronts:
            before = (kernel.shape[2] - 1) // 2
            padded = pad(inputs, (0, 0, before, kernel.shape[2] - 1 - before))  # as long as before
            largest = conv2d(padded, kernel, bias).amax(dim=3)  # (n, n_out, time)
            sign = 1 - 2 * (scale < 0).float()
            found.append(scale[:, None] * (largest * sign[:, None]).relu() + offset[:, None])
        return torch.cat(found, dim=1)

    def _mid_end(self, features: Tensor) -> Tensor:
        """Beside `features` three layers of 7 frames, two added to what they hear, (n, 753, time)."""
        first = self._layer(features, 5)
        second = first + self._layer(first, 6)
        third = second + self._layer(second, 7)
        return torch.cat([features, first, second, third], dim=1)

    def _layer(self, inputs: Tensor, number: int) -> Tensor:
        """Convolution over time, relu, normalization: (n, n_in, time) to (n, 64, time)."""
        prefix = _numbered("conv2d", number)
        # TensorFlow's (time, n_in, 1, n_out), n_in being an axis of its image
        kernel = self._weights[f"{prefix}/kernel"][:, :, 0].permute(2, 1, 0)
        scale, offset = self._normalization(number + 1)
        outputs = conv1d(inputs, kernel, self._weights[f"{prefix}/bias"], padding=3).relu()
        return outputs * scale[:, None] + offset[:, None]

    def _pooled(self, features: Tensor) -> Tensor:
        """The largest over time, then the mean, of each channel, (n, 2 * 753)."""
        return torch.cat([features.amax(dim=2), features.mean(dim=2)], dim=1)

    def _penultimate(self, pooled: Tensor) -> Tensor:
        """(n, 200): of a dense layer, normalized before and after."""
        largest, mean = pooled.chunk(2, dim=1)
        # TensorFlow flattens (n, channels, 2): largest and mean of the same channel side by side
        inputs = torch.stack([largest, mean], dim=2).flatten(1)
        scale, offset = self._normalization(9)
        outputs = (inputs * scale + offset) @ self._weights["dense/kernel"] + self._weights["dense/bias"]
        scale, offset = self._normalization(10)
        return outputs.relu() * scale + offset


def _numbered(name: str, number: int) -> str:
    """As TensorFlow names the layers of a kind: the first without a number."""
    return f"{name}_{number}" if number else name
