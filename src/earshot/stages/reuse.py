"""What an earlier run made and this one would make again is linked. A piece's name or note holds its key.

Keys are those of `earshot.code.key_of`: versions of what the piece is made of, parameters, and the
code that makes it. Whatever is not in the key must not decide what is in the piece.
"""

from __future__ import annotations

from collections.abc import Sequence

from earshot.files import link
from earshot.stages.paths import Paths
from earshot.versioning import PreviousOutput


def linked(paths: Paths, names: Sequence[str]) -> bool:
    """Link the files `names` of one piece into the output: all of them, or none.

    Out of the last output, or out of the work folder, where an interrupted run, or this one,
    has finished them under the same names.

    Returns
    -------
    Whether they are there: else they are to be made in the work folder.
    """
    found = [paths.previous.find(name) for name in names]
    if not all(found):
        found = [path if path.is_file() else None for path in (paths.work / name for name in names)]
    if not all(found):
        return False
    for name, path in zip(names, found, strict=True):
        assert path is not None
        (paths.output / name).parent.mkdir(parents=True, exist_ok=True)
        link(path, paths.output / name)
    return True


def noted(paths: Paths, piece: str, key: str) -> PreviousOutput:
    """The last output, if what it calls `piece` had this key; else nothing. The key is noted in this one."""
    note = f"{piece}.key"
    (paths.output / note).write_text(f"{key}\n", encoding="utf-8")
    before = paths.previous.find(note)
    if before is not None and before.read_text(encoding="utf-8").strip() == key:
        return paths.previous
    return PreviousOutput(paths.previous.cache, None)
