"""Whom a candidate is held against: what is released, and the earlier releases that are scored again."""

from __future__ import annotations

from dataclasses import dataclass, replace

from earshot import releases
from earshot.releases import Manifest, NothingReleased
from earshot.stages.paths import Paths
from earshot.store.reader import HyperImageStore

MOST_KEPT = 10
"""Releases that are scored again, beside the one that is served."""


@dataclass(frozen=True)
class Rivals:
    """Whom a candidate is held against.

    Attributes
    ----------
    unpaired
        From `releases.why_unpaired`.
    paired
        What is released, if it can be paired; or nothing.
    other_split
        What is released, if it hears the same but other songs were cold to it; or nothing.
    kept
        Earlier releases that are scored again.
    not_cached, not_scored
        Releases that are not scored again: their files are not in DVC's cache, or `MOST_KEPT` are.
    """

    unpaired: str | None
    paired: dict[str, Manifest]
    other_split: dict[str, Manifest]
    kept: dict[str, Manifest]
    not_cached: list[str]
    not_scored: list[str]


def find_rivals(paths: Paths, candidate: Manifest, current: Manifest | NothingReleased) -> Rivals:
    """Out of the releases of the workspace, by what the snapshot holds."""
    store = HyperImageStore.open(paths.data("training_set") / "hyper_images")
    families = {name: family.key for name, family in store.families.items()}
    unpaired = releases.why_unpaired(candidate, current, families)
    paired, other_split = {}, {}
    if isinstance(current, Manifest) and unpaired is None:
        paired = {current.release: current}
    elif isinstance(current, Manifest):
        with_this_split = replace(current, split=candidate.split)
        if releases.why_unpaired(candidate, with_this_split, families) is None:
            other_split = {current.release: current}
    alike = [
        release
        for release in releases.alike(paths.root, candidate, families)
        if release.release not in (candidate.release, *paired) and release.derived_from is None
    ]
    cached = [release for release in alike if releases.is_cached(release, paths.root)]
    return Rivals(
        unpaired,
        paired,
        other_split,
        {release.release: release for release in cached[:MOST_KEPT]},
        [release.release for release in alike if release not in cached],
        [release.release for release in cached[MOST_KEPT:]],
    )
