"""A network with what it hears of a song: which rows, on which scale, and which families beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from inspect import signature
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from earshot.classes import ClassPath, Component, load_class, load_network
from earshot.errors import UserError
from earshot.params import Count
from earshot.predictors.artist_vectors import ArtistVectors
from earshot.predictors.familiar import MAX_DEVIATIONS, Familiar, Gain, floored, gain_of
from earshot.predictors.inputs import Beside, beside
from earshot.predictors.song_scale import SongScale
from earshot.store.reader import HyperImageStore
from earshot.store.rows import ImageFormat


class SongEncoder(nn.Module):
    """Windows as they are stored in, vectors out.

    Parameters
    ----------
    network
        An encoder as `earshot.encoders` describes.
    rows
        Rows of the image it reads.
    n_frames
        Frames of a window.
    n_outputs
        Length of a vector.
    others
        Families beside the image that it hears.
    hears_image
        Whether it hears the rows at all; of those that it does not, only how a song sounds is checked
        (`Familiar`).

    Attributes
    ----------
    familiar
        The songs it learned from; None where that is not known.
    bounded
        Whether no row reaches the network with more than `MAX_DEVIATIONS`.
    gain
        How windows are brought to one loudness; None in encoders older than this.
    artists
        Where artists are; None unless it is told of them.
    sound_only
        Whether it is asked as if nothing were known of a song beside its sound: no words, artist or vectors.
    scales
        Of the families of `others` that are scaled, by their number there.
    """

    familiar: Familiar | None = None
    artists: ArtistVectors | None = None
    sound_only: bool = False
    bounded: bool = False
    gain: Gain | None = None
    row_numbers: Tensor
    row_mean: Tensor
    row_scale: Tensor
    output_mean: Tensor
    output_scale: Tensor

    def __init__(
        self,
        network: nn.Module,
        rows: Sequence[int],
        n_frames: int,
        n_outputs: int,
        others: Sequence[Beside] = (),
        hears_image: bool = True,
    ) -> None:
        super().__init__()
        self.others = list(others)
        self.hears_image = hears_image
        self.network = network
        self.rows = list(rows)
        self.n_frames = n_frames
        # on the device, where a list of numbers would have to be copied to for every batch
        self.register_buffer("row_numbers", torch.tensor(self.rows), persistent=False)
        # buffers: saved with the weights, and not learned
        self.register_buffer("row_mean", torch.zeros(len(self.rows)))
        self.register_buffer("row_scale", torch.ones(len(self.rows)))
        self.register_buffer("output_mean", torch.zeros(n_outputs))
        self.register_buffer("output_scale", torch.ones(()))
        # by number: a family may have the name of a method of ModuleDict
        self.scales = nn.ModuleDict(
            {str(number): SongScale(each.width) for number, each in enumerate(others) if each.scaled}
        )

    def forward(self, windows: Tensor, *others: Tensor) -> Tensor:
        """A batch as `earshot.predictors.inputs.Batch` to the network's own outputs, (batch, n_outputs)."""
        inputs = [other.to(torch.float32) for other in others]
        for number, scale in self.scales.items():
            inputs[int(number)] = scale(inputs[int(number)])
        if self.sound_only:
            of_song = [each.unit == "song" for each in self.others]
            inputs = [torch.zeros_like(x) if told else x for x, told in zip(inputs, of_song, strict=True)]
        if self.hears_image:
            # (batch, n_rows, n_frames)
            inputs.insert(0, self._standardized(windows).transpose(1, 2))
        outputs: Tensor = self.network(*inputs)
        return outputs

    def answers(self, windows: Tensor, *others: Tensor) -> list[Tensor]:
        """What early stopping looks at, (batch, n_outputs) each: `forward`, and that as if by sound alone.

        The latter, as if nothing else were known of any song, of networks that have an answer of their own to
        it (`answers_by_sound`).
        """
        found: list[Tensor] = [self(windows, *others)]
        if self.hears_image and getattr(self.network, "answers_by_sound", False):
            self.sound_only = True
            found.append(self(windows, *others))
            self.sound_only = False
        return found

    def _standardized(self, windows: Tensor) -> Tensor:
        # (batch, n_frames, n_rows)
        chosen = windows if len(self.rows) == windows.shape[2] else windows.index_select(2, self.row_numbers)
        standardized = (chosen.to(torch.float32) - self.row_mean) / self.row_scale
        if self.gain is not None:
            # one gain a window: (batch, n_rows) to (batch, 1, n_rows)
            standardized += self.gain.correction(standardized.mean(dim=1), self.row_scale)[:, None]
        if self.bounded:
            standardized.clamp_(-MAX_DEVIATIONS, MAX_DEVIATIONS)
        return standardized

    def vectors(self, outputs: Tensor) -> Tensor:
        """Outputs, float32 (n, n_outputs), on the scale of the targets."""
        return outputs * self.output_scale + self.output_mean

    def scale_outputs(self, mean: Tensor, scale: Tensor) -> None:
        """What `vectors` makes of outputs: times `scale`, () or (n_outputs,), plus `mean`, (n_outputs,)."""
        self.output_mean.copy_(mean)
        self.output_scale = scale.detach().to(self.output_mean).clone()

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


class Average(nn.Module):
    """The mean of what several networks make of the same song; all have learned the same targets."""

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def forward(self, *inputs: Tensor) -> Tensor:
        """As of each of them, (batch, n_outputs)."""
        return torch.stack([network(*inputs) for network in self.networks]).mean(dim=0)


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
    others, hears_image
        As of `SongEncoder`; not in files of encoders that hear the image alone.
    seeds
        How many networks, trained from different weights, it is the average of; only in files of several.
    """

    class_path: ClassPath
    init_args: dict[str, Any]
    rows: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1, max_length=10_000)]
    n_outputs: Count
    n_frames: Count
    feature_key: Annotated[str, Field(max_length=200)]
    familiar: Familiar | None = None
    gain: Gain | None = None
    others: Annotated[list[Beside], Field(max_length=100)] = field(default_factory=list)
    hears_image: bool = True
    seeds: Annotated[int, Field(ge=1, le=100)] = 1

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


def families_of_encoder(component: Component) -> list[str]:
    """Names of the families that it hears. Raises UserError for a class that is not there, or says none."""
    kind = load_class(component.class_path, "cnn_checkpoint.encoder.class_path")
    families = component.init_args.get("families", getattr(kind, "families", None))
    if families is None:
        raise UserError(f"cnn_checkpoint.encoder.class_path={component.class_path!r} has no `families`")
    if not families:
        raise UserError(f"cnn_checkpoint.encoder.init_args.families={families!r}: wanted at least one")
    return list(families)


def heard_beside(
    component: Component,
    store: HyperImageStore,
    songs: NDArray[np.integer[Any]],
    artists: ArtistVectors | None = None,
) -> list[Beside]:
    """The families beside the image that it hears, in its order; `songs` (n,) and errors as of `beside`."""
    names = [name for name in families_of_encoder(component) if name in store.families]
    return [beside(store, name, songs, artists) for name in names]


def describe(
    component: Component,
    image_format: ImageFormat,
    window_seconds: float,
    n_outputs: int,
    others: Sequence[Beside] = (),
) -> EncoderDescription:
    """The description of `component` reading windows of `window_seconds` from images of `image_format`.

    An encoder whose `__init__` names `n_frames`, `family_rows` (rows of each family of the image, in
    stored order) or `widths` (numbers in a line of each of `others`, by name) is given them. Raises
    UserError for a class that is not there or a family that neither the images nor `others` hold.
    """
    kind = load_class(component.class_path, "cnn_checkpoint.encoder.class_path")
    widths = {each.name: each.width for each in others}
    of_image = [name for name in families_of_encoder(component) if name not in widths]
    image_rows = [int(row) for row in image_format.row_slice(of_image)]
    n_frames = max(1, round(window_seconds * image_format.frames_per_second))
    there = [image_format.rows[row].family for row in image_rows]
    # dict.fromkeys: each family once, in stored order
    family_rows = [there.count(family) for family in dict.fromkeys(there)]
    offered = {"n_frames": n_frames, "family_rows": family_rows, "widths": widths}
    accepted = {name: value for name, value in offered.items() if name in signature(kind).parameters}
    # what does not read the image judges by its mel rows how like a song is to those it learned from
    rows = image_rows or [int(row) for row in image_format.row_slice(["mel"])]
    return EncoderDescription(
        component.class_path,
        component.init_args | accepted,
        rows,
        n_outputs,
        n_frames,
        image_format.feature_key,
        gain=gain_of(image_format, rows),
        others=list(others),
        hears_image=bool(image_rows),
    )


def average(encoders: Sequence[SongEncoder]) -> SongEncoder:
    """The first of them, its network the mean of all; what reaches their networks is the same."""
    first = encoders[0]
    if len(encoders) > 1:
        first.network = Average([encoder.network for encoder in encoders])
    return first


def with_network(encoder: SongEncoder, network: nn.Module, n_outputs: int) -> SongEncoder:
    """An encoder that gives to `network`, such as a part of its own, what `encoder` gives to its own.

    Ready to predict; its outputs, (batch, n_outputs), are on no other scale than the network's.
    """
    other = SongEncoder(
        network, encoder.rows, encoder.n_frames, n_outputs, encoder.others, encoder.hears_image
    )
    other.row_mean.copy_(encoder.row_mean)
    other.row_scale.copy_(encoder.row_scale)
    other.scales, other.artists = encoder.scales, encoder.artists
    other.gain, other.bounded = encoder.gain, encoder.bounded
    return other.to(encoder.row_mean.device).eval()


def build(description: EncoderDescription) -> SongEncoder:
    """A new encoder with weights drawn from torch's generator. Raises UserError for init_args it refuses."""
    kind = load_network(description.class_path, "cnn_checkpoint.encoder.class_path")
    try:
        n_rows = len(description.rows) if description.hears_image else 0
        networks = [
            kind(n_rows, description.n_outputs, **description.init_args) for _ in range(description.seeds)
        ]
    except (TypeError, ValueError) as error:
        raise UserError(
            f"cnn_checkpoint.encoder.init_args={description.init_args!r:.1000}: {error}"
        ) from None
    encoder = SongEncoder(
        networks[0] if description.seeds == 1 else Average(networks),
        description.rows,
        description.n_frames,
        description.n_outputs,
        description.others,
        description.hears_image,
    )
    encoder.familiar, encoder.gain = description.familiar, description.gain
    return encoder
