"""The sheet of a song: from its waveform to its hyper-image, picture under picture over one time axis."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from earshot.audio.levels import SILENT_DBFS
from earshot.audio.probing import probe
from earshot.audio.samples import AudioError
from earshot.features.compute import features, normalize
from earshot.features.hyper_image import excerpt_of, excerpt_start, format_of, read_excerpt
from earshot.features.spectrum import power_spectra
from earshot.pages.hyper_images import DPI, INK, MUTED, clock, draw_rows, draw_stack, draw_time, png
from earshot.pages.panels import Panel, envelope, family_panels, spectrum_panels
from earshot.params import HyperImages

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.gridspec import GridSpec, SubplotSpec

_WIDTH, _LEFT, _RIGHT, _TOP, _BOTTOM = 9.0, 1.95, 0.3, 0.12, 0.48
_LINE, _WAVE, _TIME, _PANEL, _PAUSE, _STACK, _GAP = 0.27, 0.75, 0.04, 1.2, 0.12, 4.4, 0.14
"""Inches."""
_NAME_AT = 0.1
"""Inches from the left edge of the sheet."""
_WAVE_COLOUR = "#51127c"
_SMOOTH_FROM = 64
"""From so many rows on they are too thin to be told apart, and are drawn smoothly."""
_RELATIVE = ("chroma", "contrast", "tonnetz")
"""Families that compare what sounds at a moment with itself: of silence they are noise."""
_FONTS = (
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "Hiragino Sans",
    "Yu Gothic",
    "PingFang SC",
    "Malgun Gothic",
)
"""For scripts that matplotlib's own font lacks, where they are installed."""
_GREY = "  ·  grey: silence"
_LEAST_SEEN = 0.005
"""Share of the width below which grey is not seen."""
_LONGEST = {"title": 60, "artist": 90, "file": 100}


class Heading(NamedTuple):
    """What a sheet is headed with; any of them may be `""`."""

    title: str
    artist: str
    file: str


def song_sheet(path: Path, settings: HyperImages, heading: Heading | None = None) -> bytes:
    """The sheet of an audio file; of a long one, of the excerpt that its hyper-image is made of.

    The time axis is the file's own. Where `heading` is given, which part of the file is shown is said there.

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
    excerpt = excerpt_of(path, found, settings)
    samples = np.concatenate(list(read_excerpt(excerpt, settings)))
    lines = [] if heading is None else _lines(heading, shown_part(found.seconds, excerpt.start, settings))
    return song_sheet_png(samples, settings, excerpt.start, lines)


def song_sheet_png(
    samples: NDArray[np.float32], settings: HyperImages, start: float = 0.0, lines: Sequence[str] = ()
) -> bytes:
    """As `song_sheet`, of samples: mono at `settings.sample_rate`, `(n_samples,)`, from `start` (s) on.

    `lines` head it, the first one large.
    """
    rows = format_of(settings).rows
    image = np.ascontiguousarray(features([samples], settings, normalize).T)
    seconds = image.shape[1] * settings.hop_length / settings.sample_rate
    silent = silent_frames(samples, settings.hop_length, image.shape[1])
    # (n_rows, 1) & (n_frames,)
    image[np.array([row.family in _RELATIVE for row in rows])[:, None] & silent] = np.nan
    panels = song_panels(samples, image, settings)
    figure, grid = _lay_out(len(panels), _LINE * len(lines) + (_GAP if lines else 0))
    seen = silent.mean() > _LEAST_SEEN
    _write_heading(figure, [*lines[:-1], *(f"{line}{_GREY if seen else ''}" for line in lines[-1:])])
    _draw_wave(figure, grid[0], samples, settings.sample_rate, start, seconds)
    for place, panel in enumerate(panels, start=2):
        _draw_panel(figure, grid[place], panel, start, seconds)
    _write_name(figure, grid[-1], "Hyper-image", "all rows, stacked")
    draw_stack(figure, grid[-1], image, rows, seconds, start)
    return png(figure)


def silent_frames(samples: NDArray[np.float32], hop_length: int, n_frames: int) -> NDArray[np.bool_]:
    """Frames of which nothing reaches `SILENT_DBFS` a hop before and behind their middle, `(n_frames,)`."""
    # a hop of zeros before: frame t, centred on sample t * hop_length, lies between hops t and t + 1
    padded = np.zeros((n_frames + 1) * hop_length, np.float32)
    padded[hop_length : hop_length + len(samples)] = np.abs(samples)[: len(padded) - hop_length]
    peaks = padded.reshape(-1, hop_length).max(axis=1)  # (n_frames + 1,), of each hop
    silent: NDArray[np.bool_] = np.maximum(peaks[:-1], peaks[1:]) < 10 ** (SILENT_DBFS / 20)
    return silent


def shown_part(seconds: float, start: float, settings: HyperImages) -> str:
    """Which part of a file of so many seconds is shown."""
    if seconds <= settings.excerpt_seconds:
        return f"all of {clock(seconds)}"
    shown, whole = f"{settings.excerpt_seconds:g} s", clock(seconds)
    if start == excerpt_start(seconds, settings):
        return f"middle {shown} of {whole}"
    return f"{shown} from {clock(start)} on, of {whole}; its middle is silent"


def _lines(heading: Heading, part: str) -> list[str]:
    title, artist, file = (
        text if len(text) <= longest else f"{text[: longest - 1]}…"
        for text, longest in zip(heading, _LONGEST.values(), strict=True)
    )
    return [line for line in (title or file, artist, f"{part}  ·  {file}" if title else part) if line]


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


def _lay_out(n_panels: int, heading: float) -> tuple[Figure, GridSpec]:
    """An empty sheet, and the places of waveform, its time axis, panels, a pause and the stack."""
    from matplotlib.figure import Figure

    heights = [_WAVE, _TIME, *[_PANEL] * n_panels, _PAUSE, _STACK]
    height = _TOP + heading + sum(heights) + _GAP * (len(heights) - 1) + _BOTTOM
    figure = Figure(figsize=(_WIDTH, height), dpi=DPI, facecolor="white")
    grid = figure.add_gridspec(
        len(heights),
        1,
        height_ratios=heights,
        hspace=_GAP / (sum(heights) / len(heights)),
        left=_LEFT / _WIDTH,
        right=1 - _RIGHT / _WIDTH,
        top=1 - (_TOP + heading) / height,
        bottom=_BOTTOM / height,
    )
    return figure, grid


def _write_heading(figure: Figure, lines: Sequence[str]) -> None:
    """At the top of the sheet; names are no formulas, whatever `$` is in them."""
    from matplotlib.font_manager import fontManager

    installed = {font.name for font in fontManager.ttflist}
    fonts = ["DejaVu Sans", *(name for name in _FONTS if name in installed)]
    inch = 1 / figure.get_figheight()
    looks = [(14, INK, "bold"), *[(10, INK, "normal")] * (len(lines) - 2), (8, MUTED, "normal")]
    for place, (line, (size, colour, weight)) in enumerate(zip(lines, looks, strict=False)):
        at = (_NAME_AT / _WIDTH, 1 - (_TOP + _LINE * (place + 0.5)) * inch)
        drawn = figure.text(*at, line, fontsize=size, color=colour, weight=weight, va="center")
        drawn.set(family=fonts, parse_math=False)


def _draw_wave(
    figure: Figure,
    place: SubplotSpec,
    samples: NDArray[np.float32],
    sample_rate: int,
    start: float,
    seconds: float,
) -> None:
    from matplotlib.ticker import MaxNLocator

    axes = figure.add_subplot(place)
    low, high = envelope(samples, round(_WIDTH * DPI))
    times = start + np.linspace(0, len(samples) / sample_rate, len(low))
    axes.fill_between(times, low, high, color=_WAVE_COLOUR, linewidth=0.4)
    reach = max(float(np.abs(samples).max()), 1e-3) * 1.05
    axes.set(xlim=(start, start + seconds), ylim=(-reach, reach))
    axes.yaxis.set_major_locator(MaxNLocator(3, symmetric=True))
    draw_time(axes)
    axes.spines[:].set_visible(False)
    _style_ticks(axes)
    _write_name(figure, place, "Waveform", "amplitude")


def _draw_panel(figure: Figure, place: SubplotSpec, panel: Panel, start: float, seconds: float) -> None:
    axes = figure.add_subplot(place)
    draw_rows(axes, panel.values, seconds, "auto" if len(panel.values) >= _SMOOTH_FROM else "nearest", start)
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
