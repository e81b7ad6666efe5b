import math

import pandas as pd
import pytest

from earshot.plays.rows import parse_rows


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
        ("-100", True),
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
