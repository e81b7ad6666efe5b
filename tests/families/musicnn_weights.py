"""Random weights of MusiCNN's shapes, and its layers in plain numpy, in double precision."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

KERNELS = [
    (7, 38, 1, 204),
    (7, 67, 1, 204),
    (128, 1, 1, 51),
    (64, 1, 1, 51),
    (32, 1, 1, 51),
    (7, 561, 1, 64),
    (7, 64, 1, 64),
    (7, 64, 1, 64),
]
CHANNELS = [1, *(kernel[3] for kernel in KERNELS), 1506, 200]
"""Of the batch normalizations, in their order."""


def numbered(name: str, number: int) -> str:
    return f"{name}_{number}" if number else name


def random_weights(seed: int) -> dict[str, np.ndarray]:
    """By the names of the checkpoint; some scales are negative, as of the published ones."""
    draw = np.random.default_rng(seed)
    weights = {}
    for number, shape in enumerate(KERNELS):
        weights[f"{numbered('conv2d', number)}/kernel"] = draw.normal(0, np.prod(shape[:2]) ** -0.5, shape)
        weights[f"{numbered('conv2d', number)}/bias"] = draw.normal(0, 0.1, shape[3])
    for number, n in enumerate(CHANNELS):
        prefix = numbered("batch_normalization", number)
        weights[f"{prefix}/gamma"] = draw.normal(0.5, 0.5, n)
        weights[f"{prefix}/beta"] = draw.normal(0, 0.5, n)
        weights[f"{prefix}/moving_mean"] = draw.normal(0, 0.5, n)
        weights[f"{prefix}/moving_variance"] = draw.uniform(0.1, 2, n)
    for name, shape in {"dense": (1506, 200), "dense_1": (200, 50)}.items():
        weights[f"{name}/kernel"] = draw.normal(0, shape[0] ** -0.5, shape)
        weights[f"{name}/bias"] = draw.normal(0, 0.1, shape[1])
    return {name: value.astype(np.float32) for name, value in weights.items()}


def slow_layers(weights: dict[str, np.ndarray], window: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The pooled layers, `(1506,)`, and the penultimate one, `(200,)`, of a window `(n_frames, 96)`."""
    w = {name: value.astype(np.float64) for name, value in weights.items()}

    def normalized(x: np.ndarray, number: int) -> np.ndarray:
        p = numbered("batch_normalization", number)
        deviation = np.sqrt(w[f"{p}/moving_variance"] + 0.001)
        return (x - w[f"{p}/moving_mean"]) / deviation * w[f"{p}/gamma"] + w[f"{p}/beta"]

    def convolved(image: np.ndarray, number: int) -> np.ndarray:
        """(time, height) to (time, height', n_out): as long as before, relu."""
        p = numbered("conv2d", number)
        kernel = w[f"{p}/kernel"][:, :, 0]  # (time, height, n_out)
        before = (len(kernel) - 1) // 2
        padded = np.pad(image, ((before, len(kernel) - 1 - before), (0, 0)))
        parts = sliding_window_view(padded, kernel.shape[:2])  # (time, height', kernel's time and height)
        return np.maximum(np.tensordot(parts, kernel, 2) + w[f"{p}/bias"], 0)

    inputs = normalized(window[:, :, None], 0)[:, :, 0]
    fronts = [normalized(convolved(inputs, number), number + 1).max(axis=1) for number in range(5)]
    features = np.concatenate(fronts, axis=1)  # (time, 561)
    first = normalized(convolved(features, 5)[:, 0], 6)
    second = normalized(convolved(first, 6)[:, 0], 7) + first
    third = normalized(convolved(second, 7)[:, 0], 8) + second
    dense = np.concatenate([features, first, second, third], axis=1)
    largest, mean = dense.max(axis=0), dense.mean(axis=0)
    flat = normalized(np.stack([largest, mean], axis=1).reshape(-1), 9)
    last = normalized(np.maximum(flat @ w["dense/kernel"] + w["dense/bias"], 0), 10)
    return np.concatenate([largest, mean]), last
