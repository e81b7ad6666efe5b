"""Play counts of all deliveries, merged and validated, with their id tables."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from earshot.catalogue.play_counts import LEFT_OUT, write_recency
from earshot.checks import check
from earshot.code import key_of
from earshot.columns import AT, DELIVERY, DISLIKE, EXCLUDE, KIND, LIKE, SONG_ID, UNLIKE, USER_ID
from earshot.deliveries import (
    Delivery,
    delivered_plays,
    feedback_files,
    first_named,
    play_files,
    read_feedback,
    read_index,
    read_plays,
)
from earshot.errors import UserError
from earshot.files import read_json, write_table
from earshot.params import Params
from earshot.processes import progress
from earshot.stages.paths import Paths
from earshot.stages.reuse import linked, noted
from earshot.terminal import say
from earshot.validation.arrivals import WAITS, Pair, Songs, late, numbered, read_ids
from earshot.validation.last_words import LastWords, like_part
from earshot.validation.merging import UNKNOWN_FILE, merge_parts
from earshot.validation.parts import (
    INVALID_FILE,
    ITEMS_FILE,
    PART_FILES,
    TableWriter,
    join_invalid,
    write_part,
)
from earshot.validation.plays import INVALID_SHARE, delivered_row_checks
from earshot.validation.report import REPORT_FILE, write_report
from earshot.validation.runs import Places
from earshot.validation.suite import Suite
from earshot.versioning import PreviousOutput

if TYPE_CHECKING:
    import pandas as pd

    from earshot.validation.expectations import CheckResult

COUNTED = "counted"
"""All that is counted, as a piece: hangs on deliveries that bring plays or feedback, and on parameters."""
SUMMARY = "summary.json"
FEEDBACK = "feedback.parquet"
FEEDBACK_COLUMNS = {
    DELIVERY: "string",
    USER_ID: "string",
    SONG_ID: "string",
    KIND: "string",
    AT: "int64",
}


def run(paths: Paths, params: Params) -> dict[str, Any]:
    """Write the table of plays, users.parquet, items.parquet, what was set aside, and validation.json.

    Listeners and songs stand in the order in which they first came. The last word of a listener about a song
    counts: what is excluded or disliked is played no more, whenever that was, and stands in
    `left_out.parquet`; what is liked counts `like_plays` plays more.
    Each delivery's plays are validated and added up once; its part is kept under
    `parts/` and linked by later runs, and so are the files of `plays/` that stay as they were. A delivery
    that neither brings plays nor names a song that plays wait for changes nothing: all is linked.

    Raises
    ------
    UserError
        No plays at all; a check that fails, with what was observed and expected.
    """
    deliveries = read_index(paths.deliveries)
    counted = delivered_plays(paths.deliveries, deliveries)
    if not counted:
        raise UserError(
            f"no plays: none of the {len(deliveries)} deliveries in {paths.deliveries} brings any"
        )
    parts = [(_part(paths, params, each), place) for place, each in enumerate(counted)]
    feedback, last_words = _write_feedback(paths, deliveries)
    words = _words(last_words)
    likes = like_part(words, params.play_counts.like_plays, paths.work)
    songs = _songs(paths, deliveries, counted, [*parts, *likes])
    made_of = {
        "parts": [folder.name for folder, _ in parts],
        "feedback": [[each.name, each.md5] for each in _bring_feedback(paths, deliveries)],
        "named later": late(songs, [place for _, place in parts]),
        "liked": [(songs.named[each] < WAITS).tolist() for each in songs.of_parts[len(parts) :]],
        "params": asdict(params.play_counts),
    }
    before = noted(paths, COUNTED, key_of(made_of, __name__))
    if (summary := _relink(paths, before)) is not None:
        return summary
    places = Places(paths.output, paths.work, partial(linked, paths))
    names = [each.name for each in counted]
    totals, results = merge_parts(names, [*parts, *likes], songs, words.excluded, places, params.play_counts)
    if words.excluded:
        _write_left_out(paths, words.excluded)
    write_recency(paths.output, params.play_counts.half_life_days)
    join_invalid((folder for folder, _ in parts), paths.output / INVALID_FILE)
    summary = {**totals.as_json(), **feedback}
    write_report(paths.output, totals, results)
    _stop_at_failures(paths, results)
    return {**summary, "checks": [_for_dagster(result) for result in results]}


def _words(last_words: dict[Pair, str]) -> LastWords:
    liked = sorted(pair for pair, kind in last_words.items() if kind == LIKE)
    return LastWords(liked, sorted(pair for pair, kind in last_words.items() if kind in (EXCLUDE, DISLIKE)))


def _songs(
    paths: Paths, deliveries: list[Delivery], counted: list[Delivery], parts: Sequence[tuple[Path, int]]
) -> Songs:
    """Those of `parts`, and how many deliveries of plays came before the first delivery that names each."""
    ids, of_parts = numbered([read_ids(folder / ITEMS_FILE, SONG_ID) for folder, _ in parts])
    first = first_named(ids, (paths.deliveries / each.name for each in deliveries))
    with_plays = {each.name for each in counted}
    before = np.cumsum([0, *(each.name in with_plays for each in deliveries)])
    return Songs(ids, of_parts, np.where(first >= 0, before[first], WAITS))


def _relink(paths: Paths, before: PreviousOutput) -> dict[str, Any] | None:
    """The last run's output once more, and its summary; None where it is not `before`, or not whole."""
    # parts and the key are there already
    left = [name for name in before.files if not (paths.output / name).exists()]
    if not left or not linked(paths, left):
        return None
    summary: dict[str, Any] = read_json(paths.output / SUMMARY)
    (paths.output / SUMMARY).unlink()  # the runner writes it
    return summary


def _part(paths: Paths, params: Params, delivery: Delivery) -> Path:
    """The part of `delivery` in the output: of an earlier run if there is one, else made now."""
    limit = params.play_counts.max_play_count
    name = f"parts/{delivery.name}-{key_of([delivery.md5, limit], __name__)}"
    files = [f"{name}/{file}" for file in PART_FILES]
    if not linked(paths, files):
        unfinished = paths.work / "unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        chunks = _chunks(paths.deliveries / delivery.name, params)
        write_part(unfinished, delivery.name, chunks, Suite(delivered_row_checks(limit)))
        (paths.work / name).parent.mkdir(exist_ok=True)
        unfinished.rename(paths.work / name)  # whole, or not under its name
        linked(paths, files)
    return paths.output / name


def _chunks(folder: Path, params: Params) -> Iterator[tuple[str, pd.DataFrame]]:
    with progress(description=f"Validating plays of {folder.name}", unit="rows") as bar:
        for path in play_files(folder):
            for rows in read_plays(path, params.play_counts.chunk_rows):
                yield path.name, rows
                bar.update(len(rows))


def _bring_feedback(paths: Paths, deliveries: list[Delivery]) -> list[Delivery]:
    return [delivery for delivery in deliveries if feedback_files(paths.deliveries / delivery.name)]


def _write_feedback(paths: Paths, deliveries: list[Delivery]) -> tuple[dict[str, Any], dict[Pair, str]]:
    """Write all feedback in order of arrival.

    Returns
    -------
    Rows kept and set aside, and the files that end unread; and by listener and song the last word, of those
    that count.
    """
    kept = set_aside = 0
    words: dict[Pair, str] = {}
    unreadable = []
    with TableWriter(paths.output / FEEDBACK, FEEDBACK_COLUMNS) as table:
        for delivery in _bring_feedback(paths, deliveries):
            for path in feedback_files(paths.deliveries / delivery.name):
                try:
                    for rows, bad in read_feedback(path):
                        table.write(rows.assign(**{DELIVERY: delivery.name}))
                        kept, set_aside = kept + len(rows), set_aside + bad
                        told = rows[rows[KIND].isin((LIKE, UNLIKE, DISLIKE, EXCLUDE))]
                        pairs = zip(told[USER_ID], told[SONG_ID], strict=True)
                        words.update(zip(pairs, told[KIND], strict=True))
                except UserError as error:
                    say(f"set aside: {error}")
                    unreadable.append(f"{delivery.name}/{path.name}")
    counted = {"feedback_rows": kept, "feedback_set_aside": set_aside, "feedback_unreadable": unreadable}
    return counted, words


def _write_left_out(paths: Paths, pairs: Sequence[Pair]) -> None:
    import pandas as pd

    columns = {name: [pair[side] for pair in pairs] for side, name in enumerate((USER_ID, SONG_ID))}
    write_table(paths.output / LEFT_OUT, pd.DataFrame(columns, dtype=str))


def _stop_at_failures(paths: Paths, results: list[CheckResult]) -> None:
    failed = [result for result in results if result.verdict == "fails"]
    if not failed:
        return
    for name in (REPORT_FILE, INVALID_FILE, UNKNOWN_FILE):
        shutil.copyfile(paths.output / name, paths.failed / name)
    lines = [
        f"{result.check.table}: {result.check.name}: observed {result.says}, expected {result.check.expected}"
        for result in failed
    ]
    if any(result.check.name == INVALID_SHARE for result in failed):
        lines.append("`earshot deliveries withdraw NAME --reason ...` takes a delivery back")
    raise UserError("\n".join([*lines, f"see {paths.failed / REPORT_FILE}"]))


def _for_dagster(result: CheckResult) -> dict[str, Any]:
    return check(
        result.check.name,
        f"{result.check.table}: {result.check.column}",
        passed=result.verdict not in ("warns", "fails"),
        observed=result.says,
        expected=result.check.expected,
    )
