"""Claim: a folder import proposes as one family what holds the same recording, and nothing else.

    python benchmarks/versions.py [SONGS]

Songs of the embedded catalogue, evenly out of it, are made anew: their recording in the forms of
`RECORDINGS`, and covers, of which every note is the song's and the sound is not. Each form of all songs
is compared with all songs (`earshot.datasets.near_duplicates`). Recall: the share of recordings that
are proposed as versions of their song. False merges: the share of songs of which a file in any form is
proposed as a version of another song; songs of one artist, who share instruments and drums, are among
them. Covers are told by themselves: to propose one is no false merge, and none is looked for. Intervals
are over songs, 95 %: bootstrapped, but of false merges Clopper and Pearson's, which says something of none.

The last line is JSON: songs, pairs (of files of different songs that were compared), recall, recall_ci95,
recall_by_form, false_merge_rate, false_merge_rate_ci95, covers_proposed, covers_proposed_ci95.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from forms import WAVE, Samples, changed, encoded, low_pass, tilt
from numpy.typing import NDArray
from scipy.stats import binomtest

from earshot.datasets.embedded.catalogue import MadeSong, catalogue_songs
from earshot.datasets.embedded.instruments import SAMPLE_RATE
from earshot.datasets.embedded.synthesis import render
from earshot.datasets.embedded.traits import N_KITS, Traits
from earshot.datasets.near_duplicates import Fingerprint, fingerprint_of, same_recordings
from earshot.evaluation.intervals import multiplicities, percentile_interval
from earshot.executors import parallel_map

ORIGINAL = "original"
BOOTSTRAPS = 2000


RECORDINGS = {
    "mp3 320": encoded("libmp3lame", 320, 44100),
    "mp3 128": encoded("libmp3lame", 128, 44100),
    "mp3 64": encoded("libmp3lame", 64),
    "mp3 32": encoded("libmp3lame", 32),
    "mp3 16 kHz": encoded("libmp3lame", 32, 16000),
    "mp3 11 kHz": encoded("libmp3lame", 24, 11025),
    "opus 48": encoded("libopus", 48, 48000),
    "aac 64": encoded("aac", 64, 44100),
    "+12 dB": changed(lambda samples: 4 * samples),
    "-12 dB": changed(lambda samples: samples / 4),
    "low-pass 3.5 kHz": low_pass(3500),
    "equalized": changed(tilt),
    "from 0.5 s on": changed(lambda samples: samples[SAMPLE_RATE // 2 :]),
    "0.51 s later": changed(lambda samples: np.pad(samples, (round(0.51 * SAMPLE_RATE), 0))),
    "noise at -20 dB": changed(lambda samples: samples + 0.1 * samples.std() * NOISE[: len(samples)]),
}
NOISE = np.random.default_rng(0).standard_normal(20 * SAMPLE_RATE)


def _other_sound(traits: Traits) -> Traits:
    lead, chords = traits.lead_instrument, traits.chord_instrument
    others = [name for name in ("piano", "organ", "guitar", "saw", "flute") if name not in (lead, chords)]
    kit = (traits.kit + 5) % N_KITS
    return replace(traits, chord_instrument=others[0], lead_instrument=others[1], kit=kit)


def _other_key(traits: Traits) -> Traits:
    return replace(_other_sound(traits), tonic=(traits.tonic + 3) % 12, tempo=traits.tempo * 1.08)


COVERS = {"other instruments": _other_sound, "other key and tempo": _other_key}


def main(n_songs: int = 100) -> None:
    """Make, compare, print."""
    songs = catalogue_songs()[:: max(1, 1000 // n_songs)][:n_songs]
    made = parallel_map(fingerprints, songs, description="Making versions", unit="songs")
    done = list(made)
    originals, n = [of_song[ORIGINAL] for of_song in done], len(songs)
    found, merged = dict[str, NDArray[np.bool_]](), np.zeros(n, np.bool_)
    for form in done[0]:
        files = originals if form == ORIGINAL else [*originals, *(of_song[form] for of_song in done)]
        pairs = same_recordings(files)
        found[form], strange = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
        found[form][[pair.one for pair in pairs if pair.one + n == pair.other]] = True
        strangers = [(pair.one % n, pair.other % n) for pair in pairs if (pair.other - pair.one) % n]
        strange[[song for pair in strangers for song in pair]] = True
        merged |= strange
        print(f"{form:20} {found[form].sum():4} of {n} proposed, {strange.sum():4} with another song")
    recordings = {form: found[form] for form in RECORDINGS}
    result = {"songs": n, "pairs": n * (n - 1) // 2 * (4 * len(done[0]) - 3)}
    result |= over_songs("recall", list(recordings.values()))
    result["recall_by_form"] = {form: round(float(each.mean()), 4) for form, each in recordings.items()}
    interval = binomtest(int(merged.sum()), n).proportion_ci(method="exact")
    result["false_merge_rate"] = round(float(merged.mean()), 5)
    result["false_merge_rate_ci95"] = [round(interval.low, 5), round(interval.high, 5)]
    print(json.dumps(result | over_songs("covers_proposed", [found[form] for form in COVERS])))


def fingerprints(song: MadeSong) -> dict[str, Fingerprint]:
    """Of every form of a song, each written to a file and read."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        heard = {}
        samples = _samples(song.number, song.traits)
        for form, write in {ORIGINAL: encoded("libmp3lame", 128), **RECORDINGS}.items():
            write(path, samples)
            heard[form] = fingerprint_of(path)
        for form, change in COVERS.items():
            WAVE(path, _samples(song.number, change(song.traits)))
            heard[form] = fingerprint_of(path)
    return heard


def _samples(number: int, traits: Traits) -> Samples:
    return (render(number, traits) / 2**15).astype(np.float32)


def over_songs(name: str, proposed: list[NDArray[np.bool_]]) -> dict[str, object]:
    """Share of what was proposed, `(n_songs,)` for each form, and its interval."""
    by_song = np.mean(proposed, axis=0)
    drawn = multiplicities(len(by_song), BOOTSTRAPS, seed=0)
    found = percentile_interval(float(by_song.mean()), by_song @ drawn / len(by_song))
    return {name: round(found.value, 5), f"{name}_ci95": [round(found.low, 5), round(found.high, 5)]}


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
