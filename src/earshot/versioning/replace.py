"""Changing the small output of a stage by hand, so that DVC knows of it.

What is to be written is noted first and done second: whoever comes after a kill
carries on with it (a redo log).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from earshot.files import read_json, replace_json, replace_text
from earshot.versioning.definitions import read_definition
from earshot.versioning.kept_lock import keep_lockfile
from earshot.versioning.lockfile import file_md5, read_lock
from earshot.versioning.locks import locked, open_repository

if TYPE_CHECKING:
    from dvc.repo import Repo
    from dvc.stage import Stage

_NOTE = Path(".earshot", "work", "replacing.json")


@contextmanager
def replacing_output(
    root: Path, stage: str, what: str, say: Callable[[str], object], tell: Callable[[], object]
) -> Iterator[dict[Path, str]]:
    """Hold DVC's lock, and its write lock on the one output of `stage`; at the end change it, and record it.

    Waits while another process holds either, and says for whom. Only the output
    is recorded: what dvc.lock says of the stage's deps stays, so a stage that had
    to run still has to.

    Parameters
    ----------
    what
        What is done, in words, for whoever has to carry on with it.
    tell
        Says that it is done, before the note of it goes: until then the same said again finishes this one.

    Yields
    ------
    To be filled: the new text by path, the output's last. Without any nothing is done.
    """
    output = root / read_definition(root, stage).output
    with open_repository(root) as repo, locked(repo, [output], stage, say):
        texts: dict[Path, str] = {}
        yield texts
        if texts:
            note = {
                "what": what,
                "stage": stage,
                "before": _md5(output),
                "texts": {path.relative_to(root).as_posix(): text for path, text in texts.items()},
            }
            (root / _NOTE).parent.mkdir(parents=True, exist_ok=True)
            replace_json(root / _NOTE, note)  # from here on a kill is carried on with
            _carry_out(repo, root, note, tell)


def finish_replacing(root: Path, say: Callable[[str], object]) -> str | None:
    """Carry on with a change that was cut off, unless the output has become another one since.

    Returns
    -------
    What was done, in words; None where there was nothing to do.
    """
    if not (root / _NOTE).is_file():
        return None
    note = read_json(root / _NOTE)
    output = read_definition(root, note["stage"]).output
    with open_repository(root) as repo, locked(repo, [root / output], note["stage"], say):
        if not (root / _NOTE).is_file():  # somebody else came first
            return None
        # neither what it was nor what it was to become
        if _md5(root / output) not in (note["before"], _text_md5(note["texts"][output])):
            (root / _NOTE).unlink()
            say(f"a {note['what']} was cut off; {output} has changed since and is left as it is")
            return None
        _carry_out(repo, root, note, lambda: say(f"a {note['what']} was cut off: finished"))
    return str(note["what"])


def _carry_out(repo: Repo, root: Path, note: dict[str, Any], tell: Callable[[], object]) -> None:
    """May be done twice."""
    for path, text in note["texts"].items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        replace_text(root / path, text)
    if note["stage"] in read_lock(root):
        changed = _load(repo, note["stage"])
        changed.outs[0].save()
        changed.dvcfile.dump_stages([changed], update_pipeline=False)
    keep_lockfile(root)
    tell()
    (root / _NOTE).unlink()  # last: until then it is done again


def _md5(path: Path) -> str | None:
    return file_md5(path) if path.is_file() else None


def _text_md5(text: str) -> str:
    return hashlib.md5(text.encode("utf-8")).hexdigest()


def _load(repo: Repo, stage: str) -> Stage:
    return repo.stage.load_one(str(Path(repo.root_dir) / "dvc.yaml"), stage)
