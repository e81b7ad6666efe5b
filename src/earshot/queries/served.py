"""Which outputs make up the served state: those that dvc.lock names, of one release."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from earshot import releases, versioning
from earshot.errors import UserError
from earshot.files import read_json
from earshot.queries.served_files import LISTS, SERVED, file_of
from earshot.queries.sound_alone import read_sound_alone
from earshot.queries.state import ServedState
from earshot.workspace import not_yet


def read_served(root: Path) -> ServedState:
    """What the workspace `root` serves: lists of a release, or without one songs by their sound alone.

    Raises
    ------
    UserError
        Nothing yet; vectors and lists of two releases (serving was half-way, or
        failed there); a file that is not in DVC's cache; each with what to do.
    """
    lock = versioning.read_lock(root)
    if SERVED not in lock and (sound_alone := read_sound_alone(root, lock)) is not None:
        return sound_alone
    made = {stage: output_of(root, lock, stage) for stage in (SERVED, LISTS)}
    vectors, lists = (read_json(file_of(made[stage], stage, "summary.json")) for stage in (SERVED, LISTS))
    if vectors["release"] != lists["release"]:
        raise UserError(
            f"data/{SERVED} is of release {vectors['release']}, data/{LISTS} of {lists['release']}: "
            "wait for the run that serves, or finish it with `dvc repro recommendations`"
        )
    if vectors["release"] is None:
        nothing = isinstance(releases.read_pointer(root), releases.NothingReleased)
        if nothing and (sound_alone := read_sound_alone(root, lock)) is not None:
            return sound_alone
        raise UserError(_nothing_served(root))
    # what the lists were made of, whatever stands there now
    used = {dep["path"]: dep.get("md5") for dep in lock[LISTS].get("deps", ())}
    cache = versioning.cache_folder(root)
    for stage in ("play_counts", "raw_audio"):
        made[stage] = versioning.PreviousOutput(cache, used.get(f"data/{stage}"))
    heard = {dep["path"]: dep.get("md5") for dep in lock[SERVED].get("deps", ())}
    made["hyper_images"] = versioning.PreviousOutput(cache, heard.get("data/hyper_images"))
    return ServedState(root, vectors["release"], made)


def _nothing_served(root: Path) -> str:
    """The lists are of no release: there is none, or it came by hand since they were made."""
    current = releases.read_pointer(root)
    if isinstance(current, releases.NothingReleased):
        return releases.nothing_released(root, current)
    return f"{current.release} is released and not served yet: `dvc repro` or the job onboard serves it"


def output_of(root: Path, lock: dict[str, Any], stage: str) -> versioning.PreviousOutput:
    """What a stage made last. UserError where it never ran."""
    if stage not in lock:
        raise not_yet(root, f"nothing is served yet: dvc.lock names no {stage}")
    return versioning.PreviousOutput(versioning.cache_folder(root), lock[stage]["outs"][0]["md5"])
