"""A network written in the notation of the hyper-image paper, on the image of all rows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

from earshot.encoders.architecture import Convolution, FullyConnected, ImageLayer, Normalization, parse
from earshot.store.rows import FAMILIES


class NotationEncoder(nn.Module):
    """`IC(5,15,64)LPC(1,5,64)LPF(384)F(192)O`, as `earshot.encoders.architecture` reads it.

    The notation leaves open, and this assumes:

    - the image is one picture (channels 1), so a receptive field of 15 is 15 rows by 15 frames;
    - C is padded by half its field, so that no family of rows is too narrow for it; ReLU follows C and F;
    - L and P are those of Krizhevsky et al. 2012, sections 3.3 and 3.4: see `LocalResponseNormalization`,
      and the maximum of 3 x 3 every second row and frame;
    - the first F sees every place of the last image, so a network has windows of one length;
    - O is linear: softmax belongs to the objective.

    Parameters
    ----------
    n_rows
        Rows of the image.
    n_outputs
        Length of the output vector.
    n_frames
        Frames of a window; `earshot.predictors.song_encoder.describe` fills it in.
    architecture
        In the notation.
    families
        Families of rows, as `earshot.encoders` describes.

    Attributes
    ----------
    embedding
        The network up to its last F: windows (batch, n_rows, n_frames) to (batch, n_embedding).
    n_embedding
        Width of the last F.
    """

    families: ClassVar[tuple[str, ...]] = FAMILIES

    def __init__(
        self,
        n_rows: int,
        n_outputs: int,
        n_frames: int,
        architecture: str,
        families: Sequence[str] = families,
    ) -> None:
        super().__init__()
        self.embedding, self.n_embedding = up_to_last_f(architecture, n_rows, n_frames)
        self.output = nn.Linear(self.n_embedding, n_outputs)

    def forward(self, windows: Tensor) -> Tensor:
        """(batch, n_rows, n_frames) to (batch, n_outputs)."""
        vectors: Tensor = self.output(self.embedding(windows))
        return vectors


def up_to_last_f(architecture: str, n_rows: int, n_frames: int) -> tuple[nn.Sequential, int]:
    """All layers but O, from windows (batch, n_rows, n_frames), and the width of the last."""
    images, connected = parse(architecture)
    # Unflatten: (batch, n_rows, n_frames) to (batch, 1, n_rows, n_frames)
    convolutions = nn.Sequential(nn.Unflatten(1, (1, n_rows)), *_image_layers(images), nn.Flatten())
    with torch.no_grad():
        n_values = convolutions(torch.zeros(1, n_rows, n_frames)).shape[
            1
        ]  # depth * rows * frames of the last image
    return nn.Sequential(*convolutions, *_connected_layers(n_values, connected)), connected[-1].width


def _image_layers(layers: Sequence[ImageLayer]) -> list[nn.Module]:
    made: list[nn.Module] = []
    depth = 1
    for layer in layers:
        if isinstance(layer, Convolution):
            padding = layer.field // 2  # of an odd field: ceil(rows / stride), ceil(frames / stride)
            made += [nn.Conv2d(depth, layer.depth, layer.field, layer.stride, padding), nn.ReLU()]
            depth = layer.depth
        elif isinstance(layer, Normalization):
            made.append(LocalResponseNormalization())
        else:
            # (batch, depth, ceil(rows / 2), ceil(frames / 2))
            made.append(nn.MaxPool2d(3, stride=2, padding=1))
    return made


def _connected_layers(n_values: int, layers: Sequence[FullyConnected]) -> list[nn.Module]:
    widths = [n_values, *(layer.width for layer in layers)]
    return [part for n_in, n_out in pairwise(widths) for part in (nn.Linear(n_in, n_out), nn.ReLU())]


class LocalResponseNormalization(nn.Module):
    """b_i = a_i / (2 + 1e-4 * sum of a_j^2)^0.75, j from i - 2 to i + 2.

    Krizhevsky et al. 2012, section 3.3; i and j count filters at one place. torch's own
    has no deterministic gradient on a GPU.
    """

    def forward(self, images: Tensor) -> Tensor:
        """(batch, depth, rows, frames), the same shape."""
        depth = images.shape[1]
        # pad names the last axis first: two empty filters on either side
        squares = nn.functional.pad(images.square(), (0, 0, 0, 0, 2, 2))
        # filter i of the slice at `shift` is filter i + shift - 2
        energy = reduce(torch.add, (squares[:, shift : shift + depth] for shift in range(5)))
        root = (2 + 1e-4 * energy).rsqrt()
        return images * root * root.sqrt()  # to the power of -1/2, times -1/4
