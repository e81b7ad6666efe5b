"""What is expected of plays."""

from __future__ import annotations

from earshot.catalogue.play_counts import ITEMS, USERS
from earshot.catalogue.play_rows import DATED, DATES, FRACTION, NUMBER
from earshot.columns import ITEM, PLAY_COUNT, PLAYED_AT, SONG_ID, USER, USER_ID
from earshot.params import PlayCountSettings
from earshot.validation.expectations import Check

KNOWN, STEP, USER_NUMBER, ITEM_NUMBER = "known", "step", "user_number", "item_number"
INVALID_SHARE, UNKNOWN_SHARE = "invalid_share", "unknown_share"
TOTALS = ("listeners", "songs", "plays", INVALID_SHARE, UNKNOWN_SHARE)

_THERE, _BETWEEN, _IN = (
    "expect_column_values_to_not_be_null",
    "expect_column_values_to_be_between",
    "expect_column_values_to_be_in_set",
)


def delivered_row_checks(max_play_count: int) -> list[Check]:
    """Of a row as it came (`earshot.catalogue.play_rows.parse_rows`); a row that is not so is set aside."""

    def check(
        column: str, reads: str, name: str, expected: str, expectation: str, **arguments: object
    ) -> Check:
        table = "rows as delivered"
        return Check(name, table, column, reads, expectation, expected, arguments, sets_aside=True)

    limits = {"min_value": 1, "max_value": max_play_count}
    return [
        check(USER_ID, USER_ID, "listener_named", "an id", _THERE),
        check(SONG_ID, SONG_ID, "song_named", "an id", _THERE),
        check(PLAY_COUNT, NUMBER, "count_is_number", "a number", _THERE),
        check(PLAY_COUNT, NUMBER, "count_in_range", f"1 to {max_play_count:,}", _BETWEEN, **limits),
        check(PLAY_COUNT, FRACTION, "count_is_whole", "a whole number", _BETWEEN, max_value=0),
        check(PLAYED_AT, DATED, "date_readable", DATES, _IN, value_set=[True]),
    ]


def known_song_check() -> Check:
    """Of a valid play: some delivery names its song; else it waits."""
    expected = "a song that a delivery names"
    arguments = {"value_set": [True]}
    return Check("song_known", "valid plays", SONG_ID, KNOWN, _IN, expected, arguments, sets_aside=True)


def pair_checks(n_users: int, n_items: int) -> list[Check]:
    """Of plays.parquet.

    It has further columns, all int64, the only type that Great Expectations compares
    fast: user_number and item_number, and step, the way from the number of each pair,
    user x n_items + item, to that of the next.
    """

    def check(
        column: str, reads: str, name: str, expected: str, expectation: str, **arguments: object
    ) -> Check:
        return Check(name, "plays.parquet", column, reads, expectation, expected, arguments)

    def typed(column: str, kind: str) -> Check:
        name, of_type = f"{column}_type", "expect_column_values_to_be_of_type"
        return check(column, column, name, kind, of_type, type_=kind)

    def placed(column: str, number: str, table: str, rows: int) -> Check:
        limits = {"min_value": 0, "max_value": rows - 1}
        return check(column, number, f"{column}_in_table", f"a row of {table}", _BETWEEN, **limits)

    once = "each listener and song once, in order"
    return [
        typed(USER, "int32"),
        typed(ITEM, "int32"),
        typed(PLAY_COUNT, "int64"),
        placed(USER, USER_NUMBER, USERS, n_users),
        placed(ITEM, ITEM_NUMBER, ITEMS, n_items),
        check(PLAY_COUNT, PLAY_COUNT, "count_positive", "at least 1", _BETWEEN, min_value=1),
        check(ITEM, STEP, "pairs_once", once, _BETWEEN, min_value=1),
    ]


def id_checks(table: str, column: str) -> list[Check]:
    """Of users.parquet or items.parquet."""
    unique = "expect_column_values_to_be_unique"
    return [
        Check(f"{column}_there", table, column, column, _THERE, "an id"),
        Check(f"{column}_unique", table, column, column, unique, "each id once"),
    ]


def all_checks(params: PlayCountSettings) -> list[Check]:
    """Everything that is expected of play counts, in the order in which it is looked at."""
    return [
        *delivered_row_checks(params.max_play_count),
        known_song_check(),
        *pair_checks(1, 1),
        *id_checks(USERS, USER_ID),
        *id_checks(ITEMS, SONG_ID),
        *total_checks(params),
    ]


def total_checks(params: PlayCountSettings) -> list[Check]:
    """Of the one line that sums all up."""
    bounds = ("min_users", "min_songs", "min_plays", "max_invalid_share", "max_unknown_share")
    return [_total_check(name, bound, params) for name, bound in zip(TOTALS, bounds, strict=True)]


def _total_check(name: str, parameter: str, params: PlayCountSettings) -> Check:
    """Plays whose song no delivery names stop nothing: they wait, and a withdrawal can make some of any."""
    bound, least = getattr(params, parameter), parameter.startswith("min")
    expected = f"at {'least' if least else 'most'} {bound:,} (play_counts.{parameter}={bound})"
    arguments = {"min_value" if least else "max_value": bound}
    expectation, warns = "expect_column_max_to_be_between", name == UNKNOWN_SHARE
    return Check(name, "totals", name, name, expectation, expected, arguments, warns=warns)
