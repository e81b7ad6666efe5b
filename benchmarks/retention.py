"""A workspace after years: what DVC's and earshot's walks over shards and deliveries take.

    python benchmarks/retention.py [SHARDS] [DELIVERIES] [FOLDER]

Every stage counts as run, on made files of a few bytes each: the walks go by number, not by size. In
FOLDER, which must not be there, the workspace stays. The last line is JSON: shards, deliveries, and of
`dvc status dvc.yaml`, `dvc repro` of a stage that is up to date, `earshot status` and `earshot gc` (which
removes nothing) seconds, CPU seconds, the peak of their memory and what they say last.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from hashlib import md5
from pathlib import Path
from typing import Any

from earshot.files import link, parse_yaml
from earshot.validation.parts import PART_FILES
from earshot.versioning import cache_path

PROJECT = Path(__file__).parents[1]
COMMANDS = {
    "dvc_status": ("dvc", "status", "dvc.yaml"),
    "dvc_repro": ("dvc", "repro", "--single-item", "pages"),
    "earshot_status": ("earshot", "status"),
    "earshot_gc": ("earshot", "gc"),
}


def main(shards: int = 1600, deliveries: int = 10_000, folder: str | None = None) -> None:
    """Make the workspace, then measure each command in a process of its own."""
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(folder or f"{temporary}/workspace")
        copy_project(root)
        deliver(root, deliveries)
        make_outputs(root, shards, [f"d{n:05d}" for n in range(deliveries)])
        measured = {name: measure(root, *command) for name, command in COMMANDS.items()}
    print(json.dumps({"shards": shards, "deliveries": deliveries} | measured))


def copy_project(root: Path) -> None:
    """What git knows of the project, as a repository of its own."""
    root.mkdir(parents=True)
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=PROJECT, stdout=subprocess.PIPE, check=True)
    subprocess.run(["tar", "-x", "-C", root], input=archive.stdout, check=True)
    for arguments in (("init", "--quiet"), ("add", "."), ("commit", "--quiet", "--message", "clone")):
        identity = ("-c", "user.name=benchmark", "-c", "user.email=benchmark@example.org")
        subprocess.run(["git", *identity, *arguments], cwd=root, check=True)


def deliver(root: Path, deliveries: int) -> None:
    """Folders of one song each with their .dvc files and objects, as `earshot ingest` leaves them."""
    folder, cache = root / "data" / "deliveries", root / ".dvc" / "cache" / "files" / "md5"
    folder.mkdir(parents=True, exist_ok=True)
    index = ["delivery,md5"]
    for n in range(deliveries):
        name, content = f"d{n:05d}", f"song_id\ns{n}\n".encode()
        file = write_object(cache, md5(content).hexdigest(), content)
        (folder / name).mkdir()
        link(file, folder / name / "songs.csv")
        listed = json.dumps([{"md5": md5(content).hexdigest(), "relpath": "songs.csv"}]).encode()
        whole = f"{md5(listed).hexdigest()}.dir"
        write_object(cache, whole, listed)
        recorded = (
            f"outs:\n- md5: {whole}\n  size: {len(content)}\n  nfiles: 1\n  hash: md5\n  path: {name}\n"
        )
        (folder / f"{name}.dvc").write_text(recorded)
        index.append(f"{name},{whole}")
    (folder / "index.csv").write_text("\n".join(index) + "\n")


def write_object(cache: Path, name: str, content: bytes) -> Path:
    """An object of DVC's cache, read-only as DVC leaves it."""
    place = cache_path(cache, name)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    place.chmod(0o444)
    return place


def make_outputs(root: Path, shards: int, deliveries: list[str]) -> None:
    """What every stage writes, by its number of files, recorded in dvc.lock."""
    stages = parse_yaml((root / "dvc.yaml").read_text())["stages"]
    outs = [
        out if isinstance(out, str) else next(iter(out)) for each in stages.values() for out in each["outs"]
    ]
    for out in outs:
        place = root / out
        if place.suffix:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text('{"release": null, "reason": "made to be measured"}')
        else:
            write_files(place, ["made.txt"])
    write_files(root / "data" / "raw_audio" / "parts", [f"{name}.parquet" for name in deliveries])
    for name in deliveries:
        write_files(root / "data" / "play_counts" / "parts" / name, PART_FILES)
    named = [f"{n:04d}.{kind}" for n in range(shards) for kind in ("npy", "parquet")]
    write_files(root / "data" / "hyper_images" / "shards", named)
    write_files(root / "data" / "training_set" / "hyper_images" / "shards", named)
    run(root, "dvc", "commit", "--quiet", "--force", "dvc.yaml")


def write_files(folder: Path, names: Sequence[str]) -> None:
    """Files that hold their own name, and that of their folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text(f"{folder.name}/{name}")


def run(root: Path, *command: str) -> None:
    """A command of this environment, which must succeed."""
    subprocess.run(command, cwd=root, env=environment(root), check=True)


def environment(root: Path) -> dict[str, str]:
    """In which the workspace's own code runs."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    inherited = [str(root / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PATH": path, "PYTHONPATH": os.pathsep.join(inherited)}


def measure(root: Path, *command: str) -> dict[str, Any]:
    """Seconds, CPU seconds and peak memory of a command; `earshot status` exits with 1 where work waits."""
    started = time.perf_counter()
    log = root / ".earshot" / "measured.txt"
    log.parent.mkdir(exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=root, env=environment(root), stdout=output, stderr=output)
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)  # as Popen would have found it
    said = log.read_text()
    if process.returncode not in (0, 1) or "Traceback" in said or said.startswith("error"):
        raise RuntimeError(f"{' '.join(command)}: exit status {process.returncode}\n{said}")
    seconds = {"seconds": time.perf_counter() - started, "cpu_seconds": used.ru_utime + used.ru_stime}
    return {name: round(value, 1) for name, value in seconds.items()} | {
        "peak_gb": round(used.ru_maxrss / 1e6, 2),
        "says": said.splitlines()[-1] if said else "",
    }


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]), *sys.argv[3:4])
