"""Releases: which model is served, what it was judged by, and how an earlier one is put back.

`releases/current.json` is the pointer: the manifest of what is served, or why
nothing is. A manifest that it pointed to before stands beside it under its own
name; `releases/decisions/` says of every candidate what became of it, and why.
`releases/imported/` holds what came from elsewhere and nobody has promoted.
"""

from earshot.releases.audit import clean_cache, trace, verify
from earshot.releases.by_hand import commit_release, gate_said, nothing_released, promote, roll_back
from earshot.releases.candidate import MADE_BY, candidate, code_of
from earshot.releases.decision import refit_check
from earshot.releases.files import fetch, is_cached
from earshot.releases.gate import Difference, Differences, Evidence, Verdict, judge, why_unpaired
from earshot.releases.history import (
    alike,
    archive,
    imported_claim,
    keep_candidate,
    list_candidates,
    list_imported,
    list_releases,
    read_decision,
    rolled_back,
    show_release,
    trusted_classes,
    write_decision,
)
from earshot.releases.manifest import Manifest, NothingReleased, read_pointer, write_pointer
from earshot.releases.model_card import ModelCard
from earshot.releases.portable import export_release, import_release
from earshot.releases.shared import import_shared, is_shared, read_card

__all__ = [
    "MADE_BY",
    "Difference",
    "Differences",
    "Evidence",
    "Manifest",
    "ModelCard",
    "NothingReleased",
    "Verdict",
    "alike",
    "archive",
    "candidate",
    "clean_cache",
    "code_of",
    "commit_release",
    "export_release",
    "fetch",
    "gate_said",
    "import_release",
    "import_shared",
    "imported_claim",
    "is_cached",
    "is_shared",
    "judge",
    "keep_candidate",
    "list_candidates",
    "list_imported",
    "list_releases",
    "nothing_released",
    "promote",
    "read_card",
    "read_decision",
    "read_pointer",
    "refit_check",
    "roll_back",
    "rolled_back",
    "show_release",
    "trace",
    "trusted_classes",
    "verify",
    "why_unpaired",
    "write_decision",
    "write_pointer",
]
