"""Kills over the whole life of a workspace: `make soak-kills SEED=1 N=300`.

Every seed is a command in the state before it, a moment, and who is killed how. Afterwards
the command is said again, and everything must be as if nothing had been killed. A line a
seed goes to results.tsv; seeds that have one are not run again. What failed is kept.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pandas as pd
import psutil

from earshot.errors import UserError
from earshot.files import read_json, replace_json
from earshot.processes import die_with_parent, is_alive
from earshot.releases import list_candidates, list_releases
from earshot.terminal import on_one_line, say, tell
from tests.pipeline.lives import DAEMON, LIVES, States, differences, picture, snapshot, untouched
from tests.pipeline.test_arrival import recommended
from tests.pipeline.test_daemon_kills import at_work, processes
from tests.pipeline.workspace import PROJECT, Workspace

PLACE = PROJECT / ".earshot" / "soak-kills"
DELIVERIES = PLACE / "deliveries"
RESULTS = PLACE / "results.tsv"
HOW = ("one", "one", "all", "SIGTERM", "SIGINT")
"""One process of all, twice as often; all; the first is told to end; the group is, as by Ctrl-C."""
SECONDS_TO_START, SECONDS_TO_DIE, SECONDS_IN_ALL = 1.0, 15.0, 900.0


def main() -> None:
    """Run the seeds that have no line yet, two at a time, and sum up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the first")
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--only", choices=LIVES, nargs="+", help="seeds of these commands alone")
    asked = parser.parse_args()
    seeds = range(asked.seed, asked.seed + asked.count)
    done = results()
    wanted = [n for n in seeds if n not in done and drawn(n)[0] in (asked.only or LIVES)]
    PLACE.mkdir(parents=True, exist_ok=True)
    made = States(PLACE / fingerprint(), said)
    for name in sorted({drawn(seed)[0] for seed in wanted}):
        reference(made, name)
    with ProcessPoolExecutor(2, get_context("spawn"), die_with_parent) as pool:
        for line in as_completed([pool.submit(run_seed, made.folder, seed) for seed in wanted]):
            with RESULTS.open("a") as file:
                file.write("\t".join(line.result()) + "\n")
            tell("  ".join(line.result()))
    told = {seed: line for seed, line in results().items() if seed in seeds}
    verdicts = Counter((line[1], line[5]) for line in told.values())
    tell("\n".join(f"{name:10s} {verdict:7s} {count}" for (name, verdict), count in sorted(verdicts.items())))
    sys.exit(any(line[5] != "ok" for line in told.values()))


def results() -> dict[int, list[str]]:
    """The lines there are, by seed: seed, command, how, who, when, verdict, seconds, differences."""
    lines = RESULTS.read_text().splitlines() if RESULTS.is_file() else []
    return {int(line.split("\t")[0]): line.split("\t") for line in lines}


def drawn(seed: int) -> tuple[str, str, random.Random]:
    """The command, how it is killed, and the generator that says the rest."""
    chance = random.Random(seed)
    name = chance.choices(list(LIVES), [life.weight for life in LIVES.values()])[0]
    return name, chance.choice(HOW), chance


def fingerprint() -> str:
    """Of the code: after an edit the states are made anew."""
    code = ["src", "orchestration", "dvc.yaml", "params.yaml"]
    listed = subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard", *code], text=True)
    text = hashlib.blake2b(digest_size=6)
    for path in map(Path, listed.splitlines()):
        text.update(path.read_bytes() if path.is_file() else b"")
    return text.hexdigest()


def reference(made: States, name: str) -> tuple[dict[str, Any], float]:
    """The picture after the command `name` that nothing disturbs, and how many seconds it takes."""
    path = made.folder / f"{name}.json"
    if not path.is_file():
        made.folder.mkdir(parents=True, exist_ok=True)
        say(f"{name}: what it makes when nothing is killed ...")
        before = made[LIVES[name].state]
        workspace = snapshot(before, PLACE / "undisturbed")
        begun = time.monotonic()
        run_whole(workspace, filled(LIVES[name].command, before))
        seconds = time.monotonic() - begun
        replace_json(path, {"picture": picture(workspace), "seconds": seconds})
        shutil.rmtree(workspace.root)
    content = read_json(path)
    return content["picture"], content["seconds"]


def run_seed(states: Path, seed: int) -> list[str]:
    """Kill, say it again, look; the line of `seed`."""
    name, how, chance = drawn(seed)
    life, made = LIVES[name], States(states, said)
    wanted, seconds = reference(made, name)
    moment, before, begun = chance.uniform(0, seconds), made[life.state], time.monotonic()
    command = filled(life.command, before)
    as_it_was, workspace = untouched(before), snapshot(before, PLACE / "seeds" / str(seed))
    started = start(workspace, command)
    with suppress(subprocess.TimeoutExpired):
        started.wait(moment)
    who = kill(workspace, started, how, chance)
    wrong = ended(workspace, command, started)
    wrong += told_wrongly(workspace, started, moment) if life.ours and how.startswith("SIG") else []
    try:
        if started.returncode != 0:
            run_whole(workspace, command)
        wrong += differences(picture(workspace), wanted) + litter(workspace)
    except (UserError, AssertionError, OSError, ValueError) as error:
        wrong.append(f"said again: {error!r}"[-2000:])
    wrong += ["the snapshot was written to"] if untouched(before) != as_it_was else []
    if not wrong:
        shutil.rmtree(workspace.root)
        shutil.rmtree(temporary(workspace))
    when, took = f"{moment:.1f} of {seconds:.1f} s", f"{time.monotonic() - begun:.0f}"
    verdict = "FAILED" if wrong else "ok"
    return [str(seed), name, how, who, when, verdict, took, on_one_line("; ".join(wrong))]


def temporary(workspace: Workspace) -> Path:
    """Where the commands in `workspace` keep their temporary files; nothing may stay there."""
    folder = workspace.root.with_name(f"{workspace.root.name}-tmp")
    folder.mkdir(exist_ok=True)
    return folder


def filled(command: str, before: Workspace) -> str:
    """`command` with the names that it has in the state `before`."""
    refused, releases = list_candidates(before.root), list_releases(before.root)
    return command.format(
        refused=next((each.release for each in refused), ""),
        first=next((each.release for each in releases), ""),
        deliveries=DELIVERIES,
    )


def said(workspace: Workspace, command: str) -> None:
    """Say `command` on the way to a state."""
    run_whole(workspace, filled(command, workspace))


def start(workspace: Workspace, command: str) -> subprocess.Popen[str]:
    with (workspace.root / "log.txt").open("a") as log:
        log.write(f"$ {command}\n")
    return workspace.start(
        *command.split(), start_new_session=True, TMPDIR=str(temporary(workspace)), WANDB_MODE="offline"
    )


def run_whole(workspace: Workspace, command: str) -> None:
    """Run `command` to its end, the daemon to the end of its work; it must succeed."""
    started = start(workspace, command)
    if command == DAEMON:
        wait_for_daemon(workspace, started)
    else:
        code = started.wait(SECONDS_IN_ALL)
        assert code == 0, f"{command}: exit {code}: {log(workspace)[-1500:]}"


def wait_for_daemon(workspace: Workspace, started: subprocess.Popen[str]) -> None:
    """Until the delivery is recommended and nothing runs, started again if it ends before; then end it."""
    deadline = time.monotonic() + SECONDS_IN_ALL
    new_songs = set(pd.read_csv(DELIVERIES / "new-songs" / "songs.csv", dtype=str)["song_id"])
    calm = 0
    while calm < 3:
        assert time.monotonic() < deadline, f"the daemon came to no end: {log(workspace)[-1500:]}"
        time.sleep(2.0)
        if started.poll() is not None:
            started = start(workspace, DAEMON)
        calm = calm + 1 if new_songs <= recommended(workspace) and not at_work(workspace) else 0
    os.killpg(started.pid, signal.SIGINT)
    died(workspace)
    for each in processes(workspace):
        each.kill()
    started.wait()


def kill(workspace: Workspace, started: subprocess.Popen[str], how: str, chance: random.Random) -> str:
    """Kill, or tell to end; who it was."""
    found = sorted(processes(workspace), key=lambda process: process.pid)
    if started.poll() is not None or not found:
        return "nobody: it had ended"
    killed = [chance.choice(found)] if how == "one" else found
    who = "; ".join(described(each) for each in killed)
    with suppress(psutil.NoSuchProcess, ProcessLookupError):
        if how == "SIGTERM":
            os.kill(started.pid, signal.SIGTERM)
        elif how == "SIGINT":
            os.killpg(started.pid, signal.SIGINT)
        else:
            for each in killed:
                each.kill()
    return who if how == "one" else how


def described(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return on_one_line(" ".join(Path(word).name for word in process.cmdline()[:6]))[:80]
    return "one that ended"


def ended(workspace: Workspace, command: str, started: subprocess.Popen[str]) -> list[str]:
    """Wait for the end of what was killed, which may be the whole command's; who lives on."""
    if command == DAEMON and started.poll() is None:
        with suppress(subprocess.TimeoutExpired):
            started.wait(SECONDS_TO_DIE)
        if started.poll() is None:  # it goes on without the one
            wait_for_daemon(workspace, started)
    started.wait(SECONDS_IN_ALL)
    left = died(workspace)
    for each in left:
        each.kill()
    return [f"lives on: {', '.join(map(described, left))}"] if left else []


def died(workspace: Workspace) -> list[psutil.Process]:
    """Wait for all processes to end; those that do not."""
    deadline = time.monotonic() + SECONDS_TO_DIE
    while (left := processes(workspace)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return [each for each in left if is_alive(each)]


def told_wrongly(workspace: Workspace, started: subprocess.Popen[str], moment: float) -> list[str]:
    """What a command of ours did not do as it should when told to end, once Python had started."""
    if moment < SECONDS_TO_START and started.returncode in (-signal.SIGINT, -signal.SIGTERM):
        return []
    words = log(workspace)
    wrong = ["Traceback"] if "Traceback" in words else []
    if started.returncode not in (0, 130, 143):
        wrong.append(f"exit status {started.returncode}")
    elif started.returncode and words.count("interrupted; say it again") != 1:
        wrong.append("not one sentence")
    return [f"told to end: {', '.join(wrong)}: {words[-500:]}"] if wrong else []


def litter(workspace: Workspace) -> list[str]:
    root, own = workspace.root, temporary(workspace)
    found = [str(path.relative_to(root)) for path in root.rglob("*.tmp") if ".git" not in path.parts]
    found += [str(path.relative_to(own)) for path in own.iterdir()]
    return [f"left behind: {sorted(found)}"] if found else []


def log(workspace: Workspace) -> str:
    """What the newest command said."""
    return (workspace.root / "log.txt").read_text(errors="replace").rpartition("\n$ ")[2]


if __name__ == "__main__":
    main()
