"""A workspace of the catalogue lane: its deliveries, its stages one by one, and DVC's cache after them."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd

from earshot.params import Params, load_params
from earshot.stages.paths import Paths
from earshot.versioning import PreviousOutput, cache_path


def file_md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


@dataclass
class Workspace:
    root: Path
    params: Params = field(default_factory=lambda: load_params(Path("params.yaml")))
    outputs: dict[str, str] = field(default_factory=dict)

    def deliver(
        self, name: str, songs: pd.DataFrame, files: Path | None = None, source: str = "test"
    ) -> None:
        """Take in a delivery: `songs` as songs.csv, the files of `files` under audio/."""
        folder = self.root / "data" / "deliveries" / name
        folder.mkdir(parents=True)
        songs.to_csv(folder / "songs.csv", index=False)
        (folder / "delivery.json").write_text(json.dumps({"source": source}))
        if files is not None:
            shutil.copytree(files, folder / "audio")
        listed = sorted((file_md5(path), str(path.relative_to(folder))) for path in folder.rglob("*.*"))
        index = folder.parent / "index.csv"
        lines = index.read_text() if index.exists() else "delivery,md5\n"
        md5 = hashlib.md5(json.dumps(listed).encode(), usedforsecurity=False).hexdigest()
        index.write_text(f"{lines}{name},{md5}.dir\n")

    def set(self, section: str, **values: Any) -> None:
        self.params = replace(self.params, **{section: replace(getattr(self.params, section), **values)})

    def paths(self, stage: str) -> Paths:
        output, work, failed = (
            self.root / ".earshot" / kind / stage for kind in ("output", "work", "failed")
        )
        shutil.rmtree(output, ignore_errors=True)
        for folder in (output, work, failed):
            folder.mkdir(parents=True, exist_ok=True)
        return Paths(
            self.root, output, work, failed, PreviousOutput(self.root / "cache", self.outputs.get(stage))
        )

    def run(self, stage: str) -> dict[str, Any]:
        """Run a stage; on success its output is in data/, and as DVC keeps it in the cache."""
        paths = self.paths(stage)
        summary: dict[str, Any] = import_module(f"earshot.stages.{stage}").run(paths, self.params)
        shutil.rmtree(paths.work)
        shutil.rmtree(paths.data(stage), ignore_errors=True)
        paths.output.rename(paths.data(stage))
        self.outputs[stage] = self._keep(paths.data(stage))
        return summary

    def _keep(self, folder: Path) -> str:
        """Copy all files of `folder` into the cache; the md5 of their manifest."""
        entries = []
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entries.append({"md5": file_md5(path), "relpath": str(path.relative_to(folder))})
            self._put(entries[-1]["md5"], path.read_bytes())
        manifest = json.dumps(entries).encode()
        md5 = hashlib.md5(manifest, usedforsecurity=False).hexdigest() + ".dir"
        self._put(md5, manifest)
        return md5

    def _put(self, md5: str, content: bytes) -> None:
        path = cache_path(self.root / "cache", md5)
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_bytes(content)

    def table(self, stage: str, name: str) -> pd.DataFrame:
        return pd.read_parquet(self.root / "data" / stage / f"{name}.parquet")

    def hashes(self, stage: str) -> dict[str, str]:
        folder = self.root / "data" / stage
        return {str(path.relative_to(folder)): file_md5(path) for path in folder.rglob("*") if path.is_file()}
