"""DVC: .dvc files, dvc.lock, the cache, the resolved pipeline. The only package that knows DVC."""

from earshot.versioning.cache import PreviousOutput, cache_folder, cache_path
from earshot.versioning.lockfile import (
    Definition,
    Inputs,
    file_md5,
    inputs,
    previous_output,
    read_definition,
    read_lock,
    recorded_inputs,
)

__all__ = [
    "Definition",
    "Inputs",
    "PreviousOutput",
    "cache_folder",
    "cache_path",
    "file_md5",
    "inputs",
    "previous_output",
    "read_definition",
    "read_lock",
    "recorded_inputs",
]
