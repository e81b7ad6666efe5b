"""Numbers of the ids of several tables, against a dictionary."""

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from earshot.validation.arrivals import numbered

ids_of_a_table = st.lists(st.sampled_from("abcdefghijklmnopü"), unique=True)


@given(st.lists(st.tuples(ids_of_a_table, st.integers(0, 16)), min_size=1, max_size=4))
def test_ids_of_several_tables_are_numbered_as_they_come(tables: list[tuple[list[str], int]]) -> None:
    # of two pieces, as tables of many ids are read
    pieces = [[pd.Series(some, dtype=str) for some in (ids[:cut], ids[cut:])] for ids, cut in tables]
    found, numbers = numbered([pd.concat(each, ignore_index=True) for each in pieces])
    expected: dict[str, int] = {}
    for (ids, _), of_table in zip(tables, numbers, strict=True):
        assert of_table.tolist() == [expected.setdefault(each, len(expected)) for each in ids]
    assert found.tolist() == list(expected)
