import math

import pandas as pd
import pytest

from earshot.catalogue.play_rows import NO_SECOND, parse_rows, seconds_of


def parse(count: str = "1", date: str = "", user: str = "u") -> pd.Series:
    row = {"user_id": user, "song_id": "s", "play_count": count, "played_at": date}
    return parse_rows(pd.DataFrame([row], dtype=str)).iloc[0]


@pytest.mark.parametrize(
    ("text", "number", "fraction"),
    [
        ("5", 5, 0),
        ("5.0", 5, 0),
        (" 7 ", 7, 0),
        ("1e3", 1000, 0),
        ("2.5", 2.5, 0.5),
        ("-1", -1, 0),
        ("0", 0, 0),
        ("99999999999999999999", 1e20, 0),
        ("inf", math.inf, math.nan),
        ("", math.nan, math.nan),
        ("nan", math.nan, math.nan),
        ("many", math.nan, math.nan),
        ("1,000", math.nan, math.nan),
        ("0x10", math.nan, math.nan),
    ],
)
def test_counts(text: str, number: float, fraction: float) -> None:
    row = parse(text)
    assert row["number"] == pytest.approx(number, nan_ok=True)
    assert row["fraction"] == pytest.approx(fraction, nan_ok=True)


@pytest.mark.parametrize(
    ("text", "dated"),
    [
        ("", True),
        ("2026-03-01", True),
        ("2026-03-01T10:00:00Z", True),
        ("2026-03-01 10:00:00+02:00", True),
        ("1772359200", True),
        ("1772359200.5", True),
        ("-100", False),
        ("1", False),
        ("12", False),
        ("2026", False),
        ("now", False),
        ("today", False),
        ("1700000000000", False),
        ("10" + "0" * 29, False),
        ("2016-12-31T23:59:60Z", True),
        ("9999-12-31", False),
        ("2026-02-30", False),
        ("1772359200000000000", False),
        ("2026-13-01", False),
        ("01.03.2026", False),
        ("yesterday", False),
        ("nan", False),
    ],
)
def test_dates(text: str, dated: bool) -> None:
    assert parse(date=text)["dated"] == dated


def test_an_id_that_is_not_there_is_missing() -> None:
    assert pd.isna(parse(user="")["user_id"])
    assert parse(user="NA")["user_id"] == "NA"


def test_a_moment_is_utc_and_hangs_on_its_row_alone() -> None:
    texts = ["2026-03-01T10:00:00Z", "2026-03-01 12:00:00+02:00", "1772359200", "2026-03-01 10:00", "now"]
    for rows in (texts, texts[::-1], ["9999-12-31", "0001-01-01", *texts]):
        seconds = dict(zip(rows, seconds_of(pd.Series(rows, dtype=str)), strict=True))
        assert [seconds[text] for text in texts] == [1772359200] * 4 + [NO_SECOND]


@pytest.mark.parametrize("user", ["a\nb", "a\x00", "x" * 1001])
def test_what_no_lane_could_bear_is_no_id(user: str) -> None:
    assert pd.isna(parse(user=user)["user_id"])
