"""DVC: .dvc files, dvc.lock, the cache, the resolved pipeline. The only package that knows DVC."""

from earshot.versioning.cache import PreviousOutput, add_object, cache_folder, cache_path
from earshot.versioning.definitions import Definition, read_definition, read_definitions, split_target
from earshot.versioning.folders import add_folder, delivery_md5s, forget_hashes, ignored_files, writing
from earshot.versioning.garbage import Garbage, collect_garbage
from earshot.versioning.git import git_or_none
from earshot.versioning.kept_lock import keep_lockfile
from earshot.versioning.lockfile import (
    file_md5,
    folder_md5,
    previous_output,
    read_lock,
    running_process,
)
from earshot.versioning.mending import bring_back, is_whole, mend_all
from earshot.versioning.pipeline import INDEX, PipelineStage, Recorded, read_pipeline
from earshot.versioning.repair import repair
from earshot.versioning.reproduce import is_current, reproduce
from earshot.versioning.rwlock import writers
from earshot.versioning.used import (
    Inputs,
    changed_inputs,
    dep_md5s,
    differs_in_words,
    forget_used_inputs,
    inputs,
    note_made,
    recorded_inputs,
    recorded_truly,
    write_used_inputs,
)

__all__ = [
    "INDEX",
    "Definition",
    "Garbage",
    "Inputs",
    "PipelineStage",
    "PreviousOutput",
    "Recorded",
    "add_folder",
    "add_object",
    "bring_back",
    "cache_folder",
    "cache_path",
    "changed_inputs",
    "collect_garbage",
    "delivery_md5s",
    "dep_md5s",
    "differs_in_words",
    "file_md5",
    "folder_md5",
    "forget_hashes",
    "forget_used_inputs",
    "git_or_none",
    "ignored_files",
    "inputs",
    "is_current",
    "is_whole",
    "keep_lockfile",
    "mend_all",
    "note_made",
    "previous_output",
    "read_definition",
    "read_definitions",
    "read_lock",
    "read_pipeline",
    "recorded_inputs",
    "recorded_truly",
    "repair",
    "reproduce",
    "running_process",
    "split_target",
    "write_used_inputs",
    "writers",
    "writing",
]
