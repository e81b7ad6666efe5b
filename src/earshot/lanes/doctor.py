"""What a machine and a clone need, looked at one by one; each finding with its remedy."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from earshot.errors import UserError
from earshot.versioning.kept_lock import whole_stages
from earshot.versioning.rwlock import write_locks, writers
from earshot.workspace import require_workspace

LEAST_PYTHON = (3, 11)
_LEAST_FREE_GB = 5.0


class Finding(NamedTuple):
    """What was looked at, what it is, whether that will do, and what to do where it will not."""

    what: str
    found: str
    ok: bool
    remedy: str = ""


def examine(root: Path) -> list[Finding]:
    """Look at Python, torch, threads, disk, git, locks, dvc.lock and the remote; changes nothing."""
    looks: tuple[Callable[[Path], Iterator[Finding]], ...] = (
        _python,
        _torch,
        _threads,
        _disk,
        _git,
        _workspace,
        _locks,
        _lockfile,
        _remote,
    )
    return [finding for look in looks for finding in look(root)]


def _python(root: Path) -> Iterator[Finding]:
    found = ".".join(map(str, sys.version_info[:3]))
    wanted = ".".join(map(str, LEAST_PYTHON))
    yield Finding("Python", found, sys.version_info >= LEAST_PYTHON, f"{wanted} or newer is wanted")


def _torch(root: Path) -> Iterator[Finding]:
    """By what is installed alone: importing torch takes seconds."""
    try:
        build = version("torch")
    except PackageNotFoundError:
        yield Finding("torch", "not installed", False, "`make .venv/installed`")
        return
    has_gpu = Path("/dev/nvidiactl").exists()
    is_cpu_build = "+cpu" in build or not _has_cuda_wheels()
    kind = "CPU build" if is_cpu_build else "CUDA build"
    card = "a GPU is there" if has_gpu else "no GPU"
    remedy = "a CUDA build would use the GPU: `make .venv/installed TORCH=cuda` in a clone without .venv"
    yield Finding("torch", f"{build}, {kind}, {card}", not (has_gpu and is_cpu_build), remedy)


def _has_cuda_wheels() -> bool:
    for name in ("nvidia-cuda-runtime", "nvidia-cuda-runtime-cu12", "nvidia-cuda-runtime-cu13"):
        try:
            version(name)
        except PackageNotFoundError:
            continue
        return True
    return False


def _threads(root: Path) -> Iterator[Finding]:
    cores, threads = len(os.sched_getaffinity(0)), os.environ.get("OMP_NUM_THREADS", "not set")
    ok = not threads.isdigit() or int(threads) <= cores
    found = f"{cores} cores, OMP_NUM_THREADS {threads}"
    yield Finding("threads", found, ok, f"OMP_NUM_THREADS={cores} at most")


def _disk(root: Path) -> Iterator[Finding]:
    free = shutil.disk_usage(root).free / 1e9
    remedy = f"{_LEAST_FREE_GB:g} GB are wanted: make room, `earshot gc` removes what no release needs"
    yield Finding("disk", f"{free:.1f} GB free", free >= _LEAST_FREE_GB, remedy)


def _git(root: Path) -> Iterator[Finding]:
    found = shutil.which("git")
    yield Finding("git", found or "not found", found is not None, "install git")


def _workspace(root: Path) -> Iterator[Finding]:
    try:
        require_workspace(root)
    except UserError as error:
        yield Finding("workspace", str(error), False, "run this in a clone of earshot, or with -C")
    else:
        yield Finding("workspace", str(root), True)


def _locks(root: Path) -> Iterator[Finding]:
    alive, all_held = writers(root), write_locks(root)
    left = sorted({str(pid) for path, pid in all_held.items() if path not in alive})
    held = ", ".join(f"{Path(path).name} by PID {pid}" for path, pid in sorted(alive.items())) or "none held"
    found = f"left by PID {', '.join(left)}, which is gone" if left else held
    yield Finding("locks", found, not left, "`earshot repair`")


def _lockfile(root: Path) -> Iterator[Finding]:
    if not (root / "dvc.lock").is_file():
        yield Finding("dvc.lock", "not there: nothing has run yet", True)
        return
    stages = whole_stages((root / "dvc.lock").read_text(encoding="utf-8", errors="replace"))
    found = "cut short" if stages is None else f"{len(stages)} stages"
    yield Finding("dvc.lock", found, stages is not None, "`earshot repair`")


def _remote(root: Path) -> Iterator[Finding]:
    """What is configured; whether it answers only `dvc push` can tell."""
    from earshot.versioning.remote import default_remote

    address = default_remote(root)
    if address is None:
        remedy = "`dvc remote add -d NAME ADDRESS`, so that `dvc push` keeps a copy elsewhere"
        yield Finding("remote", "none: what is here is all there is", True, remedy)
        return
    if address.startswith("s3://") and find_spec("dvc_s3") is None:
        yield Finding("remote", address, False, "the library for S3 is missing: `pip install 'earshot[s3]'`")
        return
    local = "://" not in address
    ok = not local or Path(address).is_dir()
    yield Finding("remote", address, ok, f"{address} is not there: mount it, or `dvc remote modify`")
