"""Where a workspace stands: what is served, what is stale, runs, waits or was rejected, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from earshot.deliveries.inbox import INBOX, look
from earshot.deliveries.rejecting import REJECTED, rejections
from earshot.errors import UserError
from earshot.files import parse_yaml
from earshot.lanes.onboard import SOUND_STAGES, any_plays
from earshot.lanes.retrain import due
from earshot.releases import Manifest, candidate, read_decision, read_pointer
from earshot.releases.manifest import pointer_path
from earshot.versioning import INDEX, Definition, changed_inputs, read_definitions, writers
from earshot.workspace import require_workspace

TRAINING = "training"


@dataclass(frozen=True)
class Status:
    """Where a workspace stands.

    Attributes
    ----------
    release
        What current.json names; None where nothing is released.
    last_decision
        Of the gate, in words; "" before the first.
    running
        Stages that run now, with their PIDs.
    stale
        Stages of the catalogue and serving lanes, and what each was not made of: deps, keys of params; None
        where it never ran. The training lane is stale after every delivery: `training` tells of it. Where
        songs are served by their sound alone, only stages that this needs.
    training
        Whether a training is due, and why.
    training_due
        Whether it is.
    waiting, rejected
        Deliveries in the inbox that are complete; those in data/rejected/, with the reason.
    to_do
        What a person should type, and why; nothing where all is well.
    """

    release: str | None
    last_decision: str
    running: dict[str, int]
    stale: dict[str, list[str] | None]
    training: str
    training_due: bool
    waiting: list[str]
    rejected: dict[str, str]
    to_do: list[str]


def read_status(root: Path) -> Status:
    """Of the workspace at `root`; changes nothing. UserError where there is none, or params are wrong."""
    require_workspace(root)
    definitions = read_definitions(root)
    pointer = read_pointer(root) if pointer_path(root).is_file() else None
    release = pointer.release if isinstance(pointer, Manifest) else None
    by_sound = (root / INDEX).is_file() and not any_plays(root)
    looked_at = [each for each in definitions if not by_sound or each.target in SOUND_STAGES]
    verdict, running, stale = due(root), _running(root, definitions), _stale(root, looked_at)
    waiting = [each.name for each in look(root / INBOX) if each.arrived is not None]
    rejected = {each.delivery: each.error for each in rejections(root)}
    serves = by_sound or release is not None
    to_do = _to_do(serves, {} if running else stale, verdict.due and not by_sound, waiting, rejected)
    last = _last_decision(root)
    return Status(release, last, running, stale, str(verdict), verdict.due, waiting, rejected, to_do)


def _running(root: Path, definitions: list[Definition]) -> dict[str, int]:
    held = writers(root)
    places = {each.target: str(root / each.place(each.output)) for each in definitions}
    return {name: held[place] for name, place in places.items() if place in held}


def _stale(root: Path, definitions: list[Definition]) -> dict[str, list[str] | None]:
    stages = parse_yaml((root / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    looked_at = [each for each in definitions if stages[each.target]["meta"]["lane"] != TRAINING]
    changed = {each.target: changed_inputs(root, each) for each in looked_at}
    return {name: found for name, found in changed.items() if found is None or found}


def _to_do(
    serves: bool,
    stale: dict[str, list[str] | None],
    training_due: bool,
    waiting: list[str],
    rejected: dict[str, str],
) -> list[str]:
    found = []
    if rejected:
        found.append(f"{len(rejected)} rejected: mend what stands in {REJECTED}/, or remove it")
    if waiting:
        found.append(f"{len(waiting)} waiting in {INBOX}/: `earshot onboard` takes them in")
    if not serves:
        found.append("nothing is released: `make run`, or `dvc repro`, trains a first model")
    elif stale and not waiting:
        found.append(f"{len(stale)} stages are stale: `earshot onboard` brings them up to date")
    if training_due and serves:
        found.append("a training is due: `earshot retrain --if-due`")
    return found


def _last_decision(root: Path) -> str:
    """What became of the newest candidate."""
    try:
        name = candidate(root).release
    except UserError:  # nothing was trained yet, or not to the end
        return ""
    decision = read_decision(root, name)
    if decision is None:
        return f"{name}: not judged yet"
    return f"{name} {'released' if decision['released'] else 'refused'}: {decision['reason']}"
