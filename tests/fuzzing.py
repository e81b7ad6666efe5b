"""Inputs drawn at random by seed, tried in a process that may crash, hang or run out of memory."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

LIMIT_SECONDS = 10
"""Of the processor, for one input, which may wait six times as long.

The first, with which imports are counted, may take six times all that.
"""
LIMIT_MB = 1000
"""Of all memory that the process ever held."""

_LIMIT_DATA = 4 << 30
_MOST_FAULTS = 20
_PROCESS_SEEDS = 1000
_RECORDS = "outcomes.jsonl"


@dataclass
class Fuzzed:
    """What became of the inputs.

    Attributes
    ----------
    outcomes
        How many inputs came to each end.
    faults
        By seed: what went wrong. Nothing must.
    peak
        MB.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    faults: dict[int, str] = field(default_factory=dict)
    peak: int = 0

    def __str__(self) -> str:
        ends = "\n".join(f"{count:7,}  {end}" for end, count in self.outcomes.most_common())
        faults = "\n".join(f"seed {seed}: {fault}" for seed, fault in self.faults.items())
        return f"{self.outcomes.total():,} inputs, at most {self.peak} MB:\n{ends}\n{faults}"


def number_of_inputs(default: int) -> int:
    """`EARSHOT_FUZZ` says how many."""
    return int(os.environ.get("EARSHOT_FUZZ", default))


def fuzz(case: str, folder: Path, seeds: range) -> Fuzzed:
    """Try the inputs of `seeds`; after a crash, a hang, and a thousand, a new process goes on.

    Parameters
    ----------
    case
        `module:function`. The function is given a folder for its files and a `random.Random` of the seed,
        says how the input ended, and raises where it ended as no input may.
    """
    found = Fuzzed()
    while seeds and len(found.faults) < _MOST_FAULTS:
        part = seeds[:_PROCESS_SEEDS]
        arguments = [case, str(folder), str(part.start), str(part.stop)]
        (folder / _RECORDS).write_text("")
        with (folder / "stderr").open("w") as errors:
            ended = subprocess.run(
                [sys.executable, "-m", "tests.fuzzing", *arguments],
                env=os.environ | {"PYTHONPATH": "src:."},
                stdout=errors,
                stderr=errors,
                check=False,
            )
        records = [json.loads(line) for line in (folder / _RECORDS).read_text().splitlines()]
        for seed, outcome, fault, peak in records:
            found.outcomes[outcome] += 1
            found.peak = max(found.peak, peak)
            if fault:
                found.faults[seed] = fault
        seeds = seeds[len(records) :]
        if ended.returncode:
            told = (folder / "stderr").read_text()[-3000:]
            found.faults[seeds.start] = f"exit status {ended.returncode}: {told}"
            seeds = seeds[1:]
    return found


def _work(case: str, folder: Path, seeds: range) -> None:
    os.environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"  # its own reserves gigabytes that it never touches
    module, _, name = case.partition(":")
    function = getattr(import_module(module), name)
    resource.setrlimit(resource.RLIMIT_DATA, (_LIMIT_DATA, _LIMIT_DATA))
    with (folder / _RECORDS).open("w") as records:
        for seed in seeds:
            outcome, fault = "fault", ""
            began = time.monotonic()
            # What the signals do by default, unlike handlers in Python, also ends a loop in C.
            longest = LIMIT_SECONDS * (6 if seed == seeds.start else 1)
            signal.setitimer(signal.ITIMER_PROF, longest)
            signal.alarm(6 * longest)
            try:
                outcome = function(folder, random.Random(seed))
            except Exception:
                fault = traceback.format_exc()[-3000:]
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.alarm(0)
            peak = _peak()
            if not fault and peak > LIMIT_MB:
                fault = f"{peak} MB, {outcome}, {time.monotonic() - began:.1f} s"
            records.write(json.dumps([seed, outcome, fault, peak]) + "\n")
            records.flush()
            if peak > LIMIT_MB:
                sys.exit()  # every seed behind it would be blamed too


def _peak() -> int:
    """VmHWM in MB (proc_pid_status(5))."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) // 1024


if __name__ == "__main__":
    _work(sys.argv[1], Path(sys.argv[2]), range(int(sys.argv[3]), int(sys.argv[4])))
