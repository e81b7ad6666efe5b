"""Workspaces with deliveries taken in, as the stages that read them find them."""

import json
import shutil
from dataclasses import replace
from hashlib import md5
from pathlib import Path
from typing import Any

from earshot.files import write_json
from earshot.params import Params, load_params
from earshot.stages.paths import Paths
from earshot.versioning import PreviousOutput, cache_path

PARAMS = load_params(Path(__file__).parents[2] / "params.yaml")


def deliver(root: Path, name: str, **files: str | dict[str, str]) -> Path:
    """Add a delivery to data/deliveries/ and its index; `plays="..."` is the text of plays.csv."""
    folder = root / "data" / "deliveries" / name
    folder.mkdir(parents=True)
    for stem, content in files.items():
        path = folder / (f"{stem}.csv" if isinstance(content, str) else f"{stem}.json")
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    index = folder.parent / "index.csv"
    before = index.read_text() if index.is_file() else "delivery,md5\n"
    content_md5 = md5(repr(sorted(files.items())).encode()).hexdigest()
    index.write_text(f"{before}{name},{content_md5}.dir\n")
    return folder


def paths_of(root: Path, stage: str) -> Paths:
    """Folders for one run of `stage`; what it wrote before is in a cache, its output is empty."""
    definition = {"cmd": stage, "deps": [], "outs": [f"data/{stage}"]}
    write_json(root / "dvc.yaml", {"stages": {stage: definition}})
    output = root / "data" / stage
    previous = PreviousOutput(root / "cache", into_cache(root / "cache", output))
    shutil.rmtree(output, ignore_errors=True)
    folders = [output, root / "work", root / "failed"]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    return Paths(root, *folders, previous)


def into_cache(cache: Path, output: Path) -> str | None:
    """Keep the files of `output` as DVC does; the md5 of the folder."""
    if not output.is_dir():
        return None
    files = [path for path in sorted(output.rglob("*")) if path.is_file()]
    entries = [
        {"md5": _keep(cache, path.read_bytes()), "relpath": path.relative_to(output).as_posix()}
        for path in files
    ]
    return _keep(cache, json.dumps(entries).encode(), ".dir")


def _keep(cache: Path, content: bytes, suffix: str = "") -> str:
    name = md5(content).hexdigest() + suffix
    cache_path(cache, name).parent.mkdir(parents=True, exist_ok=True)
    cache_path(cache, name).write_bytes(content)
    return name


def params_with(section: str, **values: Any) -> Params:
    """params.yaml with some values of a section changed."""
    return replace(PARAMS, **{section: replace(getattr(PARAMS, section), **values)})


def contents(folder: Path) -> dict[str, bytes]:
    """All files below `folder`."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
