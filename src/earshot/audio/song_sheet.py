"""The sheet of a song: from its waveform to its hyper-image, picture under picture over one time axis."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from earshot.audio.decoding import AudioError
from earshot.audio.features import features, normalize
from earshot.audio.figures import DPI, INK, MUTED, draw_rows, draw_stack, png
from earshot.audio.hyper_image import excerpt_of, format_of, read_excerpt
from earshot.audio.panels import Panel, envelope, family_panels, spectrum_panels
from earshot.audio.probing import probe
from earshot.audio.spectra import power_spectra
from earshot.params import HyperImages

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.gridspec import GridSpec, SubplotSpec

_WIDTH, _LEFT, _RIGHT, _TOP, _BOTTOM = 9.0, 1.95, 0.18, 0.12, 0.48
_WAVE, _PANEL, _PAUSE, _STACK, _GAP = 0.75, 1.2, 0.12, 4.4, 0.14
"""Inches."""
_NAME_AT = 0.1
"""Inches from the left edge of the sheet."""
_WAVE_COLOUR = "#51127c"
_SMOOTH_FROM = 64
"""From so many rows on they are too thin to be told apart, and are drawn smoothly."""


def song_sheet(path: Path, settings: HyperImages) -> bytes:
    """The sheet of an audio file; of a long one, of the excerpt that its hyper-image is made of.

    Returns
    -------
    PNG, the same bytes for the same file.

    Raises
    ------
    AudioError
        A file that cannot be decoded, or too short.
    """
    found = probe(path)
    if found.reason is not None:
        raise AudioError(found.reason)
    blocks = read_excerpt(excerpt_of(path, found, settings), settings)
    return song_sheet_png(np.concatenate(list(blocks)), settings)


def song_sheet_png(samples: NDArray[np.float32], settings: HyperImages) -> bytes:
    """As `song_sheet`, of samples: mono at `settings.sample_rate`, `(n_samples,)`."""
    rows = format_of(settings).rows
    image = np.ascontiguousarray(features([samples], settings, normalize).T)
    seconds = image.shape[1] * settings.hop_length / settings.sample_rate
    panels = song_panels(samples, image, settings)
    figure, grid = _lay_out(len(panels))
    _draw_wave(figure, grid[0], samples, settings.sample_rate, seconds)
    for place, panel in enumerate(panels, start=1):
        _draw_panel(figure, grid[place], panel, seconds)
    _write_name(figure, grid[-1], "Hyper-image", "all rows, stacked")
    draw_stack(figure, grid[-1], image, rows, seconds)
    return png(figure)


def song_panels(
    samples: NDArray[np.float32], image: NDArray[np.float32], settings: HyperImages
) -> list[Panel]:
    """The pictures between waveform and stack, from `(n_samples,)` and their image `(n_rows, n_frames)`."""
    n_frames = image.shape[1]
    power = np.concatenate(list(power_spectra([samples], settings.n_fft, settings.hop_length, n_frames)))
    rows = format_of(settings).rows
    families = {
        family: image[list(group)]
        for family, group in groupby(range(len(rows)), lambda row: rows[row].family)
    }
    spectra = spectrum_panels(samples, power, settings.sample_rate, settings.hop_length)
    return [*spectra, *family_panels(families, settings)]


def _lay_out(n_panels: int) -> tuple[Figure, GridSpec]:
    """An empty sheet, and the places of waveform, panels, a pause and the stack."""
    from matplotlib.figure import Figure

    heights = [_WAVE, *[_PANEL] * n_panels, _PAUSE, _STACK]
    height = _TOP + sum(heights) + _GAP * (len(heights) - 1) + _BOTTOM
    figure = Figure(figsize=(_WIDTH, height), dpi=DPI, facecolor="white")
    grid = figure.add_gridspec(
        len(heights),
        1,
        height_ratios=heights,
        hspace=_GAP / (sum(heights) / len(heights)),
        left=_LEFT / _WIDTH,
        right=1 - _RIGHT / _WIDTH,
        top=1 - _TOP / height,
        bottom=_BOTTOM / height,
    )
    return figure, grid


def _draw_wave(
    figure: Figure, place: SubplotSpec, samples: NDArray[np.float32], sample_rate: int, seconds: float
) -> None:
    from matplotlib.ticker import MaxNLocator

    axes = figure.add_subplot(place)
    low, high = envelope(samples, round(_WIDTH * DPI))
    times = np.linspace(0, len(samples) / sample_rate, len(low))
    axes.fill_between(times, low, high, color=_WAVE_COLOUR, linewidth=0.4)
    reach = max(float(np.abs(samples).max()), 1e-3) * 1.05
    axes.set(xlim=(0, seconds), ylim=(-reach, reach))
    axes.yaxis.set_major_locator(MaxNLocator(3, symmetric=True))
    axes.tick_params(axis="x", length=0, labelbottom=False)
    axes.spines[:].set_visible(False)
    _style_ticks(axes)
    _write_name(figure, place, "Waveform", "amplitude")


def _draw_panel(figure: Figure, place: SubplotSpec, panel: Panel, seconds: float) -> None:
    axes = figure.add_subplot(place)
    draw_rows(axes, panel.values, seconds, "auto" if len(panel.values) >= _SMOOTH_FROM else "nearest")
    axes.set_yticks(list(panel.ticks.values()), list(panel.ticks))
    _style_ticks(axes)
    _write_name(figure, place, panel.name, panel.unit)


def _style_ticks(axes: Axes) -> None:
    axes.tick_params(axis="y", length=2.5, labelsize=7, colors=MUTED, pad=2)


def _write_name(figure: Figure, place: SubplotSpec, name: str, unit: str) -> None:
    """Name and unit at the left edge of the sheet, at the height of the top of `place`."""
    top = place.get_position(figure).y1
    inch = 1 / figure.get_figheight()
    left = _NAME_AT / _WIDTH
    figure.text(left, top - 0.02 * inch, name, fontsize=9, color=INK, weight="bold", va="top")
    figure.text(left, top - 0.2 * inch, unit, fontsize=7.5, color=MUTED, va="top")
