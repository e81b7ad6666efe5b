"""The ways of composing, and what they are measured against: for each label some images, and their sound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from earshot.datasets.embedded.traits import Traits, draw_artist, draw_song
from earshot.files import replace_arrays
from earshot.store.rows import LEVELS
from earshot.store.shards import Stored
from hyper_image.ascent import FreeLevels, Heights, Network, RealFrames, ascend
from hyper_image.played import can_be_played, climb
from hyper_image.sound import heard_again, samples_of
from hyper_image.studio import Studio, disturbed, together, untrained

Ints = NDArray[np.int64]

REAL, INVERTED, NOISE, OTHERS = "real_songs", "real_songs_inverted", "noise", "other_songs"
RANDOM, UNTRAINED = "random_stretches", "untrained_network"
FREE, STEADY, STRETCHES = "free_levels", "steady_levels", "stretches"
OF_OTHERS, LONGER = "stretches_of_others", "longer"
PLAYED_FIRST, PLAYED = "played_first", "played"
CONTROLS = (REAL, INVERTED, NOISE, OTHERS, RANDOM, UNTRAINED, PLAYED_FIRST)
DESCRIPTIONS = {
    REAL: "held-out songs of the label, as they are stored",
    INVERTED: "their mel rows turned into sound in the same way",
    NOISE: "random levels, turned into sound",
    OTHERS: "songs of other labels, where ascent of levels begins, turned into sound",
    RANDOM: "stretches of real songs one after another, drawn at random",
    UNTRAINED: "stretches chosen by ascent for the network before it learned",
    FREE: "ascent of every level of the image",
    STEADY: "the same with jitter, noise, smoothness and a range",
    STRETCHES: "ascent to a choice of stretches of real songs",
    OF_OTHERS: "the same, of songs of other labels alone",
    LONGER: "ascent to a choice of stretches, in longer pieces",
    PLAYED_FIRST: "songs that the synthesizer makes in other styles, where trials begin",
    PLAYED: "trials over the synthesizer: harmony, rhythm, density; neither style nor timbre",
    "steady_levels_disturbed": "steady levels, by a network trained in noise, jitter and time stretch",
    "steady_levels_both": "steady levels, by both networks",
    "stretches_disturbed": "stretches, by a network trained in noise, jitter and time stretch",
    "stretches_both": "stretches, by both networks",
}

_SPREAD = 0.1
"""Of the logarithms of weights at first."""
_FIRST_NUMBER = 10_000_000
"""Of the synthesizer's songs and artists here: none is in a catalogue."""


@dataclass(frozen=True)
class Made:
    """Pieces of one way.

    Attributes
    ----------
    wanted
        Number of the label that each is to have, (n,).
    images
        As they were composed, uint8 (n, n_frames, n_rows).
    samples
        float32 (n, n_samples); of no samples where nothing was turned into sound.
    own
        Of pieces made of stretches the share that is of songs of the wanted label, (n,); else NaN.
    """

    wanted: Ints
    images: Stored
    samples: NDArray[np.float32]
    own: NDArray[np.float32]


def ways_of(studio: Studio, network: Path, work: Path) -> dict[str, Callable[[], Made]]:
    """By name, in the order of the table; `network` and `work` as of `untrained` and `disturbed`."""
    settings = studio.params.composing
    first = studio.encoder
    longer = settings.windows_of_longer * studio.n_frames
    ways: dict[str, Callable[[], Made]] = {
        REAL: lambda: _real(studio, sounds=False),
        INVERTED: lambda: _real(studio, sounds=True),
        NOISE: lambda: _sounding(studio, _wanted(studio), _noise(studio)),
        OTHERS: lambda: _sounding(studio, _wanted(studio), _other_songs(studio)),
        RANDOM: lambda: _of_stretches(studio, None),
        UNTRAINED: lambda: _of_stretches(studio, untrained(studio, network)),
        FREE: lambda: _of_levels(studio, first, steady=False),
        STEADY: lambda: _of_levels(studio, first, steady=True),
        STRETCHES: lambda: _of_stretches(studio, first),
        OF_OTHERS: lambda: _of_stretches(studio, first, of_others=True),
        LONGER: lambda: _of_stretches(studio, first, n_frames=longer),
    }
    if settings.disturbed is not None:
        bears = disturbed(studio, work)
        for name, heard in (("disturbed", bears), ("both", together([first, bears]))):
            ways[f"{STEADY}_{name}"] = partial(_of_levels, studio, heard, steady=True)
            ways[f"{STRETCHES}_{name}"] = partial(_of_stretches, studio, heard)
    if can_be_played(studio.labels, studio.settings.sample_rate):
        ways[PLAYED_FIRST] = lambda: _played(studio, 1)
        ways[PLAYED] = lambda: _played(studio, settings.trials)
    return ways


def kept(path: Path, make: Callable[[], Made]) -> Made:
    """What `make` makes; it is written to `path`, and read from there by a run that goes on."""
    if not path.is_file():
        replace_arrays(path, **vars(make()))
    with np.load(path, allow_pickle=False) as found:
        return Made(**found)


def _wanted(studio: Studio) -> Ints:
    return np.repeat(studio.composed, studio.params.composing.pieces)


def _draw(studio: Studio, what: int) -> np.random.Generator:
    """Another one for each thing that is drawn, the same in all ways."""
    return np.random.default_rng([studio.params.composing.seed, what])


def _real(studio: Studio, *, sounds: bool) -> Made:
    """Held-out snippets, as many of a label as there are pieces, or fewer where it has fewer."""
    draw, labels = _draw(studio, 0), studio.held_out.labels
    chosen = [
        draw.permutation(np.flatnonzero(labels == number))[: studio.params.composing.pieces]
        for number in studio.composed
    ]
    rows = np.concatenate(chosen)
    images = studio.held_out.images[rows]
    if sounds:
        return _sounding(studio, labels[rows], images)
    nothing = np.empty((len(rows), 0), dtype=np.float32)
    return Made(labels[rows], images, nothing, _without(len(rows)))


def _noise(studio: Studio) -> NDArray[np.float32]:
    mean, scale = _spread(studio)
    shape = len(_wanted(studio)), studio.n_frames, len(mean)
    return (mean + scale * _draw(studio, 1).standard_normal(shape)).astype(np.float32)


def _other_songs(studio: Studio) -> Stored:
    draw, labels = _draw(studio, 2), studio.material.labels
    rows = [int(draw.choice(np.flatnonzero(labels != number))) for number in _wanted(studio)]
    images: Stored = studio.material.images[rows]
    return images


def _spread(studio: Studio) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and deviation of each row over the material, (n_rows,) each; of constant rows at least a level."""
    frames = studio.material.images.reshape(-1, studio.material.images.shape[2])
    return frames.mean(axis=0, dtype=np.float32), np.maximum(frames.std(axis=0, dtype=np.float32), 1)


def _heights(studio: Studio, network: Network, *, steady: bool, real: bool) -> Heights:
    settings = studio.params.composing.ascent
    if real:
        settings = replace(settings, smoothness=0.0, in_range=0.0)
    elif not steady:
        settings = replace(settings, jitter=False, noise=0.0, smoothness=0.0, in_range=0.0)
    wanted = torch.from_numpy(_wanted(studio))
    mean, scale = map(torch.from_numpy, _spread(studio))
    return Heights(network, wanted, studio.n_frames, mean, scale, settings)


def _of_levels(studio: Studio, network: Network, *, steady: bool) -> Made:
    images = FreeLevels(torch.from_numpy(_other_songs(studio)).float())
    heights = _heights(studio, network, steady=steady, real=False)
    found = ascend(images, heights, studio.params.composing.seed)
    return _sounding(studio, _wanted(studio), found.numpy())


def _of_stretches(
    studio: Studio, network: Network | None, *, of_others: bool = False, n_frames: int = 0
) -> Made:
    """Of the material; without a network those that a random choice gives."""
    stretches, labels = _stretches(studio)
    wanted, n_frames = _wanted(studio), n_frames or studio.n_frames
    places = -(-n_frames // stretches.shape[1])  # rounded up
    start = _SPREAD * _draw(studio, 4).standard_normal((len(wanted), places, len(stretches)))
    if of_others:
        start[(labels == wanted[:, None])[:, None].repeat(places, axis=1)] = -np.inf
    images = RealFrames(stretches, torch.from_numpy(start).float(), n_frames)
    if network is not None:
        heights = _heights(studio, network, steady=True, real=True)
        ascend(images, heights, studio.params.composing.seed)
    chosen = images.chosen().numpy()
    own = (labels[chosen] == wanted[:, None]).mean(axis=1, dtype=np.float32)
    return replace(_sounding(studio, wanted, images.settled().numpy()), own=own)


def _stretches(studio: Studio) -> tuple[Tensor, Ints]:
    """Drawn from the material, (n_stretches, length, n_rows), and the label of each, (n_stretches,)."""
    settings, draw = studio.params.composing.stretches, _draw(studio, 3)
    length = round(settings.seconds * studio.catalogue.store.frames_per_second)
    length = min(max(1, length), studio.n_frames)
    songs = draw.integers(len(studio.material.labels), size=settings.number)
    starts = draw.integers(studio.n_frames - length + 1, size=settings.number)
    # (n_stretches, length): frames of each
    frames = starts[:, None] + np.arange(length)
    levels = studio.material.images[songs[:, None], frames].astype(np.float32)
    return torch.from_numpy(levels), studio.material.labels[songs]


def _sounding(studio: Studio, wanted: Ints, images: NDArray[np.number]) -> Made:
    """The sound of the mel rows of images (n, n_frames, n_rows)."""
    stored = np.rint(np.clip(images, 0, LEVELS)).astype(np.uint8)
    image_format, n_fft = studio.catalogue.store.format, studio.settings.n_fft
    iterations = studio.params.composing.phase_iterations
    sounds = [
        samples_of(image[:, studio.mel], image_format, n_fft, iterations, seed)
        for seed, image in enumerate(stored)
    ]
    return Made(wanted, stored, np.stack(sounds), _without(len(wanted)))


def _without(n: int) -> NDArray[np.float32]:
    return np.full(n, np.nan, dtype=np.float32)


def named(studio: Studio, image: Stored, network: Network) -> NDArray[np.float32]:
    """Logarithms of the probabilities of labels, (n_labels,): the mean over windows side by side."""
    n_windows = max(1, len(image) // studio.n_frames)
    frames = np.resize(image, (n_windows * studio.n_frames, image.shape[1]))  # a shorter one is repeated
    windows = torch.from_numpy(frames).reshape(n_windows, studio.n_frames, -1)
    with torch.inference_mode():
        found: NDArray[np.float32] = network(windows).log_softmax(1).mean(dim=0).numpy()
    return found


def _played(studio: Studio, trials: int) -> Made:
    """Songs of the synthesizer, each begun in another style than is wanted."""
    seed = studio.params.composing.seed
    wanted, sounds = _wanted(studio), []
    for number, label in enumerate(wanted):

        def certainty(samples: NDArray[np.float32], label: int = int(label)) -> float:
            return float(named(studio, heard_again(samples, studio.settings), studio.encoder)[label])

        start = _first_traits(number, studio.labels[label])
        draw = np.random.default_rng([seed, 5, number])
        sounds.append(climb(_FIRST_NUMBER + number, start, certainty, trials, draw)[1])
    images = np.stack([heard_again(samples, studio.settings) for samples in sounds])
    return Made(wanted, images, np.stack(sounds), _without(len(wanted)))


def _first_traits(number: int, label: str) -> Traits:
    """Of a song by the first artist from `number` on whose style is another than `label`."""
    artist = next(
        artist
        for artist in (draw_artist(_FIRST_NUMBER + 100 * number + n) for n in range(100))
        if artist.style.genre != label
    )
    return draw_song(artist, _FIRST_NUMBER + number)
