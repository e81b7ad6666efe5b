"""Clips of sound with labels, of whatever source: which there are, and their samples cut into segments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from earshot.audio.decoding import open_blocks, to_mono
from earshot.audio.probing import quiet_codecs
from earshot.audio.samples import AudioError, codec_errors
from earshot.errors import UserError
from earshot.executors import parallel_map
from earshot.features.hyper_image import Excerpt
from earshot.features.spectrum import resample
from earshot.files import replace_text, replacing
from sample_level_cnn.params import Segments

LOUDEST = 32767
"""Stored for a sample of 1."""

Side = Literal["training", "validation", "test"]
SIDES: tuple[Side, ...] = ("training", "validation", "test")
Rows = NDArray[np.intp]


class Clip(NamedTuple):
    """A sound file, its labels as places in `ClipList.labels`, its side of the split, and whose it is.

    `group` is what clips have in common that are alike for other reasons than their labels: a speaker, say.
    """

    file: Path
    labels: tuple[int, ...]
    side: Side
    group: str


class ClipList(NamedTuple):
    """What a source holds.

    Attributes
    ----------
    labels
        Names.
    one_each
        Whether every clip has one label, or any number of them.
    clips
        Those that take part.
    left_out
        Clips that do not, counted by why.
    """

    labels: list[str]
    one_each: bool
    clips: list[Clip]
    left_out: dict[str, int]


@dataclass(frozen=True)
class ClipTask:
    """Clips as samples, to learn from and to be asked about.

    Attributes
    ----------
    samples
        int16 `(n, n_segments, n_samples)`, consecutive segments of each clip.
    targets
        float32 `(n, n_labels)`, 1 for a label of the clip.
    groups
        `(n,)`, as of `Clip`.
    training, validation, test
        Rows of each side.
    """

    labels: list[str]
    one_each: bool
    samples: NDArray[np.int16]
    targets: NDArray[np.float32]
    groups: NDArray[np.object_]
    training: Rows
    validation: Rows
    test: Rows
    left_out: dict[str, int]


def sixths(numbers: NDArray[np.integer]) -> tuple[Rows, Rows, Rows]:
    """Rows of `numbers`, (n,): of six, four to learn from, the fifth to stop early, the sixth held out."""
    learned, stopping, test = (
        np.flatnonzero(np.isin(numbers % 6, some)) for some in ([0, 1, 2, 3], [4], [5])
    )
    return learned, stopping, test


def task_of(listed: ClipList, samples: NDArray[np.int16], unheard: Sequence[str]) -> ClipTask:
    """The clips of `listed` with their samples, (n_clips, n_samples), without those for which `unheard` has a
    reason, which are counted.

    Raises
    ------
    UserError
        A side of the split without a clip, or fewer than two labels to learn from.
    """
    heard = np.array([not why for why in unheard])
    targets = np.zeros((len(listed.clips), len(listed.labels)), dtype=np.float32)
    for row, clip in enumerate(listed.clips):
        targets[row, list(clip.labels)] = 1
    sides = np.array([clip.side for clip in listed.clips])
    rows = {side: np.flatnonzero(heard & (sides == side)) for side in SIDES}
    for side, found in rows.items():
        if not len(found):
            raise UserError(
                f"no clip of the side {side!r} of the split, of {len(heard)}: one at least is wanted"
            )
    told = int((targets[rows["training"]].any(axis=0) & ~targets[rows["training"]].all(axis=0)).sum())
    if told < 2:
        raise UserError(
            f"labels {', '.join(listed.labels)[:200]}: {told} of them are those of some clips to learn from "
            "and not of others, two are wanted"
        )
    left_out = listed.left_out | dict(Counter(why for why in unheard if why))
    groups = np.array([clip.group for clip in listed.clips], dtype=object)
    return ClipTask(listed.labels, listed.one_each, samples, targets, groups, **rows, left_out=left_out)


def read_task(listed: ClipList, cut: Segments, kept: Path) -> ClipTask:
    """The clips of `listed` as `decoded` gives them."""
    samples, unheard = decoded([Excerpt(clip.file, 0.0) for clip in listed.clips], cut, kept)
    return task_of(listed, samples, unheard)


def decoded(excerpts: Sequence[Excerpt], cut: Segments, kept: Path) -> tuple[NDArray[np.int16], list[str]]:
    """Decode all of them into `kept`, unless it is there, on all cores.

    Parameters
    ----------
    cut
        Rate, number and length of the segments of every clip, from its start; other rates are resampled,
        and a clip that is shorter is repeated until it is as long.
    kept
        A file .npy, as large as all samples; why clips cannot be heard goes to a text file beside it.

    Returns
    -------
    samples
        int16 `(n, n_segments, n_samples)`, on the disk; silence where nothing can be heard.
    unheard
        For each clip why, or "".
    """
    reasons = kept.with_suffix(".txt")
    if not kept.is_file():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with replacing(kept) as unfinished:
            # a memory map: clips need not fit into memory
            shape = (len(excerpts), cut.n_segments, cut.n_samples)
            samples = np.lib.format.open_memmap(unfinished, mode="w+", dtype=np.int16, shape=shape)
            found = parallel_map(partial(_decoded, cut=cut), excerpts, description="Clips", unit="clip")
            why = []
            for row, heard in enumerate(found):
                why.append(heard if isinstance(heard, str) else "")
                samples[row] = 0 if isinstance(heard, str) else heard
            samples.flush()
            replace_text(reasons, "\n".join(why))  # before the samples, which say that both are there
    samples = np.load(kept, mmap_mode="r")
    return samples, reasons.read_text(encoding="utf-8").split("\n")


def _decoded(excerpt: Excerpt, cut: Segments) -> NDArray[np.int16] | str:
    """A clip's segments, or why it cannot be heard."""
    seconds = cut.seconds + 1  # what a resampler holds back at the end
    try:
        with quiet_codecs(), codec_errors():
            rate, blocks = open_blocks(excerpt.path, excerpt.start, seconds, excerpt.decoder)
            mono = (to_mono(block, excerpt.channel) for block in blocks)
            samples = np.concatenate(list(resample(mono, rate, cut.sample_rate)))
    except AudioError as error:
        return str(error).split("\n")[0][:200]
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if not len(samples) or not np.isfinite(samples).all():
        return "not finite" if len(samples) else "no samples"
    return segments(samples, cut.n_segments, cut.n_samples)


def segments(samples: NDArray[np.floating], n_segments: int, n_samples: int) -> NDArray[np.int16]:
    """Samples within -1 and 1, (n,), as consecutive segments, int16 `(n_segments, n_samples)`.

    What is shorter is repeated, as the authors' code does; what is longer is cut off.

    Example
    -------
    >>> segments(np.array([0.0, 0.5, -1.0]), 2, 2)
    array([[     0,  16384],
           [-32767,      0]], dtype=int16)
    """
    repeated = np.resize(samples, n_segments * n_samples)  # np.resize begins anew at the end
    levels = np.clip(np.rint(repeated * LOUDEST), -LOUDEST, LOUDEST)
    return np.asarray(levels.reshape(n_segments, n_samples), dtype=np.int16)
