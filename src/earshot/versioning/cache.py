"""DVC's cache: objects by md5."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from earshot.files import link, replacing
from earshot.processes import remove_litter


@dataclass(frozen=True)
class PreviousOutput:
    """What a stage wrote at its last success, read out of DVC's cache.

    The output folder itself is gone by then: DVC removes it before a stage
    runs. An unchanged file is linked from here instead of being made again.
    """

    cache: Path
    md5: str | None

    @cached_property
    def files(self) -> dict[str, str]:
        """md5 of every file by its path inside the output; empty where nothing was recorded or cached."""
        if self.md5 is None or not self.md5.endswith(".dir"):
            return {}
        manifest = cache_path(self.cache, self.md5)
        if not manifest.is_file():
            return {}
        try:
            return {entry["relpath"]: entry["md5"] for entry in json.loads(manifest.read_bytes())}
        except (ValueError, TypeError, KeyError):  # damaged: as good as lost
            return {}

    def find(self, name: str) -> Path | None:
        """The file `name`, to be read; None where the cache does not hold it."""
        md5 = self.files.get(name)
        if md5 is None or not cache_path(self.cache, md5).is_file():
            return None
        return cache_path(self.cache, md5)

    def link(self, name: str, destination: Path) -> bool:
        """Link the file `name` to `destination`; False where the cache does not hold it."""
        found = self.find(name)
        if found is None:
            return False
        destination.parent.mkdir(parents=True, exist_ok=True)
        link(found, destination)
        return True


def cache_path(cache: Path, md5: str) -> Path:
    """Where DVC's cache keeps the object `md5`."""
    return cache / md5[:2] / md5[2:]


def add_object(cache: Path, md5: str, source: Path) -> None:
    """Put the file `source`, whose md5 it is, into the cache; it appears whole or not at all."""
    place = cache_path(cache, md5)
    place.parent.mkdir(parents=True, exist_ok=True)
    remove_litter(cache.parent)
    with replacing(place, cache.parent) as beside:
        shutil.copyfile(source, beside)
        beside.chmod(0o444)  # DVC trusts what is read-only


def cache_folder(root: Path) -> Path:
    """Where DVC keeps objects by md5."""
    from dvc.config import Config

    configured = Config(str(root / ".dvc")).get("cache", {}).get("dir")
    cache = Path(configured) if configured else root / ".dvc" / "cache"
    return cache / "files" / "md5"
