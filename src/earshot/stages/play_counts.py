"""Play counts of all deliveries, merged and validated, with their id tables."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from earshot.deliveries import (
    Delivery,
    delivered_plays,
    play_files,
    read_index,
    read_plays,
    read_song_ids,
)
from earshot.errors import UserError
from earshot.files import link
from earshot.params import Params
from earshot.processes import progress
from earshot.stages.checks import check
from earshot.stages.paths import Paths
from earshot.validation.merging import UNKNOWN_FILE, merge_parts, songs_of
from earshot.validation.page import REPORT_FILES, write_report
from earshot.validation.parts import INVALID_FILE, PART_FILES, join_invalid, write_part

if TYPE_CHECKING:
    import pandas as pd

    from earshot.validation.checks import Result

_PARTS_VERSION = 1
"""To be raised when the same delivery would make another part."""


def run(paths: Paths, params: Params) -> dict[str, Any]:
    """Write plays.parquet, users.parquet, items.parquet, what was set aside, and the validation report.

    Each delivery's plays are validated and added up once; its part is kept under
    `parts/` and linked by later runs.

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
    parts = {delivery.name: _part(paths, params, delivery) for delivery in counted}
    speaks_of = songs_of(parts.values(), params.play_counts.chunk_rows)
    named = _named(speaks_of, paths.deliveries, deliveries)
    totals, results = merge_parts(parts, named, paths.output, params.play_counts)
    join_invalid(parts.values(), paths.output / INVALID_FILE)
    write_report(paths.output, totals, results)
    _stop_at_failures(paths, results)
    return {**vars(totals), "checks": [_for_dagster(result) for result in results]}


def _part(paths: Paths, params: Params, delivery: Delivery) -> Path:
    """The part of `delivery` in the output: of an earlier run if there is one, else made now."""
    limit = params.play_counts.max_play_count
    key = hashlib.blake2b(f"{delivery.md5} {limit} {_PARTS_VERSION}".encode(), digest_size=8).hexdigest()
    name = f"{delivery.name}-{key}"
    part, kept = paths.output / "parts" / name, paths.work / "parts" / name
    part.mkdir(parents=True)
    if all(paths.previous.link(f"parts/{name}/{file}", part / file) for file in PART_FILES):
        return part
    if not kept.is_dir():
        unfinished = kept.with_name("unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        write_part(unfinished, delivery.name, _chunks(paths.deliveries / delivery.name, params), limit)
        unfinished.rename(kept)
    for file in PART_FILES:
        (part / file).unlink(missing_ok=True)
        link(kept / file, part / file)
    return part


def _chunks(folder: Path, params: Params) -> Iterator[tuple[str, pd.DataFrame]]:
    with progress(description=f"Validating plays of {folder.name}", unit="rows") as bar:
        for path in play_files(folder):
            for rows in read_plays(path, params.play_counts.chunk_rows):
                yield path.name, rows
                bar.update(len(rows))


def _named(songs: Collection[str], folder: Path, deliveries: list[Delivery]) -> set[str]:
    """Those of `songs` that some delivery names."""
    unnamed = set(songs)
    for delivery in deliveries:
        if unnamed:
            unnamed.difference_update(read_song_ids(folder / delivery.name))
    return set(songs) - unnamed


def _stop_at_failures(paths: Paths, results: list[Result]) -> None:
    failed = [result for result in results if result.verdict == "fails"]
    if not failed:
        return
    for name in (*REPORT_FILES, INVALID_FILE, UNKNOWN_FILE):
        shutil.copyfile(paths.output / name, paths.failed / name)
    lines = [
        f"{result.check.table}: {result.check.name}: observed {result.says}, expected {result.check.expected}"
        for result in failed
    ]
    raise UserError("\n".join([*lines, f"see {paths.failed / REPORT_FILES[-1]}"]))


def _for_dagster(result: Result) -> dict[str, Any]:
    return check(
        result.check.name,
        f"{result.check.table}: {result.check.column}",
        passed=result.verdict != "fails",
        observed=result.says,
        expected=result.check.expected,
    )
