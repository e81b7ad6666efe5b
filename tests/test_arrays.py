"""Ids among others."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from earshot.arrays import is_among

TEXTS = st.lists(st.sampled_from(["000123", "123", "", "ä", "look-alike-1"]), max_size=6)


@given(TEXTS, TEXTS)
def test_of_any_kind_and_more_than_once(ids: list[str], others: list[str]) -> None:
    wanted = [each in others for each in ids]
    series = pd.Series(ids, dtype="str", index=np.arange(len(ids)) + 7)
    for kind in (pd.Series(others, dtype="str"), np.array(others, dtype=object), others, set(others)):
        found = is_among(series, kind)
        assert found.dtype == bool
        assert found.tolist() == wanted
