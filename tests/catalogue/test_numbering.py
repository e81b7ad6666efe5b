"""Numbers of ids against a dictionary: while they are few, and once hashes stand for the older ones."""

from collections.abc import Sequence
from unittest.mock import patch

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from earshot.catalogue import numbering
from earshot.catalogue.numbering import Numbering
from earshot.catalogue.plays import Integers


def test_ids_are_numbered_as_they_come() -> None:
    numbers = Numbering()
    assert numbers.numbers(pd.Series(["b", "000", "b"], dtype=str)).tolist() == [0, 1, 0]
    assert numbers.numbers(pd.Series(["ü", "000"], dtype=str)).tolist() == [2, 1]
    assert numbers.numbers(pd.Series([], dtype=str)).tolist() == []
    assert numbers.ids().tolist() == ["b", "000", "ü"]


def of_few_keys(ids: Sequence[str]) -> tuple[Integers, Integers]:
    """Hashes of which many a first one is that of several ids."""
    codes = np.array([ord(each) for each in ids], dtype=np.int64)
    return codes % 3, codes


@given(st.lists(st.lists(st.sampled_from("abcdefghijklmnopü"), max_size=8), max_size=9), st.booleans())
def test_older_ids_keep_their_numbers(chunks: list[list[str]], same_keys: bool) -> None:
    expected: dict[str, int] = {}
    hashed = of_few_keys if same_keys else numbering._hashed
    with patch.object(numbering, "_RECENT_IDS", 3), patch.object(numbering, "_hashed", hashed):
        numbers = Numbering()
        for chunk in chunks:
            found = numbers.numbers(pd.Series(chunk, dtype=str)).tolist()
            assert found == [expected.setdefault(each, len(expected)) for each in chunk]
        assert numbers.ids().tolist() == list(expected)
