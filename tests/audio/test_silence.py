"""Silence is judged on what is heard; the excerpt moves to where there is sound."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from earshot.audio.probing import Probe, probe
from earshot.catalogue.songs import judge, with_probes
from earshot.extraction.images import extract_image, plan_shards
from earshot.features.hyper_image import DEFAULTS, excerpt_of, excerpt_start
from earshot.params import RawAudio
from tests.audio.files import RATE
from tests.audio.signals import SAMPLE_RATE, music

SHORT = replace(DEFAULTS, excerpt_seconds=4.0)


def image_of(path: Path) -> np.ndarray:
    image = extract_image(excerpt_of(path, probe(path), SHORT), SHORT)
    assert isinstance(image, np.ndarray)
    return image


def test_antiphase_is_heard_by_its_loudest_channel(tmp_path: Path) -> None:
    left = music(3.0)
    for name, right in {"mono": left, "anti": -left, "louder": -1.05 * left, "other": music(3.0, 1)}.items():
        soundfile.write(tmp_path / f"{name}.wav", np.stack([left, right], axis=1), SAMPLE_RATE, "FLOAT")
    channels = {name: probe(tmp_path / f"{name}.wav").channel for name in ("mono", "anti", "louder", "other")}
    assert channels == {"mono": None, "anti": 0, "louder": 1, "other": None}
    np.testing.assert_array_equal(image_of(tmp_path / "anti.wav"), image_of(tmp_path / "mono.wav"))


def test_a_hidden_track_is_heard(tmp_path: Path) -> None:
    """Two seconds of music, a silent minute, five of music again: the middle is silent."""
    samples = np.concatenate([music(2.0), np.zeros(60 * SAMPLE_RATE, np.float32), music(5.0, 1)])
    soundfile.write(tmp_path / "hidden.wav", samples, SAMPLE_RATE, "FLOAT")
    soundfile.write(
        tmp_path / "track.wav", samples[round(62.5 * SAMPLE_RATE) :][: 4 * SAMPLE_RATE], SAMPLE_RATE, "FLOAT"
    )
    found = probe(tmp_path / "hidden.wav")
    assert found.silences == "2-62"
    assert excerpt_of(tmp_path / "hidden.wav", found, SHORT).start == 62.5
    np.testing.assert_array_equal(image_of(tmp_path / "hidden.wav"), image_of(tmp_path / "track.wav"))


@pytest.mark.parametrize(
    ("seconds", "silences", "start"),
    [
        (100.0, None, 48.0),
        (100.0, "0-10 80-100", 48.0),
        (100.0, "10-51", 48.0),  # the last second of the middle is sound
        (100.0, "10-90", 3.0),  # as much sound at either end: the first
        (100.0, "2-90", 93.0),
        (100.0, "1-100", 0.0),
        (100.5, "0-100", 96.5),
        (3.0, "0-2", 0.0),
    ],
)
def test_the_middle_stays_unless_it_is_silent(seconds: float, silences: str | None, start: float) -> None:
    assert excerpt_start(seconds, SHORT, silences) == start


def test_what_is_silent_when_it_is_heard_is_set_aside() -> None:
    songs = pd.DataFrame({"song_id": ["a", "b"], "audio": ["a", "b"]})
    probes = {
        "a": Probe("1", 9.0, RATE, 2, peak_dbfs=-1.0, heard_dbfs=-80.0),
        "b": Probe("2", 9.0, RATE, 2, peak_dbfs=-1.0, heard_dbfs=-7.0),
    }
    limits = RawAudio(min_seconds=1.0, silence_dbfs=-60.0, max_set_aside_share=1.0)
    reasons = judge(with_probes(songs, probes), limits)["reason"]
    assert reasons[0] == "silent: peak -80.0 dBFS, raw_audio.silence_dbfs is -60"
    assert pd.isna(reasons[1])


def test_a_shard_of_ordinary_songs_keeps_its_key() -> None:
    """Told by a key made before songs could be heard in another way; any of these ways makes another."""
    files = pd.DataFrame(
        {"delivery": "d", "song_id": ["s"], "audio": ["a"], "audio_md5": ["m"], "seconds": [100.0]}
    )
    ordinary = files.assign(current=True)
    other = [{"decoder": "ffmpeg"}, {"channel": 1}, {"silences": "10-90"}]
    keys = [plan_shards(ordinary.assign(**columns), DEFAULTS)[0].key for columns in other]
    (shard,) = plan_shards(ordinary, DEFAULTS)
    assert shard.key == KEY
    assert len({shard.key, *keys}) == 4
    same = ordinary.assign(decoder=None, channel=None, silences="0-2", damage="damaged: 1.0 of 1.1 s heard")
    assert plan_shards(same, DEFAULTS)[0].key == KEY


KEY = "1c38a3407ba9d56f3658a2b6e70af1c2"
