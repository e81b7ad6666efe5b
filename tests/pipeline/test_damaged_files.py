"""A thousand files, thirty of them damaged: 970 images and thirty reasons, and no work the second time."""

from __future__ import annotations

import io
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from tests.audio.files import RATE, stereo, write_m4a
from tests.pipeline.workspace import Workspace, clone

N_FILES = 1000
FORMATS = ("wav", "flac", "ogg", "mp3", "m4a")


def good_files(folder: Path) -> list[Path]:
    """One of every format."""
    sound = stereo(1.5)
    for suffix in FORMATS[:-1]:
        soundfile.write(folder / f"good.{suffix}", sound, RATE)
    write_m4a(folder / "good.m4a", sound)
    return [folder / f"good.{suffix}" for suffix in FORMATS]


def damaged_files(good: list[Path]) -> list[tuple[str, bytes]]:
    """Thirty contents that no image can be made of, each with the suffix it comes with."""
    cut = [(path.suffix, path.read_bytes()[:n]) for path in good for n in (0, 1, 30)]
    noise = np.random.default_rng(0).bytes(20_000)
    foreign = [
        noise,
        b"<html>404 Not Found</html>",
        b"ID3\x03" + bytes(2000),
        archive(),
        b"\x89PNG\r\n\x1a\n",
    ]
    sound = stereo(1.5)
    bad = [0 * sound, sound[:100], sound * np.nan, sound * np.inf, sound * 1e25]
    return [
        *cut,
        *((".mp3", content) for content in foreign),
        *((".flac", content) for content in foreign),
        *((".wav", wav(samples)) for samples in bad),
    ]


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("song.wav", bytes(1000))
    return buffer.getvalue()


def wav(samples: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, RATE, subtype="FLOAT", format="WAV")
    return buffer.getvalue()


@pytest.fixture
def delivery(tmp_path: Path) -> Path:
    folder = tmp_path / "thousand"
    (folder / "audio").mkdir(parents=True)
    good = good_files(tmp_path)
    damaged = damaged_files(good)
    assert len(damaged) == 30
    audio = []
    for number in range(N_FILES):
        if number % 33 == 0 and number // 33 < len(damaged):
            suffix, content = damaged[number // 33]
            (folder / "audio" / f"{number}{suffix}").write_bytes(content)
        else:
            suffix = good[number % len(good)].suffix
            shutil.copy(good[number % len(good)], folder / "audio" / f"{number}{suffix}")
        audio.append(f"audio/{number}{suffix}")
    pd.DataFrame({"song_id": range(N_FILES), "audio": audio}).to_csv(folder / "songs.csv", index=False)
    return folder


@pytest.mark.soak
def test_each_damaged_file_has_a_reason_and_every_other_one_an_image(delivery: Path, tmp_path: Path) -> None:
    workspace: Workspace = clone(tmp_path / "workspace")
    workspace.earshot("ingest", str(delivery))
    workspace.run("dvc", "repro", "hyper_images")
    folders = [workspace.root / "data" / stage for stage in ("raw_audio", "hyper_images")]
    reasons = pd.concat([pd.read_parquet(folder / "set_aside.parquet") for folder in folders])
    damaged = {number * 33 for number in range(30)}
    assert set(reasons["song_id"].astype(int)) == damaged
    assert len(reasons) == 30
    assert reasons["reason"].str.match(r"[a-z ]+: .+").all()
    images = pd.read_parquet(folders[1] / "index.parquet")
    assert set(images["song_id"].astype(int)) == set(range(N_FILES)) - damaged
    assert (images["n_frames"] > 0).all()
    lock = (workspace.root / "dvc.lock").read_bytes()
    said = workspace.run("dvc", "repro", "hyper_images")
    assert "Running stage" not in said
    assert (workspace.root / "dvc.lock").read_bytes() == lock
