"""dvc.lock, kept and put back: DVC rewrites it in place, a kill can cut it, and then every command fails.

A whole copy is kept in `.earshot/`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from ruamel.yaml.error import YAMLError

from earshot.errors import UserError
from earshot.files import parse_yaml, replace_text
from earshot.versioning.git import git_or_none
from earshot.versioning.locks import repository_locked


def keep_lockfile(root: Path) -> None:
    """Keep a copy of every dvc.lock that is whole."""
    for lock in lockfiles(root):
        text = _read(root / lock)
        if whole_stages(text) is not None and text != _read(kept_copy(root, lock)):
            with suppress(OSError):  # a full volume: the copy of before stays
                kept_copy(root, lock).parent.mkdir(parents=True, exist_ok=True)
                replace_text(kept_copy(root, lock), str(text))


def mend_lockfiles(root: Path, say: Callable[[str], object]) -> None:
    """Put back every dvc.lock that is cut short; `say` which.

    Raises
    ------
    UserError
        One that no kill made what it is: a folder, an unfinished merge, or not to be read.
    """
    if not any(_is_cut(root, lock) for lock in lockfiles(root)):
        return
    with repository_locked(root, "mending dvc.lock", say):  # or it is being written just now
        for lock in lockfiles(root):
            if _is_cut(root, lock):
                say(_put_back(root, lock))


def lockfiles(root: Path) -> list[str]:
    """Every dvc.lock below `root`: of the pipeline and of every reproduction."""
    found = [*root.glob("dvc.lock"), *sorted(root.glob("reproductions/*/dvc.lock"))]
    return [path.relative_to(root).as_posix() for path in found]


def kept_copy(root: Path, lock: str) -> Path:
    """Where the copy of `lock`, a path below `root`, is kept."""
    return root / ".earshot" / lock


def cut_aside(root: Path, lock: str) -> Path:
    """Where a cut `lock` goes that nothing can be put in the place of: what it named is still there."""
    return root / ".earshot" / f"{lock}.cut"


def _put_back(root: Path, lock: str) -> str:
    """What was done, in words."""
    sources = {
        "the copy kept in .earshot/": _read(kept_copy(root, lock)),
        "the last commit": _committed(root, lock),
    }
    whole = {source: text for source, text in sources.items() if whole_stages(text) is not None}
    if whole:  # a copy is as old as the start of the last stage: the commit may know one more
        source = max(whole, key=lambda each: len(whole_stages(whole[each]) or ()))
        replace_text(root / lock, str(whole[source]))
        return f"{lock} was cut short: put back from {source}"
    aside = cut_aside(root, lock)
    aside.parent.mkdir(parents=True, exist_ok=True)
    (root / lock).replace(aside)
    return (
        f"{lock} was cut short and there is no copy yet: moved to {aside.relative_to(root)}, "
        "all its stages will run again"
    )


def _is_cut(root: Path, lock: str) -> bool:
    """Whether a dvc.lock lost its end: unreadable, or stages missing that the kept copy has.

    The content that git holds is whole by definition.
    """
    text, kept = _read(root / lock), _read(kept_copy(root, lock))
    stages = whole_stages(text)
    if stages is None:
        if text is not None and "\n<<<<<<< " in f"\n{text}":
            raise UserError(f"{root / lock}: an unfinished merge (<<<<<<<): resolve it in git first")
        return True
    if text == kept:
        return False
    # cut between two stages it is whole YAML still: only the copy knows what is missing
    known = whole_stages(kept) or {}
    return bool(known.keys() - stages.keys()) and text != _committed(root, lock)


def whole_stages(text: str | None) -> dict[str, Any] | None:
    """The stages in the `text` of a whole dvc.lock, None for a cut one."""
    if text is None or not text.endswith("\n"):
        return None
    try:
        content = parse_yaml(text)
    except (YAMLError, ValueError):
        return None
    stages = content.get("stages") if isinstance(content, dict) else None
    if not isinstance(stages, dict) or content.get("schema") != "2.0":
        return None
    return stages if all(map(_is_whole, stages.values())) else None


def _is_whole(stage: Any) -> bool:
    return (
        isinstance(stage, dict)
        and isinstance(stage.get("cmd"), str | list)
        and isinstance(stage.get("outs"), list)
        and all(isinstance(out, dict) and "path" in out and "md5" in out for out in stage["outs"])
    )


def _read(path: Path) -> str | None:
    """The text at `path`, None where there is none."""
    try:
        return path.read_bytes().decode("utf-8")
    except (FileNotFoundError, UnicodeDecodeError):
        return None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); wanted: DVC's file") from None


def _committed(root: Path, lock: str) -> str | None:
    shown = git_or_none(root, "show", f"HEAD:./{lock}")
    return None if shown is None else shown.decode("utf-8", errors="replace")
