"""What each stage costs: CPU seconds, memory and disk, as src/earshot/unit_costs.yaml is made of.

    python benchmarks/unit_costs.py WORKSPACE [STAGE ...]

WORKSPACE is a clone of the project that has taken in deliveries (`earshot demo`, `earshot ingest`) and run
nothing. Every stage of dvc.yaml runs once, in its order, by `dvc repro --single-item`, or those that are
named. CPU seconds are those of all processes and threads, DVC's own included. Memory is the sum over the
processes of the stage, each page counted once however many share it (Pss_Anon of Linux), looked at five times
a second; pages of files that are mapped do not count, as the system takes them back when it wants.
Disk is what lies in the output and in none before it: files that are linked count once.

The last line is JSON: probe_seconds (`earshot.costs.probe_seconds`, on this machine), songs, plays and
listeners of the catalogue, and by stage cpu_seconds, seconds, peak_gb, disk_gb.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryFile

import psutil
import pyarrow.parquet as pq
import yaml

from earshot.costs import probe_seconds

EVERY = 0.2
"""Seconds between looks at memory."""


def main(workspace: Path, wanted: list[str]) -> None:
    """Run the stages, and print what each took."""
    definitions = yaml.safe_load((workspace / "dvc.yaml").read_text())["stages"]
    measured: dict[str, dict[str, float]] = {}
    seen: set[int] = set()
    for name in wanted or definitions:
        measured[name] = run(workspace, name) | {"disk_gb": disk_gb(workspace / "data" / name, seen)}
        print(name, measured[name], flush=True)
    tables = {"songs": "raw_audio/songs", "plays": "play_counts/plays", "listeners": "play_counts/users"}
    size = {
        key: pq.read_metadata(path).num_rows
        for key, name in tables.items()
        if (path := workspace / "data" / f"{name}.parquet").is_file()
    }
    print(json.dumps({"probe_seconds": round(probe_seconds(), 4)} | size | {"stages": measured}))


def run(workspace: Path, stage: str) -> dict[str, float]:
    """One stage, in processes of its own, that is ended by nobody but itself."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = ["dvc", "repro", "--single-item", stage]
    with TemporaryFile() as said:
        process, peak = subprocess.Popen(command, cwd=workspace, stdout=said, stderr=said), 0
        while process.poll() is None:
            peak = max(peak, memory(psutil.Process(process.pid)))
            time.sleep(EVERY)
        if process.returncode:
            said.seek(0)
            sys.exit(f"{stage}: exit {process.returncode}: {said.read().decode()[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    took = {"cpu_seconds": cpu, "seconds": time.perf_counter() - started, "peak_gb": peak / 1e9}
    return {name: round(value, 2) for name, value in took.items()}


def memory(process: psutil.Process) -> int:
    """Bytes of a process and all below it; of one that has just ended none."""
    try:
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    return sum(_anonymous(each.pid) for each in family)


def _anonymous(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss_Anon:"))


def disk_gb(folder: Path, seen: set[int]) -> float:
    """Of all files in it that are not in `seen`, by inode, to which they are added."""
    found = [path.stat() for path in folder.rglob("*") if path.is_file()]
    new = {each.st_ino: each.st_size for each in found if each.st_ino not in seen}
    seen |= new.keys()
    return round(sum(new.values()) / 1e9, 4)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
