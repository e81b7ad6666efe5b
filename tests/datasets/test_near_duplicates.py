"""The same recording is found in whatever form it comes, and nothing else is taken for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from earshot.datasets.folder import import_folder
from earshot.datasets.near_duplicates import NOTHING, fingerprint, fingerprint_of, same_recordings
from tests.audio.signals import music, nasty
from tests.datasets.imports import songs
from tests.datasets.music import write_music

RATE = 22050


def melody(seed: int, seconds: float = 12.0, shape: float = 3.0) -> np.ndarray:
    """Four notes a second, drawn; `shape` is how fast they fade."""
    draw = np.random.default_rng(seed)
    t = np.arange(round(seconds * RATE)) / RATE
    notes = 220 * 2 ** (draw.integers(0, 36, round(4 * seconds)) / 12)
    pitch = notes[(4 * t).astype(int)]
    tone = sum(np.sin(2 * np.pi * h * np.cumsum(pitch) / RATE) / h for h in (1, 2, 3))
    return (0.2 * tone * np.exp(-shape * (t % 0.25))).astype(np.float32)


def test_other_gain_channel_start_and_noise_are_the_same_recording_and_other_notes_are_not() -> None:
    first, second = melody(1), melody(2)
    forms = {
        "itself": first,
        "quiet": first / 8,
        "clipped": np.clip(2 * first, -0.5, 0.5),
        "late": np.pad(first, (7 * RATE // 10, 0)),
        "from 3.21 s on": first[321 * RATE // 100 :],
        "noisy": first + 0.002 * np.random.default_rng(0).standard_normal(len(first)).astype(np.float32),
    }
    prints = [fingerprint(second, RATE), *(fingerprint(samples, RATE) for samples in forms.values())]
    pairs = same_recordings(prints)
    assert {pair[:2] for pair in pairs} == {(a, b) for b in range(1, 7) for a in range(1, b)}
    assert max(pair.bits_apart for pair in pairs) < 0.2


def test_what_has_nothing_to_compare_is_like_nothing() -> None:
    odd = [fingerprint(np.resize(signal, 12 * RATE), RATE) for signal in nasty().values()]
    others = [NOTHING, fingerprint(melody(1, 4.0), RATE), fingerprint(np.zeros(0, np.float32), RATE)]
    silent = fingerprint(np.pad(melody(3, 4.0), (0, 20 * RATE)), RATE)
    assert same_recordings([]) == same_recordings([*others, silent, silent]) == []
    one_loop = [list(nasty()).index(name) for name in ("faint", "silent, then music")]
    assert [[pair.one, pair.other] for pair in same_recordings(odd)] == [one_loop]


def test_an_import_proposes_the_largest_file_and_merges_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    folder.mkdir()
    soundfile.write(folder / "a.lq.mp3", melody(1), RATE, bitrate_mode="CONSTANT", compression_level=0.9)
    soundfile.write(folder / "a.hq.flac", np.stack([melody(1)] * 2, axis=1), RATE)
    soundfile.write(folder / "a.ogg", melody(1)[RATE // 2 :], RATE)
    soundfile.write(folder / "b.wav", melody(2), RATE)
    soundfile.write(folder / "c.mp3", melody(3), RATE)
    write_music(folder / "d.mp3", artist="Ada")
    (folder / "e.mp3").write_bytes(b"no music" * 100)
    told = import_folder(folder, tmp_path / "d")
    assert (told.songs, told.proposed_versions) == (7, 2)
    found = songs(tmp_path / "d")
    path_of = {"": "", **found["path"]}
    assert {path: path_of[of] for path, of in zip(found["path"], found["version_of"], strict=True) if of} == {
        "a.lq.mp3": "a.hq.flac",
        "a.ogg": "a.hq.flac",
    }
    assert fingerprint_of(folder / "e.mp3") is NOTHING


def test_a_tempo_or_key_of_its_own_is_another_recording() -> None:
    base = music(12)
    other = np.interp(np.arange(0, len(base), 1.06), np.arange(len(base)), base).astype(np.float32)
    assert same_recordings([fingerprint(base, RATE), fingerprint(other, RATE)]) == []
