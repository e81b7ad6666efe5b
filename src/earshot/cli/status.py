"""`earshot status` and `earshot doctor`: where things stand, and what to do."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from earshot.terminal import AsJson, aligned, on_one_line, tell

if TYPE_CHECKING:
    from earshot.lanes.status import Status

_SHOWN_CHANGES = 3


def status(as_json: AsJson = False) -> None:
    """Say what is served, stale, running, waiting or rejected; exit 1 where there is something to do."""
    from earshot.lanes.status import read_status

    found = read_status(Path.cwd())
    tell(json.dumps(asdict(found), indent=2, ensure_ascii=False) if as_json else "\n".join(_lines(found)))
    raise typer.Exit(1 if found.to_do else 0)


def _lines(found: Status) -> list[str]:
    lines = [["release", found.release or "none"]]
    lines += [["last decision", on_one_line(found.last_decision)]] if found.last_decision else []
    lines += [["running", f"{name}, PID {pid}"] for name, pid in found.running.items()]
    lines += [["stale", f"{name}: {_changes(changed)}"] for name, changed in found.stale.items()]
    lines += [["training", found.training]]
    lines += [["waiting", on_one_line(name)] for name in found.waiting]
    lines += [["rejected", on_one_line(f"{name}: {why}")] for name, why in found.rejected.items()]
    lines += [["to do", what] for what in found.to_do] or [["to do", "nothing"]]
    return aligned(lines)


def _changes(changed: list[str] | None) -> str:
    if changed is None:
        return "never made"
    more = len(changed) - _SHOWN_CHANGES
    return ", ".join(changed[:_SHOWN_CHANGES]) + (f" and {more} more" if more > 0 else "") + " changed"


def doctor(as_json: AsJson = False) -> None:
    """Look at Python, torch, disk, locks, dvc.lock and the remote; exit 1 where something is wrong."""
    from earshot.lanes.doctor import examine

    findings = examine(Path.cwd())
    if as_json:
        tell(json.dumps([each._asdict() for each in findings], indent=2, ensure_ascii=False))
    else:
        lines = [
            [each.what, "ok" if each.ok else "BAD", each.found + (f": {each.remedy}" if not each.ok else "")]
            for each in findings
        ]
        tell("\n".join(aligned([[on_one_line(cell) for cell in line] for line in lines])))
    raise typer.Exit(0 if all(each.ok for each in findings) else 1)
