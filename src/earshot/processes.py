"""Processes that are dead when their starter is, and progress."""

from __future__ import annotations

import ctypes
import math
import os
import platform
import resource
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
from tqdm import tqdm

from earshot.terminal import on_one_line

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # <malloc.h>
_OWN_CGROUPS, _CGROUPS = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")
_CLOCK_SECONDS = 1.0
"""Start times are told in ticks since the boot; file times come from another clock."""


def progress(
    items: Iterable[Any] | None = None, *, description: str, unit: str, total: int | None = None
) -> tqdm[Any]:
    """A progress bar with rate and time left; nothing where no terminal shows it.

    With EARSHOT_PROGRESS=always in the environment always, for whoever reads it out of a pipe.
    """
    always = os.environ.get("EARSHOT_PROGRESS") == "always"
    return tqdm(
        items,
        desc=on_one_line(description),
        unit=f" {unit}",
        total=total,
        mininterval=0.2,
        file=sys.stderr,
        disable=not (always or sys.stderr.isatty()),
    )


def core_count(own: Path = _OWN_CGROUPS, mounted: Path = _CGROUPS) -> int:
    """Cores that this process may keep busy: those it may run on, or fewer where a CPU quota allows less.

    A quota of 1.5 CPUs is two: two workers wait a quarter of their time; one would leave half a core free.

    Parameters
    ----------
    own
        The cgroups of this process, as the kernel lists them.
    mounted
        Where cgroups are mounted; the quotas of those above count too.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([allowed, *map(math.ceil, _cpu_quotas(own, mounted))]))


def _cpu_quotas(own: Path, mounted: Path) -> Iterator[float]:
    """CPUs by quota, of this process's cgroups and those above them; of version 2 and of version 1."""
    for line in own.read_text().splitlines() if own.is_file() else ():
        _, controllers, group = line.split(":", 2)  # 0::/user.slice/... or 4:cpu,cpuacct:/docker/...
        if controllers and "cpu" not in controllers.split(","):
            continue
        # in a container the path may be that of the host, of which the container sees the end as the root
        place = Path(group.strip("/"))
        for mount in [mounted / controllers, mounted / "cpu"] if controllers else [mounted]:
            quotas = (_cpu_quota(mount / above) for above in (place, *place.parents))
            yield from (quota for quota in quotas if quota is not None)


def _cpu_quota(folder: Path) -> float | None:
    with suppress(OSError, ValueError, ZeroDivisionError):
        if (of_both := folder / "cpu.max").is_file():
            quota, period = of_both.read_text().split()  # microseconds, or max
            return None if quota == "max" else int(quota) / int(period)
        quota, period = ((folder / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        return int(quota) / int(period) if int(quota) > 0 else None  # -1: none
    return None


def keep_freed_memory() -> None:
    """Have glibc keep freed buffers of some MB: given back, they are faulted in again page by page.

    That is a tenth of the time of a hyper-image or of a training step.
    """
    if sys.platform == "linux" and platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, 32 << 20)
        libc.mallopt(_M_TRIM_THRESHOLD, 64 << 20)


@contextmanager
def limited_memory(n_bytes: int) -> Iterator[None]:
    """Have this process grow by at most `n_bytes`; an allocation beyond is refused: MemoryError.

    Also those of pyarrow, whose own pool, which takes a gigabyte at a time, is left aside meanwhile. Only on
    Linux; elsewhere nothing is limited.
    """
    status = Path("/proc/self/status")
    if sys.platform != "linux" or not status.is_file():
        yield
        return
    import pyarrow

    held = int(status.read_text().partition("VmData:")[2].split()[0]) << 10  # VmData is in KiB
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = [limit for limit in (held + n_bytes, soft) if limit != resource.RLIM_INFINITY]
    pool = pyarrow.default_memory_pool()
    pyarrow.set_memory_pool(pyarrow.system_memory_pool())
    resource.setrlimit(resource.RLIMIT_DATA, (min(most), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
        pyarrow.set_memory_pool(pool)


@contextmanager
def temporary_files_in(folder: Path) -> Iterator[None]:
    """Have this process and all that it starts keep temporary files in `folder`, made anew and removed again.

    W&B and torch leave some behind, and so does all that is killed: that goes the next time.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    before, of_python = os.environ.get("TMPDIR"), tempfile.tempdir
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = of_python
        if before is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = before
        shutil.rmtree(folder, ignore_errors=True)


def die_with_parent(starter: int | None = None) -> None:
    """Have this process killed when the one that started it dies, however it dies.

    A shell that only wraps the command (`sh -c`) is looked through: its own
    parent is watched too. Where the PID of the `starter` is known, it is killed at
    once if that one is dead already.
    """
    if starter is not None and not psutil.pid_exists(starter):
        os.kill(os.getpid(), signal.SIGKILL)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    watched = _starters(psutil.Process()) + ([psutil.Process(starter)] if starter is not None else [])
    threading.Thread(target=_watch, args=(watched,), daemon=True).start()


def _starters(process: psutil.Process) -> list[psutil.Process]:
    starters: list[psutil.Process] = []
    parent = process.parent()
    while parent is not None:
        starters.append(parent)
        try:
            command = parent.cmdline()
        except psutil.Error:
            break
        if not (Path(command[0]).name in ("sh", "bash", "dash") and command[1:2] == ["-c"]):
            break
        parent = parent.parent()
    return starters


def is_alive(process: psutil.Process) -> bool:
    """Whether it runs: neither gone nor waiting to be buried."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def lived(pid: int, moment: float) -> bool:
    """Whether the process that has this PID now had started by `moment` (Unix seconds) and is not dead.

    PIDs are given anew: what was written at `moment` is not of a process that started later.
    """
    try:
        process = psutil.Process(pid)
        return is_alive(process) and process.create_time() < moment + _CLOCK_SECONDS
    except psutil.NoSuchProcess:
        return False


def remove_litter(folder: Path) -> None:
    """Remove the files `.<name>.<PID>.tmp` (`earshot.files.replacing`) of processes that are gone."""
    for path in folder.glob(".*.tmp"):
        pid = path.name.split(".")[-2]  # .<name>.<PID>.tmp
        if pid.isdecimal() and path.is_file() and not lived(int(pid), path.stat().st_mtime):
            path.unlink(missing_ok=True)


def _watch(starters: list[psutil.Process]) -> None:
    while all(map(is_alive, starters)):
        time.sleep(0.2)
    for child in psutil.Process().children(recursive=True):
        child.kill()
    os.kill(os.getpid(), signal.SIGKILL)
