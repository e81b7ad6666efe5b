"""One bad place, a wrong length, several files in one: what can be heard is heard, what is missing told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from earshot.audio.decoding import decode
from earshot.audio.probing import Probe, probe
from earshot.extraction.images import extract_image
from earshot.features.hyper_image import DEFAULTS, excerpt_of
from tests.audio.files import RATE, stereo
from tests.audio.hostile import encoded, overwritten, with_number

CASES = Path("../shared/cases")
SECONDS = 4.0


@pytest.fixture(scope="module")
def good() -> dict[str, bytes]:
    return {
        kind: encoded(kind, stereo(SECONDS)) for kind in ("flac", "mp3", "aac", "m4a", "ogg", "wav", "w64")
    }


def probed(folder: Path, name: str, content: bytes) -> Probe:
    """Of a file that must become a hyper-image as long as was probed."""
    (folder / name).write_bytes(content)
    found = probe(folder / name)
    if found.reason is None:
        image = extract_image(excerpt_of(folder / name, found, DEFAULTS), DEFAULTS)
        assert not isinstance(image, str), image
        assert abs(len(image) - 1 - found.seconds * 22050 / 512) < 2
    return found


@pytest.mark.parametrize(
    ("kind", "n_bytes", "least"),
    [
        ("flac", 1, 3.8),
        ("flac", 60, 3.8),
        ("aac", 40, 3.9),
        ("m4a", 40, 3.9),
        ("mp3", 400, 3.9),
        ("ogg", 40, 2.7),
    ],
)
def test_one_bad_place_costs_what_it_holds(
    good: dict[str, bytes], tmp_path: Path, kind: str, n_bytes: int, least: float
) -> None:
    found = probed(tmp_path, f"bad.{kind}", overwritten(good[kind], n_bytes))
    assert least < found.seconds < SECONDS
    assert found.damage == f"damaged: {int(found.seconds * 10) / 10:.1f} of 4.0 s heard"


@pytest.mark.parametrize("kind", ["flac", "mp3", "wav", "w64", "ogg"])
def test_what_was_cut_off_is_told(good: dict[str, bytes], tmp_path: Path, kind: str) -> None:
    found = probed(tmp_path, f"cut.{kind}", good[kind][: len(good[kind]) * 7 // 10])
    assert 2.0 < found.seconds < 2.9
    assert str(found.damage).startswith("damaged: 2.")
    assert str(
        probed(tmp_path, f"third.{kind}", good[kind][: len(good[kind]) // 3]).reason or "broken"
    ).startswith("broken")


def test_a_length_that_the_header_does_not_know(good: dict[str, bytes], tmp_path: Path) -> None:
    streams = {
        "no total.flac": with_number(good["flac"], b"fLaC", 21, bytes([good["flac"][21] & 0xF0, 0, 0, 0, 0])),
        "0.wav": with_number(good["wav"], b"data", 4, bytes(4)),
        "endless.wav": with_number(good["wav"], b"data", 4, b"\xff" * 4),
        "0.w64": with_number(good["w64"], b"data", 16, bytes(8)),
        "endless.w64": with_number(good["w64"], b"data", 16, b"\xff" * 8),
    }
    soundfile.write(tmp_path / "whole.rf64", stereo(SECONDS), RATE, format="RF64")
    rf64 = (tmp_path / "whole.rf64").read_bytes()
    streams["0.rf64"] = with_number(rf64, b"ds64", 8, bytes(24))
    streams["endless.rf64"] = with_number(rf64, b"ds64", 8, b"\xff" * 24)
    for name, content in streams.items():
        found = probed(tmp_path, name, content)
        assert (found.seconds, found.damage, found.reason) == (SECONDS, None, None), name


@pytest.mark.parametrize("factor", [0.1, 10])
def test_an_mp3_is_as_long_as_its_frames(good: dict[str, bytes], tmp_path: Path, factor: float) -> None:
    place = good["mp3"].index(b"Info") + 8
    frames = int(int.from_bytes(good["mp3"][place : place + 4], "big") * factor)
    found = probed(tmp_path, "count.mp3", with_number(good["mp3"], b"Info", 8, frames.to_bytes(4, "big")))
    assert found.seconds == pytest.approx(SECONDS, abs=0.03)
    assert found.damage is None


def test_files_one_after_another_are_heard_whole(good: dict[str, bytes], tmp_path: Path) -> None:
    other_rate = encoded("ogg", stereo(SECONDS)[::2, :1], RATE // 2)
    joined = {
        "twice.mp3": good["mp3"] * 2,
        "twice.aac": good["aac"] * 2,
        "twice.ogg": good["ogg"] * 2,
        "other.ogg": good["ogg"] + other_rate,
    }
    for name, content in joined.items():
        found = probed(tmp_path, name, content)
        assert found.seconds == pytest.approx(2 * SECONDS, abs=0.08), name
        assert (found.damage, found.sample_rate, found.channels) == (None, RATE, 2), name
    other, _ = decode(tmp_path / "other.ogg")
    assert len(other) == round(SECONDS * RATE)  # by itself, the first decoder stops there


def test_other_bytes_behind_a_file_are_no_sound(good: dict[str, bytes], tmp_path: Path) -> None:
    for kind in ("mp3", "flac", "ogg"):
        content = good[kind] + np.random.default_rng(3).bytes(20_000)
        found = probed(tmp_path, f"behind.{kind}", content)
        assert found.seconds == pytest.approx(SECONDS, abs=0.06)
        assert found.damage is None, kind


@pytest.mark.parametrize(
    "kind", ["mp3", "aac", "m4a", "mka", "opus", "ogg", "flac", "alac.m4a", "wav", "wv", "tta"]
)
def test_an_impulse_comes_out_when_it_went_in(tmp_path: Path, kind: str) -> None:
    """So no codec's delay is left in."""
    rate = 48000 if kind == "opus" else RATE
    samples = np.zeros((2 * rate, 2), np.float32)
    samples[rate] = 0.9
    found = probed(tmp_path, f"impulse.{kind}", encoded(kind, samples, rate))
    heard, _ = decode(tmp_path / f"impulse.{kind}")
    assert abs(int(np.abs(heard).sum(axis=1).argmax()) - rate) <= 2
    assert found.damage is None


def test_odd_formats_are_as_long_as_they_were_written(tmp_path: Path) -> None:
    for rate in (8000, 11025, 48000, 96000):
        for subtype in ("PCM_U8", "PCM_24", "FLOAT"):
            for channels in (1, 2, 6):
                sound = np.repeat(stereo()[: 2 * rate, :1], channels, axis=1)
                sound = np.resize(sound, (2 * rate, channels))
                soundfile.write(tmp_path / "odd.wav", sound, rate, subtype)
                found = probe(tmp_path / "odd.wav")
                assert (found.seconds, found.sample_rate, found.channels) == (2.0, rate, channels)
                assert (found.decoder, found.damage) == (None, None)


@pytest.mark.skipif(not CASES.is_dir(), reason="needs ../shared/cases")
def test_the_shared_cases(tmp_path: Path) -> None:
    wanted = {
        "flac_60_bytes_damaged.flac": (4.8, "damaged: 4.9 of 5.0 s heard"),
        "mp3_trailing_garbage.mp3": (5.0, None),
        "mp3_xing_tenth.mp3": (4.99, None),
        "wav_data_size_0_stream.wav": (5.0, None),
    }
    for name, (least, damage) in wanted.items():
        found = probed(tmp_path, name, (CASES / name).read_bytes())
        assert least <= found.seconds < 5.05
        assert found.damage == damage
