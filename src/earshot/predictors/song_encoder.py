"""A song as the windows it is cut into: consecutive ones to hear it whole, one at random to learn from."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import signature
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from earshot.columns import N_FRAMES
from earshot.encoders.components import load_class, load_network
from earshot.errors import UserError
from earshot.features.rows import ImageFormat
from earshot.params import ClassPath, Component, Count
from earshot.predictors.familiar import MAX_DEVIATIONS, Familiar, Gain, floored, gain_of
from earshot.store.reader import HyperImageStore


def consecutive(n_frames: int, window: int) -> NDArray[np.int64]:
    """First frames of as few windows as cover a song, evenly spaced, the last one ending where the song does.

    Example
    -------
    >>> consecutive(10, 5), consecutive(10, 4), consecutive(3, 5)
    (array([0, 5]), array([0, 3, 6]), array([0]))
    """
    count = max(1, -(-n_frames // window))  # rounded up
    return np.rint(np.linspace(0, max(0, n_frames - window), count)).astype(np.int64)


def read_songs(
    store: HyperImageStore, positions: Sequence[int], window: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """All consecutive windows of some songs.

    Returns
    -------
    windows
        uint8 (n_windows, window, all rows).
    owners
        Place in `positions` of the song of each window, (n_windows,).
    """
    n_frames = store.songs[N_FRAMES].to_numpy()
    starts = [consecutive(int(n_frames[position]), window) for position in positions]
    # 0, 0, 0, 1, 1, ...: the place of a song for each of its windows
    owners = np.repeat(np.arange(len(positions)), [len(some) for some in starts])
    windows = store.windows(np.asarray(positions)[owners], np.concatenate(starts), window)
    return windows, owners


def average_matrix(owners: NDArray[np.int64], n_songs: int) -> torch.Tensor:
    """float32 (n_songs, n_windows) that takes window vectors to the mean of each song."""
    # (n_songs, n_windows): 1 where the window is of the song
    member = (np.arange(n_songs)[:, None] == owners[None, :]).astype(np.float32)
    return torch.from_numpy(member / member.sum(axis=1, keepdims=True))


def draw_starts(n_frames: NDArray[np.int64], window: int, draw: np.random.Generator) -> NDArray[np.int64]:
    """A first frame for each of some songs, int64 (n,), any place where a window fits being as likely.

    Parameters
    ----------
    n_frames
        Lengths of the songs, (n,); one that is shorter than the window starts at 0.
    window
        Frames of a window.
    """
    return draw.integers(0, np.maximum(n_frames - window, 0), endpoint=True)


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

    Attributes
    ----------
    familiar
        The songs it learned from; None where that is not known.
    bounded
        Whether no row reaches the network with more than `MAX_DEVIATIONS`.
    gain
        How windows are brought to one loudness; None in encoders older than this.
    """

    familiar: Familiar | None = None
    bounded: bool = False
    gain: Gain | None = None
    row_mean: Tensor
    row_scale: Tensor
    output_mean: Tensor
    output_scale: Tensor

    def __init__(self, network: nn.Module, rows: Sequence[int], n_frames: int, n_outputs: int) -> None:
        super().__init__()
        self.network = network
        self.rows = list(rows)
        self.n_frames = n_frames
        # buffers: saved with the weights, and not learned
        self.register_buffer("row_mean", torch.zeros(len(self.rows)))
        self.register_buffer("row_scale", torch.ones(len(self.rows)))
        self.register_buffer("output_mean", torch.zeros(n_outputs))
        self.register_buffer("output_scale", torch.ones(()))

    def forward(self, windows: Tensor) -> Tensor:
        """uint8 (batch, n_frames, all rows) to the network's own outputs, float32 (batch, n_outputs)."""
        # (batch, n_frames, n_rows)
        chosen = windows if len(self.rows) == windows.shape[2] else windows[:, :, self.rows]
        standardized = (chosen.to(torch.float32) - self.row_mean) / self.row_scale
        if self.gain is not None:
            # one gain a window: (batch, n_rows) to (batch, 1, n_rows)
            standardized += self.gain.correction(standardized.mean(dim=1), self.row_scale)[:, None]
        if self.bounded:
            standardized.clamp_(-MAX_DEVIATIONS, MAX_DEVIATIONS)
        outputs: Tensor = self.network(standardized.transpose(1, 2))  # (batch, n_rows, n_frames)
        return outputs

    def vectors(self, outputs: Tensor) -> Tensor:
        """Outputs, float32 (n, n_outputs), on the scale of the targets."""
        return outputs * self.output_scale + self.output_mean

    def standardize_rows(self, mean: NDArray[Any], scale: NDArray[Any]) -> None:
        """Have rows of this `mean` and standard deviation `scale` reach the network with 0 and 1.

        Both are (n_rows,), one for every row of the image, in stored levels. Rows that hardly vary
        reach the network with less than 1 (`floored`), constant ones as 0.
        """
        self.row_mean.copy_(torch.from_numpy(mean[self.rows]))
        self.row_scale.copy_(torch.from_numpy(scale[self.rows]))
        self.bound_rows()
        self.bounded = True

    def bound_rows(self) -> None:
        """Floor the scales, and clamp what reaches the network, but for one that hears levels as stored."""
        self.row_scale.copy_(floored(self.row_scale))
        self.bounded = bool(self.row_mean.any()) or bool((self.row_scale != 1).any())


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
    familiar
        Of the songs it was trained on; None in files older than this.
    gain
        Of its mel rows; likewise, and where it reads none.
    """

    class_path: ClassPath
    init_args: dict[str, Any]
    rows: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1, max_length=10_000)]
    n_outputs: Count
    n_frames: Count
    feature_key: Annotated[str, Field(max_length=200)]
    familiar: Familiar | None = None
    gain: Gain | None = None

    @model_validator(mode="after")
    def _gain_fits(self) -> EncoderDescription:
        if self.gain is not None and max(self.gain.rows) >= len(self.rows):
            raise ValueError(f"gain: row {max(self.gain.rows)} of {len(self.rows)}")
        return self

    @model_validator(mode="after")
    def _familiar_fits(self) -> EncoderDescription:
        if self.familiar is not None:
            found = [len(part) for part in (self.familiar.mean, self.familiar.sound, self.familiar.spread)]
            wanted = [self.n_outputs, 2 * len(self.rows), 2 * len(self.rows)]
            if found != wanted:
                raise ValueError(f"familiar: mean, sound, spread of {found} numbers, wanted {wanted}")
        return self


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
    # dict.fromkeys: each family once, in stored order
    told = {"n_frames": n_frames, "family_rows": [there.count(family) for family in dict.fromkeys(there)]}
    asked = {name: value for name, value in told.items() if name in signature(kind).parameters}
    init_args = component.init_args | asked
    if not rows:
        raise UserError(f"cnn_checkpoint.encoder.init_args.families={families!r}: wanted at least one")
    key, gain = image_format.feature_key, gain_of(image_format, rows)
    return EncoderDescription(component.class_path, init_args, rows, n_outputs, n_frames, key, gain=gain)


def build(description: EncoderDescription) -> SongEncoder:
    """A new encoder with weights drawn from torch's generator. Raises UserError for init_args it refuses."""
    kind = load_network(description.class_path, "cnn_checkpoint.encoder.class_path")
    try:
        network = kind(len(description.rows), description.n_outputs, **description.init_args)
    except (TypeError, ValueError) as error:
        raise UserError(
            f"cnn_checkpoint.encoder.init_args={description.init_args!r:.1000}: {error}"
        ) from None
    encoder = SongEncoder(network, description.rows, description.n_frames, description.n_outputs)
    encoder.familiar, encoder.gain = description.familiar, description.gain
    return encoder
