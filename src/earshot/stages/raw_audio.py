"""Every delivered file probed once, and the song table as it stands now."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from earshot.audio.catalogue import count_reasons, current_songs, good_files, judge, set_aside, with_probes
from earshot.audio.probing import PROBE_VERSION, Probe, probe
from earshot.columns import AUDIO, DELIVERY, REASON, SECONDS, SOURCE, WITHDRAWN
from earshot.deliveries import Delivery, read_index, read_songs
from earshot.errors import UserError
from earshot.files import write_table
from earshot.params import Params
from earshot.pool import parallel_map
from earshot.stages.checks import share_check
from earshot.stages.paths import Paths

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
    key = blake2b(f"{delivery.md5} {PROBE_VERSION}".encode(), digest_size=8).hexdigest()
    return f"parts/{delivery.name}-{key}.parquet"


def _write_parts(paths: Paths, deliveries: Iterable[Delivery]) -> None:
    """Link the parts of deliveries that were probed before, and make the others."""
    (paths.output / "parts").mkdir()
    new = [
        delivery
        for delivery in deliveries
        if not paths.previous.link(_part(delivery), paths.output / _part(delivery))
    ]
    tables = [_delivered_songs(paths, delivery) for delivery in new]
    probes = _probe_all(paths, [audio for table in tables for audio in table[AUDIO] if audio])
    for delivery, table in zip(new, tables, strict=True):
        write_table(paths.output / _part(delivery), with_probes(table, probes))


def _delivered_songs(paths: Paths, delivery: Delivery) -> pd.DataFrame:
    """The songs of a delivery, `audio` relative to the workspace."""
    folder = paths.deliveries / delivery.name
    songs = read_songs(folder)
    prefix = folder.relative_to(paths.root).as_posix()
    audio = songs[AUDIO].where(songs[AUDIO] == "", prefix + "/" + songs[AUDIO])
    songs[AUDIO], songs[SOURCE], songs[DELIVERY] = audio, delivery.source, delivery.name
    return songs


def _probe_all(paths: Paths, audio: Iterable[str]) -> dict[str, Probe]:
    """Probe each file once, on all cores; one that an interrupted run has probed is not probed again."""
    journal = paths.work / "probes.jsonl"
    probes = _read_journal(journal)
    left = [name for name in dict.fromkeys(audio) if name not in probes]
    for name in left:
        if not (paths.root / name).is_file():
            raise UserError(f"{paths.root / name}: not there; `dvc checkout` brings it back")
    with journal.open("a", encoding="utf-8") as file:
        found = parallel_map(
            probe,
            [paths.root / name for name in left],
            description="raw_audio",
            unit="file",
            lost=lambda _, reason: Probe("", reason=reason),
        )
        for name, outcome in zip(left, found, strict=True):
            probes[name] = outcome
            file.write(json.dumps([name, asdict(outcome)]) + "\n")
            file.flush()
    return probes


def _read_journal(path: Path) -> dict[str, Probe]:
    """The probes of an interrupted run; a line that was cut short is dropped."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.is_file() else []
    whole = [line for line in lines if line.endswith("\n")]
    path.write_text("".join(whole), encoding="utf-8")
    return {name: Probe(**content) for name, content in map(json.loads, whole)}


def _refuse_too_many_bad(paths: Paths, rows: pd.DataFrame, max_share: float) -> None:
    delivered = rows[rows[AUDIO].notna()]
    shares = delivered[REASON].notna().groupby(delivered[DELIVERY], sort=False).mean()
    for delivery in shares.index[shares > max_share]:
        bad = set_aside(delivered[delivered[DELIVERY] == delivery])
        bad.to_csv(paths.failed / "set_aside.csv", index=False)
        raise UserError(
            f"delivery {delivery!r}: {len(bad)} of {(delivered[DELIVERY] == delivery).sum()} audio files "
            f"cannot be used ({_listed(count_reasons(bad[REASON]))}), "
            f"raw_audio.max_set_aside_share={max_share:g} allows {max_share:.0%}; "
            f"the first: {bad[AUDIO][0]}: {bad[REASON][0]}; all: {paths.failed / 'set_aside.csv'}"
        )


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in counts.items())


def _summary(songs: pd.DataFrame, bad: pd.DataFrame, n_deliveries: int, max_share: float) -> dict[str, Any]:
    usable = int(songs[AUDIO].notna().sum())
    return {
        "deliveries": n_deliveries,
        "songs": len(songs),
        "songs_with_audio": usable,
        "songs_withdrawn": int(songs[WITHDRAWN].sum()),
        "hours": round(float(songs[SECONDS].sum()) / 3600, 3),
        "files_set_aside": len(bad),
        "reasons": count_reasons(bad[REASON]),
        "checks": [
            share_check("usable_files", "files set aside", len(bad), usable + len(bad), at_most=max_share)
        ],
    }
