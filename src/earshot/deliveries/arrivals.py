"""When deliveries arrived, and when they could be recommended: `.earshot/arrivals`.

A line a delivery, written when it is recommendable. Until then its arrival is
noted in a file of its name in `.earshot/arriving/`.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from earshot.deliveries.index import parse_index
from earshot.files import append_json, read_json, read_json_lines, replace_json
from earshot.versioning import INDEX, read_lock

_LAST_STAGE, _ITS_OUTPUT = "recommendations", "data/recommendations"


@dataclass(frozen=True)
class Arrival:
    """A delivery's way: when it was complete and when recommendations knew it, Unix seconds."""

    delivery: str
    arrived: float
    recommendable: float

    @property
    def seconds(self) -> float:
        """Seconds from the arrival until the recommendations knew the delivery."""
        return self.recommendable - self.arrived


def note_arrival(root: Path, delivery: str, arrived: float) -> None:
    """Note that `delivery` is being taken in; it arrived at `arrived` (Unix seconds)."""
    (root / ".earshot" / "arriving").mkdir(parents=True, exist_ok=True)
    replace_json(root / ".earshot" / "arriving" / delivery, arrived)


def forget_arrival(root: Path, delivery: str) -> None:
    """`delivery` is not on its way any more: taken back before it was recommendable, or never taken in."""
    (root / ".earshot" / "arriving" / delivery).unlink(missing_ok=True)


def arriving(root: Path) -> dict[str, float]:
    """When the deliveries arrived that are not recommendable yet."""
    folder = root / ".earshot" / "arriving"
    noted = [path for path in folder.glob("*") if not path.name.startswith(".")]
    return {path.name: read_json(path) for path in sorted(noted)}


def read_arrivals(root: Path) -> list[Arrival]:
    """Every delivery that became recommendable, in this order."""
    lines = read_json_lines(root / ".earshot" / "arrivals")
    return list({line["delivery"]: Arrival(**line) for line in lines}.values())


def note_recommendable(root: Path) -> list[Arrival]:
    """Write down which of those arriving the recommendations know by now; these."""
    waiting = arriving(root)
    served = [name for name in recommended_deliveries(root) if name in waiting] if waiting else []
    arrivals = [Arrival(name, waiting[name], max(_written(root), waiting[name])) for name in served]
    for arrival in arrivals:
        # after a kill between the two the line is written again: `read_arrivals` takes the last
        append_json(root / ".earshot" / "arrivals", asdict(arrival))
        forget_arrival(root, arrival.delivery)
    return arrivals


def newest_arrivals(root: Path) -> list[Arrival]:
    """Those that the recommendations as they stand are the first to know."""
    arrivals = read_arrivals(root)
    return [each for each in arrivals if each.recommendable >= _written(root)] if arrivals else []


def _written(root: Path) -> float:
    return (root / _ITS_OUTPUT).stat().st_mtime


def recommended_deliveries(root: Path) -> list[str]:
    """The deliveries that data/recommendations was made of; none while nothing is released.

    dvc.lock says which index.csv the stages up to there used. Lines are only ever
    added to that file, so its earlier states are its beginnings.
    """
    lock = read_lock(root)
    summary = root / _ITS_OUTPUT / "summary.json"
    if _LAST_STAGE not in lock or not summary.is_file() or read_json(summary)["release"] is None:
        return []
    stages = _upstream(lock)
    made = {out["path"]: out["md5"] for stage in lock.values() for out in stage["outs"]}
    used = [(dep["path"], dep.get("md5")) for stage in stages for dep in lock[stage].get("deps", ())]
    # an input that was made anew since: these lists do not know it
    if any(made.get(path, md5) != md5 for path, md5 in used if path.startswith("data/")):
        return []
    indexes = {md5 for path, md5 in used if path == INDEX}
    return _beginning(root / INDEX, indexes.pop()) if len(indexes) == 1 else []


def _upstream(lock: dict[str, Any]) -> list[str]:
    """The last stage and those it hangs on by what lies in data/; not through the release."""
    makers = {out["path"]: name for name, stage in lock.items() for out in stage["outs"]}
    stages = [_LAST_STAGE]
    for stage in stages:  # it grows meanwhile: breadth first
        paths = [dep["path"] for dep in lock[stage].get("deps", ()) if dep["path"].startswith("data/")]
        stages += [makers[path] for path in paths if path in makers and makers[path] not in stages]
    return stages


def _beginning(index: Path, md5: str) -> list[str]:
    """The deliveries that `index` named, and that were not withdrawn, when its hash was `md5`."""
    content, until, size = index.read_bytes(), hashlib.md5(), 0
    for line in content.splitlines(keepends=True):
        until.update(line)  # md5 of the file as it was when it ended here
        size += len(line)
        if until.hexdigest() == md5:
            lines = parse_index(content[:size].decode(), index)
            return [each.name for each in lines if not each.withdrawn]
    return []
