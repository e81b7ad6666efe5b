"""What a stage uses: as it stands now, as dvc.lock records it, and as a run really used it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

from earshot.code import syntax_hash
from earshot.files import parse_yaml, read_json, replace_json
from earshot.versioning.definitions import Definition, read_definition, split_target
from earshot.versioning.lockfile import file_md5, folder_md5, locked_stage, read_lock

Inputs = dict[str, Any]
"""What a stage uses: md5 by path of a dep, value by key of a params file."""


def inputs(root: Path, definition: Definition) -> Inputs:
    """What `definition` would use now."""
    return dep_md5s(root, definition, definition.deps) | {
        key: value for values in param_values(root, definition).values() for key, value in values.items()
    }


def dep_md5s(root: Path, definition: Definition, paths: Iterable[str]) -> dict[str, str | None]:
    """md5 of each of the deps `paths`, as DVC would record it; None of one that is not there.

    A folder that a stage makes is known by the md5 in dvc.lock; any other is hashed, file by
    file, but for what .dvcignore leaves out.
    """
    folders = {"", split_target(definition.target)[0]}  # the pipeline's dvc.lock and its own
    locks = [stage for folder in folders for stage in read_lock(root, folder).values()]
    made = {out["path"]: out.get("md5") for stage in locks for out in stage.get("outs", ())}
    found = {}
    for path in paths:
        place = root / definition.place(path)
        found[path] = made[path] if path in made and not place.is_file() else _md5(root, place)
    return found


def _md5(root: Path, path: Path) -> str | None:
    if path.is_file():
        return file_md5(path)
    if not path.is_dir():
        return None
    return folder_md5({name: file_md5(path / name) for name in files_in(root, path)})


def files_in(root: Path, folder: Path) -> list[str]:
    """Paths inside `folder`, with `/`, of the files that DVC sees there."""
    from dvc.fs import LocalFileSystem
    from dvc.ignore import DvcIgnoreFilter

    system = LocalFileSystem()
    found = DvcIgnoreFilter(system, str(root)).find(system, str(folder))
    return sorted(Path(path).relative_to(folder).as_posix() for path in found)


def param_values(root: Path, definition: Definition) -> dict[str, dict[str, Any]]:
    """Values by key by file, as dvc.lock records them; `a.b` is a key."""
    found = {}
    for file, keys in definition.params.items():
        values = parse_yaml((root / definition.place(file)).read_text(encoding="utf-8"))
        # `a.b`: values["a"]["b"]
        found[file] = {key: reduce(getitem, key.split("."), values) for key in keys} if keys else values
    return found


def recorded_inputs(root: Path, definition: Definition) -> Inputs:
    """What dvc.lock says `definition` used at its last success; empty before the first."""
    stage = locked_stage(root, definition.target)
    found: Inputs = {dep["path"]: dep.get("md5") for dep in stage.get("deps", ())}
    for values in stage.get("params", {}).values():
        found |= values
    return found


def changed_inputs(root: Path, definition: Definition) -> list[str] | None:
    """Deps and keys of params that the output was not made of as they stand; None: it was never made."""
    then = recorded_inputs(root, definition)
    if not then or not (root / definition.place(definition.output)).exists():
        return None
    now = inputs(root, definition)
    return sorted(key for key in {*then, *now} if then.get(key) != now.get(key))


def write_used_inputs(root: Path, definition: Definition, used: Inputs) -> None:
    """Note what a stage run really used, for `recorded_truly`."""
    path = _note(root, "used", definition.target)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_json(path, used)


def forget_used_inputs(root: Path, target: str) -> None:
    """Forget the note of an earlier run."""
    _note(root, "used", target).unlink(missing_ok=True)


def recorded_truly(root: Path, target: str) -> bool:
    """Whether dvc.lock names what the last run of the stage `target` really used.

    DVC hashes params and code when a stage has ended: an edit in between is
    recorded as used. True where the stage did not run (nothing to record).
    """
    path = _note(root, "used", target)
    return not path.is_file() or read_json(path) == recorded_inputs(root, read_definition(root, target))


def note_made(root: Path, definition: Definition, used: Inputs) -> None:
    """Note what a run used, its code by syntax, for `differs_in_words`."""
    path = _note(root, "made", definition.target)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_json(path, {"cmd": definition.cmd, "used": used, "code": _syntax(root, definition)})


def differs_in_words(root: Path, definition: Definition, now: Inputs) -> bool:
    """Whether `now` differs from what dvc.lock records in comments and docstrings of the code alone.

    Only of code that a run in this workspace has noted: dvc.lock knows md5s. False where nothing differs.
    """
    path = _note(root, "made", definition.target)
    then = recorded_inputs(root, definition)
    if not path.is_file() or now == then:
        return False
    code = _syntax(root, definition)
    rest = [{key: value for key, value in each.items() if key not in code} for each in (now, then)]
    return (
        read_json(path) == {"cmd": definition.cmd, "used": then, "code": code}
        and rest[0] == rest[1]
        and locked_stage(root, definition.target).get("cmd") == definition.cmd
    )


def _syntax(root: Path, definition: Definition) -> dict[str, Any]:
    """Hashes of the code deps by path; of a folder, of every file in it."""
    found: dict[str, Any] = {}
    for path in definition.deps:
        place = root / definition.place(path)
        if definition.place(path).startswith(("data/", "releases/")):
            continue
        if place.is_dir():
            found[path] = {name: syntax_hash(place / name) for name in files_in(root, place)}
        elif place.is_file():
            found[path] = syntax_hash(place)
    return found


def _note(root: Path, kind: str, target: str) -> Path:
    folder, name = split_target(target)
    return root / ".earshot" / kind / folder / f"{name}.json"
