"""The models that were judged in a workspace, side by side: figures, decisions, what became of each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from earshot import releases, versioning
from earshot.checks import CANDIDATE
from earshot.errors import UserError
from earshot.evaluation.intervals import Interval
from earshot.foreign.checked_json import parse_object
from earshot.releases import Manifest
from earshot.releases.decision import Decision, Difference
from earshot.releases.history import decision_path
from earshot.releases.manifest import check_content

Kind = Literal["release", "candidate", "import"]
REPORT = "evaluation_report/metrics.json"
Against = Mapping[str, Mapping[str, Difference]]
"""By what it was held against, or among which songs, and by metric."""
_SHOWN = re.compile(r"auc|map_at_\d{1,6}")


@dataclass(frozen=True)
class JudgedModel:
    """A model, and what is known of it.

    Attributes
    ----------
    manifest
        Of its files.
    kind
        `release`: is or was served; `candidate`: was refused; `import`: came from elsewhere, and nobody has
        promoted it.
    serves
        It is what serves now.
    figures
        AUC and mAP@k of its own report by metric, with 95 % intervals over artists where the report is in
        DVC's cache, NaN without. Of models of different days they are of different songs.
    decision
        What was decided here; of an import, promoted or not, `claim` is what its archive said was decided
        elsewhere. Both are empty where nothing is known.
    """

    manifest: Manifest
    kind: Kind
    serves: bool
    figures: dict[str, Interval]
    decision: Decision
    claim: Decision | None

    @property
    def name(self) -> str:
        """Of the model."""
        return self.manifest.release

    @property
    def state(self) -> str:
        """What became of it, in a few words."""
        if self.serves:
            return "serves now"
        if self.kind == "import":
            return "imported, not promoted"
        if self.kind == "candidate":
            return "refused"
        back = self.decision.rolled_back_to
        return f"rolled back to {back}" if back else "served before"

    @property
    def told(self) -> Decision:
        """What is shown of the judging: of an import that was never judged here, its claim."""
        return self.claim if self.claim is not None and not self.decision.rules else self.decision

    @property
    def is_claim(self) -> bool:
        """Whether figures and decision are what an archive says, and were measured elsewhere."""
        return self.told is self.claim

    @property
    def paired(self) -> dict[str, Against]:
        """Paired differences of the judging, this model minus others, by what was asked of both."""
        told = self.told
        asked = {
            "On the same songs, minus": {**(told.differences or {}), **(told.baselines or {})},
            "Among the songs of a genre": told.genres or {},
            "Its lists, minus those of": told.lists or {},
        }
        return {name: found for name, found in asked.items() if found}


def read_models(root: Path) -> list[JudgedModel]:
    """Releases, the newest first, then refused candidates and imports, by name.

    Raises
    ------
    UserError
        A manifest or a decision that is damaged.
    """
    current = releases.read_pointer(root)
    serves = current.release if isinstance(current, Manifest) else None
    kinds: Iterable[tuple[Kind, list[Manifest]]] = (
        ("release", releases.list_releases(root)[::-1]),
        ("candidate", releases.list_candidates(root)),
        ("import", releases.list_imported(root)),
    )
    return [_read(root, kind, each, each.release == serves) for kind, found in kinds for each in found]


def _read(root: Path, kind: Kind, manifest: Manifest, serves: bool) -> JudgedModel:
    name, path = manifest.release, decision_path(root, manifest.release)
    decision = check_content(releases.read_decision(root, name) or {}, path, Decision)
    claimed = releases.imported_claim(root, name)
    claim = None if claimed is None else check_content(claimed, path, Decision)
    return JudgedModel(manifest, kind, serves, _figures(root, manifest), decision, claim)


def _figures(root: Path, manifest: Manifest) -> dict[str, Interval]:
    """Of its report where that is in DVC's cache, else the values that its manifest has."""
    md5 = manifest.files.get(REPORT)
    path = None if md5 is None else versioning.cache_path(versioning.cache_folder(root), md5)
    found: Any = manifest.metrics.get(CANDIDATE, {})
    if path is not None and path.is_file():
        try:
            systems = parse_object(path.read_bytes(), REPORT).get("systems")
        except UserError:  # somebody else's file: the manifest's values will do
            systems = None
        reported = systems.get(CANDIDATE) if isinstance(systems, dict) else None
        found = reported if isinstance(reported, dict) else found
    return {name: _interval(found, name) for name in sorted(found) if _SHOWN.fullmatch(name)}


def _interval(values: Mapping[str, Any], metric: str) -> Interval:
    ends = values.get(f"{metric}_ci95_artists")
    low, high = ends if isinstance(ends, list) and len(ends) == 2 else (None, None)
    return Interval(*(_number(each) for each in (values[metric], low, high)))


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else float("nan")
