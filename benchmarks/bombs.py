"""Files made to take all memory and time, given to the commands that a stranger's file comes to.

    python benchmarks/bombs.py [MEGABYTES]

Each command runs as a user would say it, in a process of its own; MEGABYTES (600) is the size of the
largest files. It must refuse in words, under 10 s and with less than 1 GB. The floor is `cp` of the same
file to /dev/null, from the page cache, and the start of Python with earshot's imports of that command.

A line of JSON each: bomb, command, megabytes, seconds, cpu_seconds, peak_mb (of the largest process), floor
(seconds), x_floor, exit, said (the last line).
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

MEGA = 1_000_000
PLAYS = b"user_id,song_id\n"
DOOR, TABLE, LISTENS, LASTFM, MSD = (
    "ingest",
    "import table",
    "import listenbrainz",
    "import lastfm",
    "import msd",
)


def main(megabytes: int = 600) -> None:
    """Make, refuse and remove one bomb after the other."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder) / "workspace"
        (workspace / "songs").mkdir(parents=True)
        (workspace / "songs" / "songs.csv").write_text("song_id,artist,title\ns,Ada,A\n")
        _repository(workspace)
        for name, (command, make) in bombs(megabytes * MEGA).items():
            place = workspace / "bomb"
            place.mkdir()
            path = place / name.split(" ")[0]
            make(path)
            told = measured(_said(command, path), workspace)
            floor = _seconds(["cp", str(path), "/dev/null"], workspace)
            floor += _seconds(_said(command, None), workspace)
            told |= {"floor": round(floor, 2), "x_floor": round(told["seconds"] / floor, 1)}
            size = path.stat().st_size // MEGA
            print(json.dumps({"bomb": name, "command": command, "megabytes": size} | told), flush=True)
            path.unlink()
            place.rmdir()


def bombs(size: int) -> dict[str, tuple[str, Callable[[Path], object]]]:
    """By file name and what is in it: the command that it is given to, and how to make it."""
    half_rows = _repeated(PLAYS, b"aa,\n", size)
    return {
        "plays.csv half rows": (DOOR, half_rows),
        "plays.csv newlines": (DOOR, _repeated(PLAYS, b"\n", size)),
        "plays.csv ids of 1 MiB": (DOOR, _repeated(PLAYS, b"a" * ((1 << 20) - 1) + b",s\n", size)),
        "log.csv half rows": (TABLE, half_rows),
        "log.csv newlines": (TABLE, _repeated(PLAYS, b"\n", size)),
        "log.csv ids of 1 MiB": (TABLE, _repeated(PLAYS, b"a" * ((1 << 20) - 1) + b",s\n", size)),
        "a.jsonl values of 8 MiB": (LISTENS, _repeated(b"", b'{"a":"' + b"x" * (8 << 20) + b'"}\n', size)),
        "a.jsonl short lines": (LISTENS, _repeated(b"", b"{}\n", size)),
        "a.tar.gz tiny members": (LISTENS, lambda path: _tar(path, size // 1_200)),
        "a.csv scrobbles of nobody": (LASTFM, _repeated(b"uts,utc_time,artist,track\n", b"1,,x,y\n", size)),
        "a.csv a line of brackets": (LASTFM, _repeated(b"", b"[", size)),
        "a.json brackets": (LASTFM, _repeated(b"", b"[", size)),
        "train_triplets.txt half rows": (MSD, _repeated(b"", b"a\tb\t\n", size)),
        "train_triplets.txt one line": (MSD, _repeated(b"", b"a", size)),
    }


def _repeated(head: bytes, row: bytes, size: int) -> Callable[[Path], object]:
    def make(path: Path) -> None:
        block = row * max(1, MEGA // len(row))
        with path.open("wb") as written:
            written.write(head)
            for _ in range(size // len(block)):
                written.write(block)

    return make


def _tar(path: Path, members: int) -> None:
    with gzip.open(path, "wb", compresslevel=1) as packed, tarfile.open(fileobj=packed, mode="w|") as archive:
        for number in range(members):
            member = tarfile.TarInfo(f"{number}.jsonl")
            member.size = 3
            archive.addfile(member, BytesIO(b"{}\n"))


def _said(command: str, path: Path | None) -> list[str]:
    """The command for the bomb at `path`; without one, its help."""
    words = [sys.executable, "-m", "earshot", *command.split()]
    if path is None:
        return [*words, "--help"]
    options = {
        DOOR: [str(path.parent)],
        TABLE: [str(path), "--user", "user_id", "--song", "song_id", "--output", "made"],
        MSD: [str(path), "--output", "made"],
    }
    return words + options.get(command, [str(path), "--songs", "songs", "--user", "ada", "--output", "made"])


def _repository(root: Path) -> None:
    here = Path(__file__).parents[1]
    for name in ("params.yaml", "dvc.yaml", ".dvcignore"):
        (root / name).write_bytes((here / name).read_bytes())
    (root / ".dvc").mkdir()
    (root / ".dvc" / "config").write_bytes((here / ".dvc" / "config").read_bytes())
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)


def measured(command: list[str], workspace: Path) -> dict[str, Any]:
    """What a command takes, and its last line."""
    started = time.perf_counter()
    with subprocess.Popen(
        command,
        cwd=workspace,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1] / "src")},
    ) as running:
        assert running.stdout is not None
        said = running.stdout.read().decode(errors="replace").split("\n")
        _, status, used = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
    return {
        "seconds": round(time.perf_counter() - started, 2),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 2),
        "peak_mb": used.ru_maxrss * 1024 // MEGA,
        "exit": running.returncode,
        "said": next((line for line in reversed(said) if line.strip()), "")[-300:],
    }


def _seconds(command: list[str], workspace: Path) -> float:
    return float(measured(command, workspace)["seconds"])


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
