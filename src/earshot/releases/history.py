"""Earlier releases, and what became of every candidate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from earshot.errors import UserError
from earshot.files import replace_json
from earshot.forgotten import forgotten_on
from earshot.params import Params
from earshot.releases.decision import IMPORTED
from earshot.releases.manifest import (
    Manifest,
    pointer_path,
    read_json_object,
    read_manifest,
    read_pointer,
    write_pointer,
)
from earshot.releases.quarantine import check_claim, imported_path, list_all_imported, read_imported
from earshot.trusted import named_classes, trusted_in
from earshot.workspace import not_yet


def archive_path(root: Path, name: str) -> Path:
    """Where the manifest of a release that is no longer served stands."""
    return root / "releases" / f"{name}.json"


def archive(root: Path, release: Manifest) -> None:
    """Keep the manifest of `release`, which another one is about to replace.

    Written when it is replaced and not when it is released: a run that ends
    between its manifest and the pointer leaves no release that never was one.
    """
    if not archive_path(root, release.release).is_file():
        write_pointer(archive_path(root, release.release), release)


def list_releases(root: Path) -> list[Manifest]:
    """All that is or was served, oldest first."""
    archived = sorted((root / "releases").glob("*.json"))
    releases = {path.stem: read_manifest(path) for path in archived if path != pointer_path(root)}
    current = read_pointer(root)
    if isinstance(current, Manifest):
        releases[current.release] = current
    return sorted(releases.values(), key=lambda release: (release.number, release.release))


def find_release(root: Path, name: str, refused: bool = False) -> Manifest:
    """The release `name` (its first letters are enough), or with `refused` also what was refused or imported.

    Raises
    ------
    UserError
        None of that name, or more than one; those there are are listed. Or it was forgotten.
    """
    releases = list_releases(root)
    releases += [*list_candidates(root), *list_imported(root)] if refused else []
    found = [release for release in releases if name and release.release.startswith(name)]
    asked = found[0].release if len(found) == 1 else name
    if len(found) < 2 and (gone := forgotten_on(root, asked)):  # an older commit has its manifest
        raise UserError(f"release {asked!r}: {gone}")
    if len(found) == 1:
        return found[0]
    if not releases:
        raise not_yet(root, f"release {name!r}: no such release; there are none yet")
    there = ", ".join(release.release for release in found or releases)
    raise UserError(
        f"release {name!r}: {'more than one' if found else 'no such release'}; there are: {there}"
    )


def show_release(root: Path, name: str) -> dict[str, Any]:
    """The manifest of `name`, of whatever kind, whether it is served now, and the decision on it.

    `imported`: what the archive claimed that it came in, null where it was trained here.
    """
    release, current = find_release(root, name, refused=True), read_pointer(root)
    served = isinstance(current, Manifest) and current.release == release.release
    return {
        **asdict(release),
        "served": served,
        "imported": imported_claim(root, release.release),
        "decision": read_decision(root, release.release),
    }


def keep_candidate(root: Path, candidate: Manifest) -> None:
    """Keep the manifest of a candidate that was refused, so that a person may still promote it."""
    candidate_path(root, candidate.release).parent.mkdir(parents=True, exist_ok=True)
    write_pointer(candidate_path(root, candidate.release), candidate)


def candidate_path(root: Path, name: str) -> Path:
    """Where the manifest of a candidate that was refused stands."""
    return root / "releases" / "candidates" / f"{name}.json"


def list_candidates(root: Path) -> list[Manifest]:
    """All that were refused and never promoted, by name."""
    released = {release.release for release in list_releases(root)}
    kept = map(read_manifest, sorted((root / "releases" / "candidates").glob("*.json")))
    return [candidate for candidate in kept if candidate.release not in released]


def list_imported(root: Path) -> list[Manifest]:
    """All that were imported and never promoted, by name."""
    known = {release.release for release in [*list_releases(root), *list_candidates(root)]}
    return [imported for imported in list_all_imported(root) if imported.release not in known]


def imported_claim(root: Path, name: str) -> dict[str, Any] | None:
    """The decision that the archive of `name` came with, promoted or not; None for what was trained here."""
    decision = read_decision(root, name)
    if decision is not None:
        claim: dict[str, Any] | None = decision.get(IMPORTED)
        return claim
    path = imported_path(root, name)
    return read_imported(path).claim if path.is_file() else None


def first_decision(root: Path, name: str) -> dict[str, Any]:
    """What is known of `name` before anything was decided of it: for an import, what its archive claims."""
    claim = imported_claim(root, name)
    return {"candidate": name} | ({} if claim is None else {IMPORTED: claim})


def trusted_classes(root: Path, name: str, params: Params) -> frozenset[str]:
    """Classes that the encoder of the release `name` may be made of, beside earshot's own.

    Those that params.yaml names, and for a model trained here those that it was trained with.
    """
    here = [
        each for each in list_releases(root) if each.release == name and imported_claim(root, name) is None
    ]
    return trusted_in(params).union(
        *(named_classes(each.params.get("cnn_checkpoint", {}).get("encoder")) for each in here)
    )


def alike(root: Path, like: Manifest, families: Mapping[str, str]) -> list[Manifest]:
    """Releases that share the images and the split of `like`, by the AUC of their own decisions, best first.

    Of families beside the image they may read those of `families`, keys by name.

    The figures are of different days: they only say which ones to score again first. What
    an archive claims is no figure: a promoted import comes last until it is measured here.
    """
    comparable = [
        release
        for release in list_releases(root)
        if (release.feature_key, release.split) == (like.feature_key, like.split)
        and release.families.items() <= families.items()
    ]
    return sorted(comparable, key=lambda release: _decided_auc(root, release), reverse=True)


def _decided_auc(root: Path, release: Manifest) -> float:
    metrics = (read_decision(root, release.release) or {}).get("metrics") or {}
    return float(metrics.get("candidate", {}).get("auc") or 0)


def decision_path(root: Path, name: str) -> Path:
    """Where the decision on the candidate or release `name` stands."""
    return root / "releases" / "decisions" / f"{name}.json"


def read_decision(root: Path, name: str) -> dict[str, Any] | None:
    """What was decided of the candidate `name`; None where nothing was. Errors as in `check_claim`."""
    path = decision_path(root, name)
    return check_claim(read_json_object(path), path) if path.is_file() else None


def write_decision(root: Path, name: str, decision: dict[str, Any]) -> None:
    """Write what was decided of the candidate `name`, whole or not at all."""
    decision_path(root, name).parent.mkdir(parents=True, exist_ok=True)
    replace_json(decision_path(root, name), decision)


def rolled_back(root: Path, name: str) -> str | None:
    """The release that a person put in the place of `name`; None where nobody did."""
    put_back: str | None = (read_decision(root, name) or {}).get("rolled_back_to")
    return put_back
