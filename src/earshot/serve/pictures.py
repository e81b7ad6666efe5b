"""Pictures of hyper-images, drawn when they are asked for and kept while there is room."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from earshot.pages.hyper_images import Band, bands_of
from earshot.queries.images import IMAGES, has_image, one_song, read_index
from earshot.serve.problems import Refused
from earshot.serve.snapshot import Snapshot
from earshot.store.reader import HyperImageStore
from earshot.store.rows import Row

_MOST_KEPT = 256
"""Pictures, of 100 to 250 KB each."""
_MOST_WIDTH, _HEIGHT, _GAP = 900, 360, 4
"""Pixels; the gap is that between families."""
_NOTHING = 255
"""The colour between families, which is see-through; the others are magma from dark to light."""

Levels = NDArray[np.uint8]


class Pictures:
    """One thread that draws, beside the one that answers, and what it drew last."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pictures")
        self._kept: OrderedDict[tuple[str | None, str], bytes] = OrderedDict()

    async def picture(self, served: Snapshot, song: str) -> bytes:
        """The hyper-image of a song as PNG. Refused (404) without one; UserError where its shard is lost."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._picture, served, song)

    def _picture(self, served: Snapshot, song: str) -> bytes:
        """In the thread, which alone reads and writes what is kept."""
        name = served.outputs[IMAGES].md5, song
        if name in self._kept:
            self._kept.move_to_end(name)
            return self._kept[name]
        if not has_image(images(served), song):
            raise Refused(404, "No picture", "the song has no hyper-image")
        with one_song(served, images(served), song) as store:
            drawn = draw(store.frames(0), store.rows)
        self._kept[name] = drawn
        if len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)
        return drawn

    def close(self) -> None:
        """End the thread, once it has drawn what it was asked for."""
        self._thread.shutdown()


def images(served: Snapshot) -> HyperImageStore:
    """What the hyper-images of a snapshot are, read once; as of `read_index`."""
    return served.kept(read_index)


def draw(frames: Levels, rows: Sequence[Row]) -> bytes:
    """A hyper-image, family under family as `places` says, without words or axes.

    Parameters
    ----------
    frames
        `(n_frames, n_rows)`, as they are stored; time runs from left to right.
    rows
        What the rows are, `(n_rows,)`. Those of a family are drawn from the lowest at the bottom, their
        contrast stretched to what they use.

    Returns
    -------
    PNG of 256 colours, see-through between families, `_HEIGHT` high and at most `_MOST_WIDTH` wide.
    """
    from PIL import Image

    width = min(max(len(frames), 1), _MOST_WIDTH)
    picture = Image.new("L", (width, _HEIGHT), _NOTHING)
    for band, (top, bottom) in zip(bands_of(rows), _edges(bands_of(rows)), strict=True):
        shown = Image.fromarray(_stretched(frames[:, band.rows].T[::-1]))
        picture.paste(shown.resize((width, bottom - top), Image.Resampling.BOX), (0, top))
    picture.putpalette(_magma())
    written = BytesIO()
    picture.save(written, format="png", transparency=_NOTHING)
    return written.getvalue()


def places(rows: Sequence[Row]) -> list[tuple[str, float, float]]:
    """Name of every family of a picture, and where it begins and ends, in percent from the top."""
    bands = bands_of(rows)
    return [
        (band.name, 100 * top / _HEIGHT, 100 * bottom / _HEIGHT)
        for band, (top, bottom) in zip(bands, _edges(bands), strict=True)
    ]


def _edges(bands: Sequence[Band]) -> list[tuple[int, int]]:
    """First pixel of each band, and the first behind it."""
    shares = np.cumsum([0, *(band.height for band in bands)]) / sum(band.height for band in bands)
    room = _HEIGHT - _GAP * (len(bands) - 1)
    edges = np.rint(shares * room).astype(int)
    # every band before has a gap behind it
    return [
        (int(edges[n]) + n * _GAP, max(int(edges[n + 1]), int(edges[n]) + 1) + n * _GAP)
        for n in range(len(bands))
    ]


def _stretched(levels: Levels) -> Levels:
    """0 to 254 between the 0.5th and the 99.5th percentile."""
    below = np.cumsum(np.bincount(levels.ravel(), minlength=256)) / levels.size
    low, high = np.searchsorted(below, [0.005, 0.995]).tolist()
    table = np.clip((np.arange(256) - low) / max(high - low, 1), 0, 1) * (_NOTHING - 1)
    return np.ascontiguousarray(np.rint(table).astype(np.uint8)[levels])


@lru_cache
def _magma() -> bytes:
    """Red, green and blue of 256 colours; the last is that of nothing."""
    from matplotlib import colormaps

    colours = np.rint(255 * colormaps["magma"](np.linspace(0, 1, _NOTHING))[:, :3]).astype(np.uint8)
    return bytes(colours) + bytes(3)
