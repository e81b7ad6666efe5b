"""Many files probed, each once: what was found stands in a journal, and an interrupted run goes on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

from earshot.audio.probing import Probe, probe
from earshot.code import key_of
from earshot.errors import UserError
from earshot.files import append_json, read_json_lines
from earshot.pool import parallel_map


def intake_journal(root: Path, delivery_md5: str) -> Path:
    """Where the probes stand that were made when a delivery was taken in, by path inside it."""
    return root / ".earshot" / "probes" / f"{key_of([delivery_md5], probe)}.jsonl"


def probe_all(
    folder: Path, names: Iterable[str], journal: Path, known: Mapping[str, Probe], description: str
) -> dict[str, Probe]:
    """Probe the files `names` of `folder` on all cores, but for those that are `known` or in `journal`.

    Returns
    -------
    The probe of every name. Of a file whose probing hangs or dies, one with that reason.

    Raises
    ------
    UserError
        A file is not there.
    """
    probes = dict(known) | read_journal(journal)
    left = [name for name in dict.fromkeys(names) if name not in probes]
    for name in left:
        if not (folder / name).is_file():
            raise UserError(f"{folder / name}: not there; `dvc checkout` brings it back")
    found = parallel_map(
        probe,
        [folder / name for name in left],
        description=description,
        unit="file",
        lost=lambda _, reason: Probe("", reason=reason),
    )
    for name, outcome in zip(left, found, strict=True):
        probes[name] = outcome
        append_json(journal, {"name": name, **asdict(outcome)})
    return probes


def read_journal(journal: Path) -> dict[str, Probe]:
    """The probes that stand in `journal`, by name; none where there is no such file."""
    return {line.pop("name"): Probe(**line) for line in read_json_lines(journal)}
