"""The gates of squeeze-and-excitation: what they are on average of a tag, and how they go with loudness."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from earshot.encoders.sample_blocks import Block
from earshot.encoders.sample_cnn import FULL_SCALE, SampleCnn
from sample_level_cnn.clips import ClipTask, Rows

_AT_ONCE = 32
_QUIETEST = 1e-5

Singles = NDArray[np.float32]


class Gates(NamedTuple):
    """Of each block, the first one first.

    Attributes
    ----------
    by_tag
        float32 `(n_tags, channels)`: the mean over segments of clips with the tag; NaN of a tag without any.
    slopes
        float32 `(channels,)`: of the regression of each gate on the loudness of a segment, a decibel.
    """

    by_tag: list[Singles]
    slopes: list[Singles]


def gates_by_tag(network: SampleCnn, task: ClipTask, rows: Rows) -> Gates:
    """The gates of `network` on the clips `rows`. ValueError for a network without any."""
    clips = np.repeat(rows, task.samples.shape[1])
    places = np.tile(np.arange(task.samples.shape[1]), len(rows))
    found: list[list[Singles]] = []
    loudness = []
    for first in range(0, len(clips), _AT_ONCE):
        part = slice(first, first + _AT_ONCE)
        sound = task.samples[clips[part], places[part]].astype(np.float32) / FULL_SCALE  # (n, n_samples)
        loudness.append(20 * np.log10(np.sqrt(np.mean(sound**2, axis=1)) + _QUIETEST))
        found.append([each.numpy() for each in gates(network, torch.from_numpy(sound))])
    by_block = [np.concatenate(parts) for parts in zip(*found, strict=True)]  # (n, channels) each
    targets = task.targets[clips]
    counts = targets.sum(axis=0)[:, None]
    with np.errstate(invalid="ignore"):
        by_tag = [(targets.T @ each / counts).astype(np.float32) for each in by_block]
    return Gates(by_tag, [_slope(each, np.concatenate(loudness)) for each in by_block])


@torch.inference_mode()
def gates(network: SampleCnn, samples: Tensor) -> list[Tensor]:
    """The gates of each block, (batch, channels), on samples within -1 and 1, (batch, n_samples)."""
    told: list[Tensor] = []
    excitations = [
        block.excitation
        for block in network.blocks
        if isinstance(block, Block) and block.excitation is not None
    ]
    if not excitations:
        raise ValueError("block: wanted a network with squeeze-and-excitation")
    hooks = [each.gates.register_forward_hook(lambda _, __, out: told.append(out)) for each in excitations]
    network.eval().activations(samples)
    for hook in hooks:
        hook.remove()
    return told


def _slope(gate: Singles, loudness: NDArray[np.floating]) -> Singles:
    """Least squares, of each column of `gate` on `loudness`, both from their means."""
    centred = loudness - loudness.mean()
    spread = float(centred @ centred)
    slopes = centred @ (gate - gate.mean(axis=0)) / spread if spread else np.zeros(gate.shape[1])
    return np.asarray(slopes, dtype=np.float32)
