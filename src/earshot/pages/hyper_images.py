"""Pictures of hyper-images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from earshot.store.rows import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.gridspec import SubplotSpec

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

DPI = 120
INK, MUTED = "#1c1c1e", "#6b6b70"
DARK_INK, DARK_PAPER = "#edeae3", "#161513"
"""As page.css has them on dark screens."""

_WIDTH, _HEIGHT = 9.0, 5.6
_LEAST_HEIGHT, _MOST_HEIGHT = 14, 80
_MAGMA_COLOURS = 224
_NOTHING_COLOUR = "#dddde0"
_TIME_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
"""Seconds between labels of a time axis."""
_MOST_LABELS = 9


@dataclass(frozen=True)
class Band:
    """Rows of a family that stand together: its name for people, which, and how high they are drawn."""

    name: str
    rows: slice
    height: int


def bands_of(rows: Sequence[Row]) -> list[Band]:
    """The families of a hyper-image, `(n_rows,)`, from the first row on; heights are relative."""
    bands, first = [], 0
    for family, group in groupby(rows, lambda row: row.family):
        n_rows = len(list(group))
        height = min(max(n_rows, _LEAST_HEIGHT), _MOST_HEIGHT)
        bands.append(Band(NAMES.get(family, family), slice(first, first + n_rows), height))
        first += n_rows
    return bands


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

    figure = Figure(figsize=(_WIDTH, _HEIGHT), dpi=DPI, facecolor="white")
    grid = figure.add_gridspec(1, 1, left=0.11, right=0.98, top=0.985, bottom=0.085)
    draw_stack(figure, grid[0], image, rows, image.shape[1] / frames_per_second)
    return png(figure)


def draw_stack(
    figure: Figure,
    place: SubplotSpec,
    image: NDArray[np.float32],
    rows: Sequence[Row],
    seconds: float,
    start: float = 0.0,
) -> None:
    """Draw a hyper-image `(n_rows, n_frames)` at `place`, the time axis below it.

    It lasts so many seconds from `start` on; rows with NaN are as in `draw_rows`.
    """
    bands = bands_of(rows)
    grid = place.subgridspec(len(bands), 1, height_ratios=[band.height for band in bands], hspace=0.07)
    for place_of_band, band in enumerate(bands):
        axes = figure.add_subplot(grid[place_of_band])
        draw_rows(axes, image[band.rows], seconds, start=start)
        axes.set_yticks([])
        axes.set_ylabel(band.name, rotation=0, ha="right", va="center", fontsize=9, color=INK, labelpad=6)
    draw_time(axes)
    axes.set_xlabel("minutes:seconds", fontsize=8, color=MUTED)


def draw_rows(
    axes: Axes, image: NDArray[np.float32], seconds: float, interpolation: str = "nearest", start: float = 0.0
) -> None:
    """Rows `(n_rows, n_frames)` over time, the lowest at the bottom; no labels yet.

    Contrast is stretched to what they use. What is NaN is grey.
    """
    from matplotlib import colormaps

    shown = image[np.isfinite(image)]
    low, high = np.percentile(shown, [0.5, 99.5]) if len(shown) else (0.0, 1.0)
    axes.imshow(
        image,
        origin="lower",
        aspect="auto",
        interpolation=interpolation,
        interpolation_stage="data",
        cmap=colormaps["magma"].with_extremes(bad=_NOTHING_COLOUR),
        vmin=low,
        vmax=max(high, low + 1e-3),
        # x in seconds, y in rows from the lower edge
        extent=(start, start + seconds, 0.0, float(len(image))),
    )
    axes.tick_params(axis="x", length=0, labelbottom=False)
    axes.spines[:].set_visible(False)


def draw_time(axes: Axes) -> None:
    """Minutes and seconds below `axes`, whose x axis is in seconds."""
    times = time_ticks(*axes.get_xlim())
    axes.set_xticks(times, [clock(time) for time in times])
    axes.tick_params(axis="x", length=3, labelbottom=True, labelsize=8, colors=MUTED)


def time_ticks(begin: float, end: float) -> list[float]:
    """Where a time axis from `begin` to `end`, in seconds, is labelled: at whole steps, nine of them at most.

    >>> time_ticks(0.5, 10.0)
    [2.0, 4.0, 6.0, 8.0, 10.0]
    """
    step = next((step for step in _TIME_STEPS if (end - begin) / step <= _MOST_LABELS), _TIME_STEPS[-1])
    return [float(time) for time in np.arange(np.ceil(begin / step), np.floor(end / step) + 1) * step]


def clock(seconds: float) -> str:
    """Minutes and seconds, hours where there are any.

    >>> clock(166.4), clock(3725)
    ('2:46', '1:02:05')
    """
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def png(figure: Figure) -> bytes:
    """The same bytes for the same figure, in 256 colours: those of its images and of its labels."""
    from PIL import Image

    drawn, buffer = BytesIO(), BytesIO()
    figure.savefig(drawn, format="png")
    palette = Image.new("P", (1, 1))
    palette.putpalette(_colours())
    pixels = Image.open(drawn).convert("RGB").quantize(palette=palette, dither=Image.Dither.NONE)
    pixels.save(buffer, format="png", optimize=True)
    return buffer.getvalue()


def in_dark(picture: bytes) -> bytes:
    """A PNG of `png` for dark screens: the same pixels, its greys from light ink to dark paper."""
    from PIL import Image

    image, buffer = Image.open(BytesIO(picture)), BytesIO()
    dark = dict(zip(_greys(INK, "white"), _greys(DARK_INK, DARK_PAPER), strict=True))
    flat = bytes(image.getpalette() or ())  # red, green and blue of one colour after the other
    colours = [flat[at : at + 3] for at in range(0, len(flat), 3)]
    image.putpalette(b"".join(dark.get(colour, colour) for colour in colours))
    image.save(buffer, format="png", optimize=True)
    return buffer.getvalue()


def _colours() -> bytes:
    """256 times red, green and blue: magma, and grey from ink to white."""
    from matplotlib import colormaps

    magma = colormaps["magma"](np.linspace(0, 1, _MAGMA_COLOURS))[:, :3]  # (224, 3), without alpha
    return bytes(np.rint(255 * magma).astype(np.uint8)) + b"".join(_greys(INK, "white"))


def _greys(ink: str, paper: str) -> list[bytes]:
    """What of the 256 colours is not magma, three bytes each, from `ink` to `paper`."""
    from matplotlib.colors import to_rgb

    greys = np.linspace(to_rgb(ink), to_rgb(paper), 256 - _MAGMA_COLOURS)  # (32, 3)
    return [bytes(grey) for grey in np.rint(255 * greys).astype(np.uint8)]
