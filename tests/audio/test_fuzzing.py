"""Mutated files of every codec are probed and heard: each has an image or a reason, in bounded memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

WORKER = """
import random, sys
from collections import Counter
from pathlib import Path
from tests.audio.fuzzing import mutated
from tests.audio.hostile import write_samples
from earshot.audio.extraction import extract_image
from earshot.audio.hyper_image import DEFAULTS, excerpt_of
from earshot.audio.probing import probe

folder, first, number = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
good = write_samples(folder, 1.0)
kinds, outcomes = sorted(good), Counter()
for seed in range(first, first + number):
    chance = random.Random(seed)
    kind = chance.choice(kinds)
    path = folder / f"mutated.{kind}"
    path.write_bytes(mutated(good[kind], list(good.values()), chance))
    (folder / "seed").write_text(str(seed))
    found = probe(path)
    image = found.reason or extract_image(excerpt_of(path, found, DEFAULTS), DEFAULTS)
    if isinstance(image, str):
        stage = "probe" if found.reason else "extraction"
        outcomes[f"{stage}: {image.split(':')[0]}"] += 1
    else:
        assert abs(len(image) - 1 - min(found.seconds, 60) * 22050 / 512) < 3, (seed, found)
        outcomes["damaged" if found.damage else "heard"] += 1
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(dict(outcomes.most_common()))
print(status["VmHWM"].split()[0])
"""


def fuzz(folder: Path, first: int, number: int) -> tuple[str, int]:
    """Outcomes, and the largest memory in MB, of files made with the seeds from `first` on."""
    command = [sys.executable, "-c", WORKER, str(folder), str(first), str(number)]
    done = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": "src:."}, capture_output=True, text=True, timeout=5 + number
    )
    seed = (folder / "seed").read_text() if (folder / "seed").exists() else "none"
    assert done.returncode == 0, f"seed {seed}: exit status {done.returncode}: {done.stderr[-2000:]}"
    outcomes, peak = done.stdout.splitlines()[-2:]
    return outcomes, int(peak) // 1024


def test_no_mutation_crashes_hangs_or_takes_memory(tmp_path: Path) -> None:
    """EARSHOT_FUZZ says how many."""
    outcomes, peak = fuzz(tmp_path, 0, int(os.environ.get("EARSHOT_FUZZ", "120")))
    sys.stdout.write(f"{outcomes} {peak} MB\n")
    assert "heard" in outcomes
    assert "damaged" in outcomes
    assert peak < 1000


@pytest.mark.soak
def test_ten_thousand_mutations(tmp_path: Path) -> None:
    for first in range(0, 10_000, 1000):
        outcomes, peak = fuzz(tmp_path, first, 1000)
        sys.stdout.write(f"{first} {outcomes} {peak} MB\n")
        assert peak < 1000
