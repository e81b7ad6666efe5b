"""Tables changed at random: each is taken or refused in words, and what the door takes can be counted."""

from __future__ import annotations

import random
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.datasets import mutated_tables as imports
from tests.deliveries import mutated_tables as door
from tests.fuzzing import fuzz, number_of_inputs

CASES = ["tests.deliveries.mutated_tables:bring", "tests.datasets.mutated_tables:bring"]


def test_some_mutated_tables_are_taken_or_refused_in_words(tmp_path: Path) -> None:
    """In this process, which has what they import."""
    outcomes = Counter[bool]()
    for seed in range(8):
        for bring in (door.bring, imports.bring):
            try:
                outcomes["refused" in bring(tmp_path, random.Random(seed))] += 1
            except Exception as error:
                error.add_note(f"{bring.__module__}: seed {seed}")
                raise
    assert min(outcomes.values()) > 2


@pytest.mark.soak
@pytest.mark.parametrize("case", CASES)
def test_ten_thousand_mutated_tables(case: str, tmp_path: Path) -> None:
    """EARSHOT_FUZZ says how many of each; what became of them is in the output."""
    found = fuzz(case, tmp_path, range(number_of_inputs(5000)))
    sys.stdout.write(f"{found}\n")
    assert not found.faults
    accepted = sum(number for outcome, number in found.outcomes.items() if "refused" not in outcome)
    assert accepted > found.outcomes.total() / 3
