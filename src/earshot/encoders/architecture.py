"""The notation of the hyper-image paper, `IC(5,15,64)LPC(1,5,64)LPF(384)F(192)O`, read into layers."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Convolution:
    """C(stride,field,depth): `depth` filters of `field` x `field`, every `stride` rows and frames."""

    stride: int
    field: int
    depth: int


@dataclass(frozen=True)
class Normalization:
    """L: local response normalization."""


@dataclass(frozen=True)
class Pooling:
    """P: max pooling."""


@dataclass(frozen=True)
class FullyConnected:
    """F(width): a fully connected layer."""

    width: int


ImageLayer = Convolution | Normalization | Pooling
Layer = ImageLayer | FullyConnected

_NUMBER = "([1-9][0-9]*)"
_KINDS: dict[str, type[Layer]] = {
    rf"C\({_NUMBER},{_NUMBER},{_NUMBER}\)": Convolution,
    "L": Normalization,
    "P": Pooling,
    rf"F\({_NUMBER}\)": FullyConnected,
}
_AT_FIRST = "C(stride,field,depth), L, P or F(width)"
_AFTER_F = "F(width) or O"


def parse(architecture: str) -> tuple[list[ImageLayer], list[FullyConnected]]:
    """The layers between I and O: those that keep an image, and the fully connected ones, at least one.

    Raises
    ------
    ValueError
        Something else, with its position (from 0), what stands there, and what was wanted.

    Example
    -------
    >>> parse("IC(5,15,64)LF(192)O")
    ([Convolution(stride=5, field=15, depth=64), Normalization()], [FullyConnected(width=192)])
    """
    if not architecture.startswith("I"):
        raise _refusal(architecture, 0, "I")
    images: list[ImageLayer] = []
    connected: list[FullyConnected] = []
    position = 1
    while not (connected and architecture.startswith("O", position)):
        layer, position = _read_layer(architecture, position, only_f=bool(connected))
        (connected if isinstance(layer, FullyConnected) else images).append(layer)  # type: ignore[arg-type]
    if position + 1 < len(architecture):
        raise _refusal(architecture, position + 1, "nothing behind O")
    return images, connected


def _read_layer(architecture: str, position: int, *, only_f: bool) -> tuple[Layer, int]:
    """The layer at `position`, and where it ends."""
    for pattern, kind in _KINDS.items():
        found = re.compile(pattern).match(architecture, position)
        if found and (kind is FullyConnected or not only_f):
            return kind(*(int(value) for value in found.groups())), found.end()
    raise _refusal(architecture, position, _AFTER_F if only_f else _AT_FIRST)


def _refusal(architecture: str, position: int, wanted: str) -> ValueError:
    # a letter with its brackets, or a character, or the end
    token = re.compile(r"[^(]\([^)]*\)?|.|$", re.DOTALL).match(architecture, position)
    there = repr(token.group()) if token and token.group() else "the end"
    return ValueError(f"architecture={architecture!r}: {there} at position {position}; wanted {wanted}")
