"""Sample-level networks: windows a CPU second, heard and learned from; parameters; multiplications a window.

python benchmarks/sample_cnn.py [BATCH [ROUNDS]]
"""

from __future__ import annotations

import json
import sys
from functools import partial

import torch
from torch import Tensor, nn
from turns import device_seconds, median_seconds, timed

from earshot.encoders.sample_cnn import SampleCnn
from earshot.predictors.load import device

FULL = (128, 128, 128, 256, 256, 256, 256, 256, 256, 512)
SHORT = (128, 128, 128, 256, 256, 256, 256, 256, 512)
HALF = (64, 64, 128, 128, 128, 128, 128, 256)
NETWORKS = {
    "SampleCNN 3^9": {"channels": FULL},
    "SampleCNN 3^8": {"channels": SHORT},
    "SE-Multi 3^9": {"channels": FULL, "block": "se", "multi": True},
    "ReSE-2-Multi 3^9": {"channels": FULL, "block": "rese_2", "multi": True},
    "3^9, first 27, half": {"first": 27, "channels": HALF},
    "SE-Multi 3^9, first 27, half": {"first": 27, "channels": HALF, "block": "se", "multi": True},
    "ReSE-2-Multi 3^9, first 27, half": {"first": 27, "channels": HALF, "block": "rese_2", "multi": True},
    "3^8, first 9, half": {"first": 9, "channels": HALF},
    "3^9, first 27, half, on mel": {"channels": (128, 128, 128, 128, 256), "families": ["mel"]},
}
"""Of the last, 128 mel rows of 116 frames: 3 ** 4 of them go into a value."""
N_OUTPUTS = 50


def main(batch: int = 8, rounds: int = 3) -> None:
    """Print a line a network, and a line of JSON last."""
    torch.manual_seed(0)
    found = {name: _measure(options, batch, rounds) for name, options in NETWORKS.items()}
    for name, row in found.items():
        print(f"{name:34s}", *(f"{key} {value:,.2f}" for key, value in row.items()), sep="  ")
    print(json.dumps(found))


def _measure(options: dict[str, object], batch: int, rounds: int) -> dict[str, float]:
    network = SampleCnn(128 if "families" in options else 0, N_OUTPUTS, **options).to(device())  # type: ignore[arg-type]
    length = int(options.get("first", 3)) * 3 ** len(network.blocks)  # type: ignore[call-overload]
    shape = (batch, 128, 116) if "families" in options else (batch, length, 1)
    windows = torch.randn(shape, device=device()) * 3000
    ways = {
        "heard": partial(timed, device_seconds, _hear, network, windows),
        "learned": partial(timed, device_seconds, _learn, network, windows),
    }
    rates = {way: batch / seconds for way, seconds in median_seconds(ways, rounds).items()}
    weights = sum(value.numel() for value in network.parameters())
    return rates | {"Mparameters": weights / 1e6, "MMAC": _multiplications(network, windows[:1]) / 1e6}


def _hear(network: nn.Module, windows: Tensor) -> None:
    with torch.inference_mode():
        network.eval()(windows)


def _learn(network: nn.Module, windows: Tensor) -> None:
    network.train()(windows).square().mean().backward()


def _multiplications(network: nn.Module, window: Tensor) -> float:
    """Of convolutions and dense layers, for one window."""
    counts: list[int] = []

    def count(layer: nn.Module, _: object, output: Tensor) -> None:
        weight = layer.weight
        assert isinstance(weight, Tensor)
        counts.append(weight.numel() * (output.shape[2] if output.dim() == 3 else 1))

    hooks = [
        layer.register_forward_hook(count)
        for layer in network.modules()
        if isinstance(layer, nn.Conv1d | nn.Linear)
    ]
    _hear(network, window)
    for hook in hooks:
        hook.remove()
    return sum(counts)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
