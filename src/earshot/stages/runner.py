"""Running one stage: its own lock, its inputs unchanged throughout, its output whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from earshot import versioning
from earshot.errors import UserError
from earshot.executors import executing_on
from earshot.files import exchange, is_full, read_json, replace_text, write_json
from earshot.locks import Taken, take
from earshot.params import Params, read_executor, read_params
from earshot.processes import die_with_parent, keep_freed_memory, temporary_files_in
from earshot.stages import provenance
from earshot.stages.paths import Paths
from earshot.stages.reuse import linked
from earshot.stages.servable import refuse_unservable
from earshot.terminal import say

SUMMARY = "summary.json"


def run_stage(root: Path, target: str) -> dict[str, Any]:
    """Run a stage of the workspace `root`, named as DVC names it, and return its summary.

    The last output stands at its place until all is done and the new one takes it, in
    one step where the volume can. Unfinished work stays in
    `.earshot/work/<stage>/<key of the inputs>/`, where the next run with the same inputs finds it.

    Raises
    ------
    UserError
        Whatever the stage cannot go on with; the same text goes to
        `.earshot/failed/<stage>/error.txt`. Also params or code that changed
        meanwhile: DVC would record the new ones as used; a volume that is full.
    """
    # threads that spin while they wait cost others, and then themselves, ten times their work
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    keep_freed_memory()
    definition = versioning.read_definition(root, target)
    die_with_parent(versioning.running_process(root, definition))
    place = Path(*versioning.split_target(target))
    failed = root / ".earshot" / "failed" / place
    temporary = root / ".earshot" / "tmp" / place
    with _only_one(root / ".earshot" / "locks" / place), temporary_files_in(temporary):
        versioning.keep_lockfile(root)
        previous = versioning.previous_output(root, definition)
        _put_back(root, previous, definition, place)
        shutil.rmtree(failed, ignore_errors=True)
        failed.mkdir(parents=True)
        try:
            return _run(root, definition, place, failed, previous)
        except UserError as error:
            _leave(failed, error)
            raise
        except Exception as error:
            if not _is_full(root, error):
                raise
            no_room = UserError(
                f"no room left on the volume of {root}: make some, then run {target} again ({error})"
            )
            _leave(failed, no_room)
            raise no_room from error
        finally:
            _put_back(root, previous, definition, place)


def stage_params(root: Path, target: str) -> Any:
    """What stands in the params file of a stage, checked; errors as in `read_params`.

    Of the main pipeline without its body, which may import much.
    """
    folder, _ = versioning.split_target(target)
    kind = getattr(_body(root, target), "PARAMS", Params) if folder else Params
    return read_params(root / folder / "params.yaml", kind)


def _body(root: Path, target: str) -> ModuleType:
    """The module of a stage; Dagster's process checks params too, and may lack the papers' on its path."""
    folder, _ = versioning.split_target(target)
    papers = str(root / Path(folder).parent)
    if folder and papers not in sys.path:
        sys.path.append(papers)
    return import_module(versioning.read_definition(root, target).module)


def _leave(failed: Path, error: UserError) -> None:
    """For whoever started the stage and hears only that it failed; a full volume takes not even that."""
    with suppress(OSError):
        replace_text(failed / "error.txt", f"{error}\n")


def _is_full(root: Path, error: Exception) -> bool:
    """Libraries that write files say it in ways of their own: then the volume is asked."""
    by_errno = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    return by_errno or is_full(root)


def _run(
    root: Path,
    definition: versioning.Definition,
    place: Path,
    failed: Path,
    previous: versioning.PreviousOutput,
) -> dict[str, Any]:
    before = versioning.inputs(root, definition)  # DVC itself hashes only when the stage has ended
    work = _work_folder(root, definition, place, before)
    output = work / "output"
    paths = Paths(root, output, work / "kept", failed, previous)
    is_file = bool(Path(definition.output).suffix)
    if not is_file:
        output.mkdir()
    try:
        summary = None if is_file else _again(paths, definition, before)
        if summary is None:
            params = stage_params(root, definition.target)
            if isinstance(params, Params):  # of the main pipeline
                refuse_unservable(params)
            with executing_on(read_executor(root / "params.yaml")):
                summary = _body(root, definition.target).run(paths, params)
            if not is_file:
                write_json(output / SUMMARY, summary)
        _refuse_changes(definition, before, versioning.inputs(root, definition))
        _into_place(output, root / definition.output)
        # compared with dvc.lock when DVC has written it
        versioning.write_used_inputs(root, definition, before)
        versioning.note_made(root, definition, before)
        with suppress(OSError, UserError):  # a full volume, a cut dvc.lock: the output is there all the same
            provenance.note(root, definition, before)
            if definition.target == provenance.DRAWN_BY:
                provenance.write(root)
    finally:
        shutil.rmtree(output, ignore_errors=True)  # after an exchange the last output stands here
    return summary


def _again(paths: Paths, definition: versioning.Definition, now: versioning.Inputs) -> dict[str, Any] | None:
    """The last output once more, where only words of the code have changed since; its summary."""
    names = tuple(paths.previous.files)
    if not versioning.differs_in_words(paths.root, definition, now) or not linked(paths, names):
        return None
    say(f"{definition.target}: only comments and docstrings changed; what was made before stays")
    summary: dict[str, Any] = read_json(paths.output / SUMMARY)
    return summary


def _put_back(
    root: Path, previous: versioning.PreviousOutput, definition: versioning.Definition, place: Path
) -> None:
    """Put back the last output, which DVC has removed: others read it meanwhile, and after a failure."""
    output, beside = root / definition.output, root / ".earshot" / "work" / place / "previous"
    if output.exists() or not previous.files:
        return
    shutil.rmtree(beside, ignore_errors=True)
    with suppress(OSError):  # a full volume
        if all(previous.link(name, beside / name) for name in previous.files):
            output.parent.mkdir(parents=True, exist_ok=True)
            beside.rename(output)
    shutil.rmtree(beside, ignore_errors=True)


def _work_folder(
    root: Path, definition: versioning.Definition, place: Path, inputs: versioning.Inputs
) -> Path:
    """The folder for work on exactly these inputs; work on any others is removed.

    Inputs that DVC has recorded already mean a forced run: it starts anew.
    """
    key = hashlib.blake2b(json.dumps(inputs, sort_keys=True).encode(), digest_size=12).hexdigest()
    work = root / ".earshot" / "work" / place / key
    forced = inputs == versioning.recorded_inputs(root, definition)
    if work.parent.is_dir():
        for other in work.parent.iterdir():
            if forced or other != work:
                shutil.rmtree(other)
    (work / "kept").mkdir(parents=True, exist_ok=True)
    shutil.rmtree(work / "output", ignore_errors=True)
    return work


def _refuse_changes(
    definition: versioning.Definition, before: versioning.Inputs, after: versioning.Inputs
) -> None:
    changed = [key for key in sorted(before | after) if before.get(key) != after.get(key)]
    if changed:
        raise UserError(f"{', '.join(changed)} changed while {definition.target} ran: run it again")


def _into_place(output: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.is_dir():
        exchange(output, place)
    else:
        output.rename(place)


@contextmanager
def _only_one(path: Path) -> Iterator[None]:
    try:
        descriptor = take(path)
    except Taken as taken:
        raise UserError(
            f"stage {path.name} is running already (PID {taken.holder}); wait for it to end"
        ) from None
    try:
        yield
    finally:
        os.close(descriptor)  # gives up the lock
