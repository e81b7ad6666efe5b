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
from earshot.features.spectrum import resample
from earshot.files import replacing
from earshot.pool import parallel_map

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


def task_of(listed: ClipList, samples: NDArray[np.int16], unheard: Sequence[str]) -> ClipTask:
    """The clips of `listed` with their samples; those with a reason in `unheard` left out and counted.

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
            raise UserError(f"no clip of the side {side!r} of the split, of {len(heard)}: one at least is wanted")
    told = int((targets[rows["training"]].any(axis=0) & ~targets[rows["training"]].all(axis=0)).sum())
    if told < 2:
        raise UserError(
            f"{told} of the labels {', '.join(listed.labels)[:200]} are those of some clips to learn from and not "
            "of others: two are wanted"
        )
    left_out = listed.left_out | dict(Counter(why for why in unheard if why))
    groups = np.array([clip.group for clip in listed.clips], dtype=object)
    return ClipTask(listed.labels, listed.one_each, samples, targets, groups, **rows, left_out=left_out)


def read_task(listed: ClipList, sample_rate: int, n_segments: int, n_samples: int, kept: Path) -> ClipTask:
    """Decode all clips into `kept`, unless it is there, on all cores.

    Parameters
    ----------
    sample_rate
        Hz; other clips are resampled.
    n_segments, n_samples
        Of every clip, from its start; a shorter one is repeated until it is as long.
    kept
        A file .npy, as large as all samples; why clips could not be decoded goes to a text file beside it.
    """
    reasons = kept.with_suffix(".txt")
    if not kept.is_file():
        kept.parent.mkdir(parents=True, exist_ok=True)
        shape = (len(listed.clips), n_segments, n_samples)
        cut = partial(_decoded, sample_rate=sample_rate, n_segments=n_segments, n_samples=n_samples)
        files = [clip.file for clip in listed.clips]
        with replacing(kept) as unfinished:
            # NpyFormat's memory map: a catalogue of clips need not fit into memory
            samples = np.lib.format.open_memmap(unfinished, mode="w+", dtype=np.int16, shape=shape)
            why = []
            for row, found in enumerate(parallel_map(cut, files, description="clips", unit="clip")):
                why.append(found if isinstance(found, str) else "")
                samples[row] = 0 if isinstance(found, str) else found
            samples.flush()
            with replacing(reasons) as text:
                text.write_text("\n".join(why), encoding="utf-8")
    unheard = reasons.read_text(encoding="utf-8").split("\n")
    return task_of(listed, np.load(kept, mmap_mode="r"), unheard)


def _decoded(file: Path, sample_rate: int, n_segments: int, n_samples: int) -> NDArray[np.int16] | str:
    """A clip's segments, or why it cannot be heard."""
    seconds = n_segments * n_samples / sample_rate + 1
    try:
        with quiet_codecs(), codec_errors():
            rate, blocks = open_blocks(file, 0.0, seconds)
            mono = (to_mono(block) for block in blocks)
            samples = np.concatenate(list(resample(mono, rate, sample_rate)))
    except AudioError as error:
        return str(error).split("\n")[0][:200]
    if not len(samples) or not np.isfinite(samples).all():
        return "no samples" if not len(samples) else "not finite"
    return segments(samples, n_segments, n_samples)


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
    levels = np.clip(np.rint(repeated * LOUDEST), -LOUDEST, LOUDEST).astype(np.int16)
    return levels.reshape(n_segments, n_samples)
