"""Mutated files of every codec are probed and heard: each has an image or a reason, in bounded memory."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.fuzzing import fuzz, number_of_inputs

HEAR = "tests.audio.fuzzing:hear"


def test_no_mutation_crashes_hangs_or_takes_memory(tmp_path: Path) -> None:
    found = fuzz(HEAR, tmp_path, range(number_of_inputs(120)))
    sys.stdout.write(f"{found}\n")
    assert not found.faults
    assert {"heard", "damaged"} < found.outcomes.keys()


@pytest.mark.soak
def test_ten_thousand_mutations(tmp_path: Path) -> None:
    found = fuzz(HEAR, tmp_path, range(number_of_inputs(10_000)))
    sys.stdout.write(f"{found}\n")
    assert not found.faults
