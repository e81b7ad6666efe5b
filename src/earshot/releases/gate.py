"""When a candidate is released: differences are candidate minus the other, with paired 95 % intervals.

Every rule is judged and told; one that does not hold is enough to refuse.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from earshot.releases.manifest import Manifest, NothingReleased

Difference = dict[str, float | None]
"""`value`, `low`, `high`; None where the artists are too few to say."""
Differences = dict[str, Difference]
"""By metric, `auc` and `map_at_500`."""

STOPPING = ("objective_falls", "cnn_mse_beats_random", "cnn_mse_beats_shuffled_content")
"""Checks of the training lane without which nothing is released.

A factorization that does not converge puts every song in a place of no meaning, and
an encoder that does not beat chance hears nothing, however bad the release is that
it is compared with. All other checks are warnings: a first epoch that was the best
one, or a candidate that cannot be told from the upper bound, need not make worse
lists, and what they make of them is measured here. What is wrong with delivered
data stops the stage that finds it, long before.
"""


@dataclass(frozen=True)
class Rule:
    """One thing that a released candidate must keep, whether it does, and in words."""

    name: str
    passed: bool
    told: str


@dataclass(frozen=True)
class Verdict:
    """Whether a candidate is released, why in words, and all rules it was held to."""

    released: bool
    reason: str
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """What is known of a candidate.

    Attributes
    ----------
    against
        Differences to the release alone; where there is none to pair with, to
        every system that a first candidate must beat.
    unpaired
        From `why_unpaired`.
    best
        Differences to the best release kept, by its name; empty where that is the release itself.
    genres
        Differences to the release among the songs of each large genre.
    checks
        Those in the summaries of the candidate's stages (`earshot.stages.checks`).
    """

    against: dict[str, Differences]
    unpaired: str | None
    best: dict[str, Differences] = field(default_factory=dict)
    genres: dict[str, Differences] = field(default_factory=dict)
    checks: tuple[dict[str, Any], ...] = ()


def why_unpaired(candidate: Manifest, current: Manifest | NothingReleased) -> str | None:
    """Why the two cannot be compared on the same songs; None where they can."""
    if isinstance(current, NothingReleased):
        return "nothing is released yet"
    if candidate.feature_key != current.feature_key:
        keys = f"feature key {current.feature_key}, now {candidate.feature_key}"
        return f"{current.release} hears other hyper-images ({keys})"
    if candidate.split != current.split:
        return f"{current.release} has another split ({current.split}, now {candidate.split})"
    return None


def judge(evidence: Evidence, epsilon: float) -> Verdict:
    """Judge a candidate by all that is known of it.

    The reason is what the broken rules tell; where none is, what the first one tells.
    """
    rules = (_overall(evidence, epsilon), *_others(evidence, epsilon))
    broken = [rule for rule in rules if not rule.passed]
    return Verdict(not broken, "; ".join(rule.told for rule in broken or rules[:1]), rules)


def _overall(evidence: Evidence, epsilon: float) -> Rule:
    if evidence.unpaired is None:
        ((name, differences),) = evidence.against.items()
        return judge_against(name, differences, epsilon)
    first = judge_first(evidence.against)
    return Rule(first.name, first.passed, f"{first.told}; judged as a first candidate: {evidence.unpaired}")


def _others(evidence: Evidence, epsilon: float) -> Iterable[Rule]:
    for name, differences in evidence.best.items():
        yield judge_against_best(name, differences, epsilon)
    for genre, differences in evidence.genres.items():
        yield judge_genre(genre, differences, epsilon)
    yield judge_checks(evidence.checks)


def judge_first(against: dict[str, Differences]) -> Rule:
    """A first candidate beats every system of `against`: all intervals lie above 0.

    Example
    -------
    >>> judge_first({"random": {"auc": {"value": 0.2, "low": 0.1, "high": 0.3}}}).told
    'beats random (auc +0.200 [+0.100, +0.300])'
    """
    lost = [name for name, differences in against.items() if not _all_above(differences, 0)]
    shown = ", ".join(f"{name} ({_show(against[name])})" for name in lost or against)
    return Rule("first", not lost, f"{'does not beat' if lost else 'beats'} {shown}")


def judge_against(release: str, differences: Differences, epsilon: float) -> Rule:
    """A later candidate is not worse than `release`: all intervals lie above -epsilon.

    Example
    -------
    >>> judge_against("5f", {"auc": {"value": 0.0, "low": -0.1, "high": 0.1}}, epsilon=0.02).told
    'may be worse than 5f (auc +0.000 [-0.100, +0.100]; -0.02 allowed)'
    """
    passed = _all_above(differences, -epsilon)
    told = "is not worse than" if passed else "may be worse than"
    return Rule("release", passed, f"{told} {release} ({_show(differences)}; -{epsilon:g} allowed)")


def judge_against_best(release: str, differences: Differences, epsilon: float) -> Rule:
    """All intervals against the best release kept lie above -2 epsilon: small losses must not add up."""
    passed = _all_above(differences, -2 * epsilon)
    told = "has lost no more than is allowed to" if passed else "may have lost too much to"
    shown = f"{_show(differences)}; -{2 * epsilon:g} allowed"
    return Rule("best_release", passed, f"{told} {release}, the best release kept ({shown})")


def judge_genre(genre: str, differences: Differences, epsilon: float) -> Rule:
    """A genre stops a candidate that has clearly lost more than epsilon there: an interval ends below it.

    The catalogue as a whole must be shown to be no worse. A genre has too few songs
    to show that; and of a dozen genres one ends below 0 by chance alone, so what
    must be shown here is a loss, and one that is not allowed anywhere.

    Example
    -------
    >>> judge_genre("jazz", {"auc": {"value": -0.2, "low": -0.3, "high": -0.1}}, epsilon=0.02).passed
    False
    """
    highs = [difference["high"] for difference in differences.values()]
    passed = not any(high is not None and high < -epsilon for high in highs)
    told = f"{'is not clearly worse' if passed else 'is clearly worse'} in {genre}"
    return Rule(f"genre {genre}", passed, f"{told} ({_show(differences)}; -{epsilon:g} allowed)")


def judge_checks(checks: Iterable[dict[str, Any]]) -> Rule:
    """Every check of `STOPPING` was made and has passed; others that have not are told."""
    passed = {check["name"]: check["passed"] for check in checks}
    stopping = [f"{name} {_outcome(passed.get(name))}" for name in STOPPING if not passed.get(name)]
    warned = [name for name, held in passed.items() if not held and name not in STOPPING]
    told = f"checks: {', '.join(stopping) or 'all that must hold do'}"
    return Rule("checks", not stopping, told + (f"; warnings: {', '.join(warned)}" if warned else ""))


def _outcome(passed: bool | None) -> str:
    return "was not made" if passed is None else "failed"


def _all_above(differences: Differences, limit: float) -> bool:
    lows = [difference["low"] for difference in differences.values()]
    return all(low is not None and low > limit for low in lows)


def _show(differences: Differences) -> str:
    return ", ".join(f"{metric} {_interval(difference)}" for metric, difference in differences.items())


def _interval(difference: Difference) -> str:
    value, low, high = (difference[key] for key in ("value", "low", "high"))
    if value is None or low is None or high is None:
        return "(too few artists to tell)"
    return f"{value:+.3f} [{low:+.3f}, {high:+.3f}]"
