"""Releases: which model is served, what it was judged by, and how an earlier one is put back.

`releases/current.json` is the pointer: the manifest of what is served, or why
nothing is. A manifest that it pointed to before stands beside it under its own
name; `releases/decisions/` says of every candidate what became of it, and why.
"""

from earshot.releases.candidate import MADE_BY, candidate
from earshot.releases.commit import commit_release
from earshot.releases.files import fetch, is_cached
from earshot.releases.gate import Difference, Differences, Evidence, Verdict, judge, why_unpaired
from earshot.releases.history import (
    archive,
    best_first,
    keep_candidate,
    list_releases,
    read_decision,
    rolled_back,
    show_release,
    write_decision,
)
from earshot.releases.manifest import Manifest, NothingReleased, read_pointer, write_pointer
from earshot.releases.rollback import roll_back

__all__ = [
    "MADE_BY",
    "Difference",
    "Differences",
    "Evidence",
    "Manifest",
    "NothingReleased",
    "Verdict",
    "archive",
    "best_first",
    "candidate",
    "commit_release",
    "fetch",
    "is_cached",
    "judge",
    "keep_candidate",
    "list_releases",
    "read_decision",
    "read_pointer",
    "roll_back",
    "rolled_back",
    "show_release",
    "why_unpaired",
    "write_decision",
    "write_pointer",
]
