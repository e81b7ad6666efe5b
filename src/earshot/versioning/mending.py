"""What stages wrote and somebody lost or damaged since: brought back, out of DVC's cache or the remote.

DVC trusts an object of its cache that is read-only, whatever its content; and a
stage that reads a damaged file is recorded as having read another version.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from earshot.errors import UserError
from earshot.forgotten import forgotten_on
from earshot.versioning.cache import PreviousOutput, add_object, cache_folder, cache_path
from earshot.versioning.lockfile import file_md5
from earshot.versioning.locks import locked, open_repository
from earshot.versioning.remote import why
from earshot.versioning.repair import opened

if TYPE_CHECKING:
    from dvc.output import Output
    from dvc.repo import Repo
    from dvc.stage import Stage

Say = Callable[[str], object]


def mend_for(repo: Repo, stage: Stage, say: Say) -> None:
    """Bring back what `stage` is going to read, and its own last output, where they are not as dvc.lock says.

    As cheap as DVC's own look: only files changed since they were last hashed are read.

    Raises
    ------
    UserError
        A file that the stage reads is nowhere to be had; named with its object and what makes it anew.
        Or what it reads was never made; named with what makes it.
    """
    makers = {out.fs_path: out for out in repo.index.outs}
    for read in (makers[dep.fs_path] for dep in stage.deps if dep.fs_path in makers):
        if lost := _mend(repo, read, say):
            raise UserError("\n".join(lost))
        _require(repo, read, stage, say)
    for out in stage.outs:
        if out.exists:
            _mend(repo, out, say)  # what is lost of it, the stage makes anew


def mend_all(root: Path, say: Say) -> None:
    """Bring back every output of every stage; a UserError names what is nowhere to be had."""
    with opened(root, say) as repo:
        lost = [line for out in repo.index.outs for line in _mend(repo, out, say)]
    if lost:
        raise UserError("\n".join(lost))


def bring_back(root: Path, wanted: Mapping[str, str], say: Say) -> dict[str, str]:
    """See that DVC's cache holds the objects `wanted`, whole; a damaged one is removed, and fetched.

    Parameters
    ----------
    wanted
        md5 by what the object is called.

    Returns
    -------
    Of those that are nowhere to be had, why, by what they are called.
    """
    cache = cache_folder(root)
    bad = {name: md5 for name, md5 in wanted.items() if not is_whole(cache_path(cache, md5), md5)}
    gone = {name: f"object {md5} was {on}" for name, md5 in bad.items() if (on := forgotten_on(root, md5))}
    bad = {name: md5 for name, md5 in bad.items() if name not in gone}  # nobody is to bring that back
    was = {name: "damaged" if cache_path(cache, md5).exists() else "missing" for name, md5 in bad.items()}
    for md5 in bad.values():
        cache_path(cache, md5).unlink(missing_ok=True)  # read-only, it would be trusted by DVC
    answer = _fetch(root, set(bad.values())) if bad else ""
    lost = gone
    for name, md5 in bad.items():
        if is_whole(cache_path(cache, md5), md5):
            say(f"{name}: object {md5} of DVC's cache was {was[name]}: fetched from the remote")
        else:
            lost[name] = f"object {cache_path(cache, md5)} was {was[name]}, and {answer}"
    return lost


def _mend(repo: Repo, out: Output, say: Say) -> list[str]:
    """What of `out` is lost for good, a line each. Waits for whoever uses it, if anything is to be mended."""
    if not out.use_cache or not out.hash_info or _is_sound(out):
        return []
    root, folder = Path(repo.root_dir), Path(out.fs_path)
    name = folder.relative_to(root).as_posix()
    with locked(repo, [folder], f"mending {name}", say):
        if _is_sound(out):  # somebody else has mended it meanwhile
            return []
        lost = _restore_objects(root, folder, str(out.hash_info.value), name, say)
        if not lost:
            out.checkout(force=True)
            say(f"{name}: was not as dvc.lock says; put back")
    makes = f"`dvc repro --force --single-item {out.stage.addressing}` makes it anew"
    return [f"{file}: {why}; {makes}" for file, why in lost.items()]


def _require(repo: Repo, read: Output, stage: Stage, say: Say) -> None:
    """Raise a UserError where `read`, which `stage` needs, is not there, though nobody is just writing it."""
    root, path = Path(repo.root_dir), Path(read.fs_path)
    if path.exists():
        return
    with locked(repo, [path], stage.addressing, say):
        if path.exists():
            return
    raise UserError(
        f"{stage.addressing}: {path.relative_to(root).as_posix()}, which it reads, is not there yet: "
        f"`dvc repro {read.stage.addressing}` makes it"
    )


def _is_sound(out: Output) -> bool:
    try:
        return not out.changed_checksum() and not out.changed_cache()
    except OSError:  # a stage is just writing it
        return False


def _restore_objects(root: Path, folder: Path, md5: str, name: str, say: Say) -> dict[str, str]:
    """Make the cache hold all of the output `folder`, from there where it is whole; what is lost, and why.

    Damaged files are removed from the workspace: its links would stay as they are.
    """
    cache = cache_folder(root)
    if lost := bring_back(root, {f"{name}, its list of files": md5}, say):
        return lost
    files = PreviousOutput(cache, md5).files
    for inside, wanted in files.items():
        if not is_whole(folder / inside, wanted):
            (folder / inside).unlink(missing_ok=True)
        elif not is_whole(cache_path(cache, wanted), wanted):
            add_object(cache, wanted, folder / inside)
    return bring_back(root, {f"{name}/{inside}": wanted for inside, wanted in files.items()}, say)


def is_whole(path: Path, md5: str) -> bool:
    """Whether the file `path` is there and has this md5."""
    return path.is_file() and file_md5(path) == md5.removesuffix(".dir")


def _fetch(root: Path, md5s: set[str]) -> str:
    """Fetch what the remote has of these objects; why the others are not there."""
    from dvc.config import NoRemoteError
    from dvc_data.hashfile.hash_info import HashInfo

    try:
        with open_repository(root) as repo:
            repo.cloud.pull([HashInfo("md5", md5) for md5 in sorted(md5s)])
    except NoRemoteError:
        return "there is no remote to fetch it from"
    except UserError:
        raise
    except Exception as error:  # each kind of store has its own
        return f"the remote cannot be asked ({why(error)})"
    return "the remote does not have it"
