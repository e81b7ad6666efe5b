"""However long a file, a worker's memory stays small."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.audio.files import mp3

WORKER = """
import sys
from dataclasses import replace
from pathlib import Path
from earshot.extraction.images import extract_image
from earshot.features.hyper_image import DEFAULTS, Excerpt
from earshot.audio.probing import probe

path = Path(sys.argv[1])
image = extract_image(Excerpt(path, 0.0), replace(DEFAULTS, excerpt_seconds=60.0 * int(sys.argv[2])))
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(len(image), probe(path).seconds, status["VmHWM"].split()[0])
"""


@pytest.mark.parametrize("minutes", [30, pytest.param(120, marks=pytest.mark.soak)])
def test_a_long_mix_fits_into_600_mb(tmp_path: Path, minutes: int) -> None:
    """All of it becomes an image, not only the default excerpt; half an hour of samples is more than that."""
    (tmp_path / "mix.mp3").write_bytes(minutes * mp3(60.0))
    command = [sys.executable, "-c", WORKER, str(tmp_path / "mix.mp3"), str(minutes)]
    done = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": "src"}, capture_output=True, text=True, check=True
    )
    n_frames, seconds, peak_kib = map(float, done.stdout.split())
    assert n_frames == minutes * 60 * 22050 // 512 + 1
    assert minutes * 60 < seconds < minutes * 60 * 1.005
    assert peak_kib / 1024 < 600
