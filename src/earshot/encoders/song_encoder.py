"""An encoder and all it needs to go from stored frames to vectors: its rows, their scale, the target's."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import signature
from typing import Annotated, Any

import torch
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from earshot.audio.rows import ImageFormat
from earshot.encoders.components import load_class, load_network
from earshot.errors import UserError
from earshot.params import ClassPath, Component, Count

QUANTIZATION_STEP = 1.0
"""Of every stored row: a smaller deviation is rounding, not sound."""
MEDIAN_SHARE = 0.25
"""Of the median row's deviation: the least that a row is divided by."""
MAX_DEVIATIONS = 6.0
"""Farther from its mean no row reaches the network: music that was trained on stays within."""


def floored(scale: Tensor) -> Tensor:
    """Deviations of rows, (n_rows,), that rows may be divided by.

    None is below `QUANTIZATION_STEP` or `MEDIAN_SHARE` of the median row's; rows that do
    not vary (at most a step) are left out of the median. A row of a catalogue of low-pass
    previews had a deviation of 0.4 steps, the next smallest 27: full-band music, at 58 +- 46
    there, reached the network with over 100 deviations, all in the same place. Applied twice
    it changes nothing more.

    Example
    -------
    >>> floored(torch.tensor([0.0, 0.4, 27.0, 32.0, 40.0]))
    tensor([ 8.,  8., 27., 32., 40.])
    """
    varying = scale[scale > QUANTIZATION_STEP]
    median = float(varying.quantile(0.5)) if len(varying) else 0.0
    return scale.clamp(min=max(QUANTIZATION_STEP, MEDIAN_SHARE * median))


class SongEncoder(nn.Module):
    """Windows as they are stored in, vectors out.

    Parameters
    ----------
    network
        An encoder as `earshot.encoders` tells.
    rows
        Rows of the image it reads.
    n_frames
        Frames of a window.
    n_outputs
        Length of a vector.
    """

    row_mean: Tensor
    row_scale: Tensor
    output_mean: Tensor
    output_scale: Tensor

    def __init__(self, network: nn.Module, rows: Sequence[int], n_frames: int, n_outputs: int) -> None:
        super().__init__()
        self.network = network
        self.rows = list(rows)
        self.n_frames = n_frames
        self.register_buffer("row_mean", torch.zeros(len(self.rows)))
        self.register_buffer("row_scale", torch.ones(len(self.rows)))
        self.register_buffer("output_mean", torch.zeros(n_outputs))
        self.register_buffer("output_scale", torch.ones(()))

    def forward(self, windows: Tensor) -> Tensor:
        """uint8 (batch, n_frames, all rows) to the network's own outputs, float32 (batch, n_outputs)."""
        chosen = windows if len(self.rows) == windows.shape[2] else windows[:, :, self.rows]
        standardized = (chosen.to(torch.float32) - self.row_mean) / self.row_scale
        standardized.clamp_(-MAX_DEVIATIONS, MAX_DEVIATIONS)
        outputs: Tensor = self.network(standardized.transpose(1, 2))
        return outputs

    def vectors(self, outputs: Tensor) -> Tensor:
        """Outputs on the scale of the targets."""
        return outputs * self.output_scale + self.output_mean

    def standardize_rows(self, mean: NDArray[Any], scale: NDArray[Any]) -> None:
        """Have rows of this `mean` and standard deviation `scale` reach the network with 0 and 1.

        Rows that hardly vary reach it with less than 1 (`floored`), constant ones as 0.
        """
        self.row_mean.copy_(torch.from_numpy(mean[self.rows]))
        self.row_scale.copy_(floored(torch.from_numpy(scale[self.rows])))


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True, allow_inf_nan=False))
class EncoderDescription:
    """All that must be known beside the weights; `encoder.json`.

    Attributes
    ----------
    class_path, init_args
        As in params.yaml.
    rows
        Rows of the image that it reads.
    n_outputs
        Length of a vector.
    n_frames
        Frames of a window.
    feature_key
        Of the images it was trained on.
    """

    class_path: ClassPath
    init_args: dict[str, Any]
    rows: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1, max_length=10_000)]
    n_outputs: Count
    n_frames: Count
    feature_key: Annotated[str, Field(max_length=200)]


def describe(
    component: Component, image_format: ImageFormat, window_seconds: float, n_outputs: int
) -> EncoderDescription:
    """The description of `component` reading windows of `window_seconds` from images of `image_format`.

    An encoder whose `__init__` names `n_frames` or `family_rows` (rows of each family, in
    stored order) is told them. Raises UserError for a class that is not there or a family
    the images do not hold.
    """
    kind = load_class(component.class_path, "cnn_checkpoint.encoder.class_path")
    families = component.init_args.get("families", getattr(kind, "families", None))
    if families is None:
        raise UserError(f"cnn_checkpoint.encoder.class_path={component.class_path!r} has no `families`")
    rows = [int(row) for row in image_format.row_slice(families)]
    n_frames = max(1, round(window_seconds * image_format.frames_per_second))
    there = [image_format.rows[row].family for row in rows]
    told = {"n_frames": n_frames, "family_rows": [there.count(family) for family in dict.fromkeys(there)]}
    asked = {name: value for name, value in told.items() if name in signature(kind).parameters}
    init_args = component.init_args | asked
    if not rows:
        raise UserError("cnn_checkpoint.encoder.init_args.families=[]: wanted at least one")
    return EncoderDescription(
        component.class_path, init_args, rows, n_outputs, n_frames, image_format.feature_key
    )


def build(description: EncoderDescription) -> SongEncoder:
    """A new encoder with weights drawn from torch's generator. Raises UserError for init_args it refuses."""
    kind = load_network(description.class_path, "cnn_checkpoint.encoder.class_path")
    try:
        network = kind(len(description.rows), description.n_outputs, **description.init_args)
    except (TypeError, ValueError) as error:
        raise UserError(
            f"cnn_checkpoint.encoder.init_args={description.init_args!r:.1000}: {error}"
        ) from None
    return SongEncoder(network, description.rows, description.n_frames, description.n_outputs)
