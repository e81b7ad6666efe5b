import socket
from itertools import product

import numpy as np
import pandas as pd
import pytest

from earshot.catalogue.play_rows import parse_rows
from earshot.columns import PLAY_COUNT, PLAYED_AT, SONG_ID, USER_ID
from earshot.validation.expectations import Check, CheckResult, Observed
from earshot.validation.plain_suite import PlainSuite
from earshot.validation.plays import delivered_row_checks
from earshot.validation.suite import Suite

COUNT = Check(
    "count", "plays", "play_count", "number", "expect_column_values_to_be_between", "1 to 5",
    {"min_value": 1, "max_value": 5}, sets_aside=True,
)  # fmt: skip
THERE = Check("there", "plays", "user_id", "user_id", "expect_column_values_to_not_be_null", "an id")
MOST = Check(
    "most", "plays", "number", "number", "expect_column_max_to_be_between", "at least 8", {"min_value": 8}
)  # fmt: skip
KIND = Check(
    "kind", "plays", "number", "number", "expect_column_values_to_be_of_type", "int64", {"type_": "int64"}
)  # fmt: skip


def table(numbers: list[float], users: list[str | None]) -> pd.DataFrame:
    texts = [str(number) for number in numbers]
    return pd.DataFrame({"play_count": texts, "number": numbers, "user_id": pd.Series(users, dtype=str)})


def test_it_says_which_rows_are_not_as_expected() -> None:
    count, there, most, kind = Suite([COUNT, THERE, MOST, KIND]).run(table([9, 3, 0.5], ["a", None, "c"]))
    assert count.unexpected.tolist() == [0, 2]
    assert count.observed == Observed(3, 2, ("9", "0.5"))
    assert there.unexpected.tolist() == [1]
    assert there.observed == Observed(3, 1, ("",))
    assert most.observed == Observed(3, 0, value=9)
    assert kind.observed == Observed(3, 1, value="float64")


def test_positions_not_labels_and_every_one_of_them() -> None:
    chunk = table([0] * 5000, ["u"] * 5000)
    chunk.index = pd.RangeIndex(70_000, 75_000)
    (count,) = Suite([COUNT]).run(chunk)
    assert (count.unexpected == np.arange(5000)).all()
    assert count.observed.examples == ("0",)


def test_an_empty_table_is_as_expected() -> None:
    (count,) = Suite([COUNT]).run(table([], []))
    assert count.observed == Observed()


def test_a_check_that_cannot_be_made_is_an_error() -> None:
    nonsense = Check(
        "x", "plays", "user_id", "user_id", "expect_column_max_to_be_between", "", {"min_value": 1}
    )
    with pytest.raises(RuntimeError):
        Suite([nonsense]).run(table([1], ["a"]))


def test_the_door_judges_rows_as_great_expectations_does() -> None:
    """Every combination of good and bad values, in one table."""
    counts = ["1", "1000", "1001", "0", "-1", "2.5", "inf", "nan", "", "many", "1e3"]
    dates = ["", "2026-03-01", "1772359200", "1772359200000", "now", "1989-12-31"]
    rows = product(["u", "", "a\nb", "x" * 1001], ["s", ""], counts, dates)
    parsed = parse_rows(
        pd.DataFrame(list(rows), columns=[USER_ID, SONG_ID, PLAY_COUNT, PLAYED_AT], dtype=str)
    )
    checks = delivered_row_checks(max_play_count=1000)
    for check, here, there in zip(
        checks, PlainSuite(checks).run(parsed), Suite(checks).run(parsed), strict=True
    ):
        assert 0 < len(here.unexpected) < len(parsed), check.name
        assert here.observed == there.observed, check.name
        np.testing.assert_array_equal(here.unexpected, there.unexpected, check.name)
    nothing = parsed.head(0)
    assert [seen.observed for seen in PlainSuite(checks).run(nothing)] == [Observed()] * len(checks)


def test_nobody_is_told(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    Suite([COUNT]).run(table([1], ["a"]))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("check", "observed", "verdict", "says"),
    [
        (COUNT, Observed(3, 0), "holds", "all 3 rows"),
        (COUNT, Observed(3000, 2, ("9", "0")), "set aside", "2 of 3,000 rows not: '9', '0'"),
        (THERE, Observed(3, 1), "fails", "1 of 3 rows not"),
        (MOST, Observed(1, 1, value=7), "fails", "7"),
        (MOST, Observed(1, 1, ("1 of 3 rows",), 1 / 3), "fails", "0.3333 (1 of 3 rows)"),
        (KIND, Observed(3, 1, value="float64"), "fails", "float64"),
    ],
)
def test_results_say_what_was_seen(check: Check, observed: Observed, verdict: str, says: str) -> None:
    assert (CheckResult(check, observed).verdict, CheckResult(check, observed).says) == (verdict, says)


def test_observations_add_up() -> None:
    first, second = Observed(10, 3, ("a", "b", "c")), Observed(5, 4, ("d", "b", "f", "g"))
    assert first + second == Observed(15, 7, ("a", "b", "c", "d", "f"))
