"""Pictures of hyper-images."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from earshot.audio.rows import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAMES = {
    "chroma": "Chroma",
    "tempogram": "Tempogram",
    "mel": "Log mel",
    "mfcc": "MFCC",
    "mfcc_delta": "MFCC Δ",
    "mfcc_delta2": "MFCC ΔΔ",
    "contrast": "Contrast",
    "tonnetz": "Tonnetz",
}

_WIDTH, _HEIGHT, _DPI = 9.0, 5.6, 120
_LEAST_HEIGHT, _MOST_HEIGHT = 14, 80
_INK, _MUTED = "#1c1c1e", "#6b6b70"


def hyper_image_png(image: NDArray[np.float32], rows: Sequence[Row], frames_per_second: float) -> bytes:
    """A hyper-image, family under family, each with its name, over a time axis.

    Parameters
    ----------
    image
        `(n_rows, n_frames)` in 0..1.
    rows
        What the rows are, `(n_rows,)`.
    frames_per_second
        Hz.

    Returns
    -------
    PNG, the same bytes for the same image.
    """
    from matplotlib.figure import Figure

    families = [
        (family, list(group)) for family, group in groupby(range(len(rows)), lambda row: rows[row].family)
    ]
    heights = [min(max(len(group), _LEAST_HEIGHT), _MOST_HEIGHT) for _, group in families]
    figure = Figure(figsize=(_WIDTH, _HEIGHT), dpi=_DPI, facecolor="white")
    grid = figure.subplots(
        len(families),
        sharex=True,
        squeeze=False,
        gridspec_kw={
            "height_ratios": heights,
            "hspace": 0.07,
            "left": 0.11,
            "right": 0.995,
            "top": 0.985,
            "bottom": 0.085,
        },
    )
    seconds = image.shape[1] / frames_per_second
    for axes, (family, group) in zip(grid[:, 0], families, strict=True):
        _draw_family(axes, image[group], NAMES.get(family, family), seconds)
    _draw_time(grid[-1, 0])
    return _png(figure)


def _draw_family(axes: Axes, image: NDArray[np.float32], name: str, seconds: float) -> None:
    """The lowest row at the bottom, contrast stretched to what the rows use."""
    low, high = np.percentile(image, [0.5, 99.5])
    axes.imshow(
        image,
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        cmap="magma",
        vmin=low,
        vmax=max(high, low + 1e-3),
        extent=(0.0, seconds, 0.0, float(len(image))),
    )
    axes.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9, color=_INK, labelpad=6)
    axes.set_yticks([])
    axes.tick_params(axis="x", length=0, labelbottom=False)
    axes.spines[:].set_visible(False)


def _draw_time(axes: Axes) -> None:
    axes.tick_params(axis="x", length=3, labelbottom=True, labelsize=8, colors=_MUTED)
    axes.set_xlabel("seconds", fontsize=8, color=_MUTED)


def _png(figure: Any) -> bytes:
    buffer = BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
