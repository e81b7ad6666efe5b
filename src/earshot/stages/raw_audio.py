"""Every delivered file probed once, and the song table as it stands now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from earshot.audio.probing import Probe, intake_journal, probe, probe_all, read_journal
from earshot.catalogue.songs import (
    count_reasons,
    current_songs,
    delivered,
    good_files,
    judge,
    set_aside,
    too_many_bad,
    with_probes,
)
from earshot.checks import USABLE_FILES, share_check
from earshot.code import key_of
from earshot.columns import AUDIO, CHANNEL, DAMAGE, DELIVERY, REASON, SECONDS, WITHDRAWN
from earshot.deliveries import Delivery, read_index, read_songs
from earshot.errors import UserError
from earshot.files import write_table
from earshot.params import Params
from earshot.stages.paths import Paths
from earshot.stages.reuse import linked

if TYPE_CHECKING:
    import pandas as pd


def run(paths: Paths, params: Params) -> dict[str, Any]:
    """Probe what is new and write the catalogue.

    `songs.parquet` is every song as it stands now (`catalogue.current_songs`),
    `files.parquet` every file that can be used (`catalogue.good_files`),
    `set_aside.parquet` every one that cannot, `parts/` one table a delivery, its
    songs with their probes (`catalogue.with_probes`).
    """
    import pandas as pd

    deliveries = read_index(paths.deliveries)
    if not deliveries:
        raise UserError(f"{paths.deliveries}: no delivery yet; `earshot ingest FOLDER` takes one in")
    _write_parts(paths, deliveries)
    parts = [pd.read_parquet(paths.output / _part(delivery)) for delivery in deliveries]
    rows = judge(pd.concat(parts, ignore_index=True), params.raw_audio)
    _refuse_too_many_bad(paths, rows, params.raw_audio.max_set_aside_share)
    songs = current_songs(rows)
    if songs.empty:
        raise UserError(
            f"{paths.deliveries}: no delivery names a song; one of them needs songs.csv or songs.parquet"
        )
    write_table(paths.output / "songs.parquet", songs)
    write_table(paths.output / "files.parquet", good_files(rows))
    write_table(paths.output / "set_aside.parquet", set_aside(rows))
    return _summary(songs, set_aside(rows), len(deliveries), params.raw_audio.max_set_aside_share)


def _part(delivery: Delivery) -> str:
    """Name of its part: of what the delivery holds, and of the code that reads and probes it."""
    return f"parts/{delivery.name}-{key_of([delivery.md5], probe, with_probes, read_songs)}.parquet"


def _write_parts(paths: Paths, deliveries: Iterable[Delivery]) -> None:
    """Link the parts of deliveries that were probed before, and make the others."""
    (paths.output / "parts").mkdir()
    new = [delivery for delivery in deliveries if not _link_part(paths, delivery)]
    tables = [_delivered_songs(paths, delivery) for delivery in new]
    known = {name: found for delivery in new for name, found in _probed_at_intake(paths, delivery)}
    names = [audio for table in tables for audio in table[AUDIO] if audio]
    probes = probe_all(paths.root, names, paths.work / "probes.jsonl", known, "raw_audio")
    for delivery, table in zip(new, tables, strict=True):
        write_table(paths.output / _part(delivery), with_probes(table, probes))


def _link_part(paths: Paths, delivery: Delivery) -> bool:
    """Where DVC has the part, what intake found is needed no more."""
    there = linked(paths, [_part(delivery)])
    if there:
        intake_journal(paths.root, delivery.md5).unlink(missing_ok=True)
    return there


def _probed_at_intake(paths: Paths, delivery: Delivery) -> Iterator[tuple[str, Probe]]:
    folder = (paths.deliveries / delivery.name).relative_to(paths.root).as_posix()
    for name, found in read_journal(intake_journal(paths.root, delivery.md5)).items():
        yield f"{folder}/{name}", found


def _delivered_songs(paths: Paths, delivery: Delivery) -> pd.DataFrame:
    """The songs of a delivery, `audio` relative to the workspace."""
    folder = paths.deliveries / delivery.name
    return delivered(
        read_songs(folder), folder.relative_to(paths.root).as_posix(), delivery.source, delivery.name
    )


def _refuse_too_many_bad(paths: Paths, rows: pd.DataFrame, max_share: float) -> None:
    for delivery, brought in rows.groupby(DELIVERY, sort=False):
        if problem := too_many_bad(brought, max_share):
            set_aside(brought).to_csv(paths.failed / "set_aside.csv", index=False)
            raise UserError(f"delivery {delivery!r}: {problem}; all: {paths.failed / 'set_aside.csv'}")


def _summary(songs: pd.DataFrame, bad: pd.DataFrame, n_deliveries: int, max_share: float) -> dict[str, Any]:
    usable, damaged = int(songs[AUDIO].notna().sum()), int(songs[DAMAGE].notna().sum())
    return {
        "deliveries": n_deliveries,
        "songs": len(songs),
        "songs_with_audio": usable,
        "songs_withdrawn": int(songs[WITHDRAWN].sum()),
        "hours": round(float(songs[SECONDS].sum()) / 3600, 3),
        "songs_damaged": damaged,
        "songs_of_one_channel": int(songs[CHANNEL].notna().sum()),
        "files_set_aside": len(bad),
        "reasons": count_reasons(bad[REASON]),
        "checks": [
            share_check(
                USABLE_FILES,
                f"files set aside; {damaged} of {usable} others are damaged, heard in part",
                len(bad),
                usable + len(bad),
                at_most=max_share,
            )
        ],
    }
