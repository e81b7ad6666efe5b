"""When a candidate is released: differences are candidate minus the other, with paired 95 % intervals.

Every rule is judged and told; one that does not hold is enough to refuse.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from earshot.artists import LEAST_ARTISTS, too_few_artists
from earshot.checks import OBJECTIVE_CONVERGED, OBJECTIVE_FALLS
from earshot.releases.decision import Rule
from earshot.releases.manifest import Manifest, NothingReleased

Difference = dict[str, Any]
"""`value`, `low`, `high`, None where the artists are too few to say; `artists`, of how many; `p`, of the AUC:
that it is above the other's by chance (`earshot.evaluation.protocol.chance`)."""
Differences = dict[str, Difference]
"""By metric, `auc` and `map_at_<k>`."""

STOPPING = (OBJECTIVE_FALLS, OBJECTIVE_CONVERGED)
"""Checks of the training lane without which nothing is released.

A factorization that does not converge puts every song in a place of no meaning. All
other checks are warnings: a first epoch that was the best one, or a candidate that
cannot be told from the upper bound, need not make worse lists, and what they make of
them is measured here. What is wrong with delivered data stops the stage that finds
it, long before.
"""
BY_CHANCE = 0.0001
"""The largest p with which a candidate is above random order and above its own predictions, dealt anew."""
_Z = 1.96
"""Half of a 95 % interval, in standard errors."""
_Z_POWER = 1.2816
"""How much further a difference must lie to be seen nine times of ten."""
_Z_BY_CHANCE = 3.7190
"""Of p = `BY_CHANCE`, one-sided."""


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
    chance
        Differences to every system that hears nothing.
    against
        Differences to the release alone; empty where there is none to pair with.
    unpaired
        From `why_unpaired`.
    best
        Differences to the best release kept, by its name; empty where that is the release itself.
    genres
        Differences to the release among the songs of each large genre, and of all smaller ones together.
    baselines
        Differences to systems that a later candidate must not be clearly worse than where it cannot be
        compared with the release: by sound alone, and by the artist alone.
    lists
        Differences to the release alone in what stands in the lists that listeners get.
    checks
        Those in the summaries of the candidate's stages (`earshot.checks`).
    folds
        How many folds were held out one after the other, each for a model of its own.
    """

    chance: dict[str, Differences]
    against: dict[str, Differences]
    unpaired: str | None
    best: dict[str, Differences] = field(default_factory=dict)
    genres: dict[str, Differences] = field(default_factory=dict)
    baselines: dict[str, Differences] = field(default_factory=dict)
    lists: dict[str, Differences] = field(default_factory=dict)
    checks: tuple[dict[str, Any], ...] = ()
    folds: int = 1


def why_unpaired(
    candidate: Manifest, current: Manifest | NothingReleased, families: Mapping[str, str]
) -> str | None:
    """Why the two cannot be compared on the same songs; None where they can.

    `families` are the keys of those beside the image that the snapshot holds, by name.
    """
    if isinstance(current, NothingReleased):
        return "nothing is released yet"
    if current.derived_from is not None:
        return (
            f"{current.release} was shared without listeners, who are wanted to make lists of today's songs"
        )
    if candidate.feature_key != current.feature_key:
        keys = f"feature key {current.feature_key}, now {candidate.feature_key}"
        return f"{current.release} hears other hyper-images ({keys})"
    lacking = [name for name, key in current.families.items() if families.get(name) != key]
    if lacking:
        return f"{current.release} hears {lacking[0]}, of which the snapshot has not what it was trained on"
    if candidate.split != current.split:
        return f"{current.release} has another split ({current.split}, now {candidate.split})"
    return None


def judge(evidence: Evidence, epsilon: float) -> Verdict:
    """Judge a candidate by all that is known of it.

    The reason is the text of the broken rules; where none is, that of the first one.
    """
    rules = tuple(_rules(evidence, epsilon))
    broken = [rule for rule in rules if not rule.passed]
    return Verdict(not broken, "; ".join(rule.told for rule in broken or rules[:1]), rules)


def _rules(evidence: Evidence, epsilon: float) -> Iterable[Rule]:
    for name, differences in evidence.against.items():
        yield judge_against(name, differences, epsilon)
    chance = judge_chance(evidence.chance)
    over = f"; over models of {evidence.folds} folds" if evidence.folds > 1 else ""
    first = f"; judged as a first candidate: {evidence.unpaired}" if evidence.unpaired is not None else ""
    yield Rule(chance.name, chance.passed, chance.told + over + first)
    for name, differences in evidence.best.items():
        yield judge_against_best(name, differences, epsilon)
    for name, differences in evidence.baselines.items():
        yield judge_against_baseline(name, differences)
    for genre, differences in evidence.genres.items():
        yield judge_genre(genre, differences, epsilon)
    for name, differences in evidence.lists.items():
        yield judge_lists(name, differences, epsilon)
    yield judge_checks(evidence.checks)


def judge_chance(against: dict[str, Differences]) -> Rule:
    """A candidate beats every system of `against`, which hear nothing, and not by chance.

    Its AUC is above theirs with a p of at most `BY_CHANCE`, and no interval lies below 0.
    mAP need not lie above: with some dozens of artists nothing can show that it does.

    Example
    -------
    >>> auc = {"value": 0.2, "low": 0.1, "high": 0.3, "artists": 57, "p": 0.0001}
    >>> judge_chance({"random": {"auc": auc}}).told
    'beats random (auc +0.200 [+0.100, +0.300], p = 0.0001)'
    """
    lost = [name for name, differences in against.items() if not _clearly_above(differences)]
    shown = ", ".join(f"{name} ({_show(against[name])})" for name in lost or against)
    if not lost:
        return Rule("chance", True, f"beats {shown}")
    wanted = f"wanted: auc above it with p <= {BY_CHANCE:g}, nothing clearly below"
    needed = max(
        (_artists_to_beat(against[name]["auc"]) for name in lost),
        key=lambda sentence: (len(sentence), sentence),
    )
    return Rule("chance", False, f"does not clearly beat {shown}; {wanted}; {needed}")


def judge_against(release: str, differences: Differences, epsilon: float) -> Rule:
    """A later candidate is not clearly worse than `release`, unless by less than epsilon.

    An interval that lies below 0 refuses it, but for one above -epsilon. With few artists
    no interval is narrow enough to lie above -epsilon, even of the same model trained
    again: what cannot be shown is not asked for, and how many artists would show it is reported.

    Example
    -------
    >>> judge_against("5f", {"auc": {"value": -0.2, "low": -0.3, "high": -0.1}}, epsilon=0.02).told
    'is clearly worse than 5f (auc -0.200 [-0.300, -0.100]; -0.02 allowed)'
    """
    passed = all(
        _known(each) and (each["low"] > -epsilon or each["high"] >= 0) for each in differences.values()
    )
    shown = f"{_show(differences)}; -{epsilon:g} allowed"
    if not passed:
        few = not all(map(_known, differences.values()))
        finding = "cannot be compared with" if few else "is clearly worse than"
        more = f"; at least {LEAST_ARTISTS} artists are needed" if few else ""
        return Rule("release", False, f"{finding} {release} ({shown}){more}")
    if all(each["low"] > -epsilon for each in differences.values()):
        return Rule("release", True, f"is not worse than {release} ({shown})")
    n = max(_artists_to_compare(each, epsilon) for each in differences.values())
    more = f"to show that it is not worse, about {n:,} artists would be needed"
    return Rule("release", True, f"is not clearly worse than {release} ({shown}); {more}")


def judge_against_best(release: str, differences: Differences, epsilon: float) -> Rule:
    """A candidate has not clearly lost over epsilon to the best release kept: small losses must not add up.

    An interval that lies below -epsilon refuses it, but for one above -2 epsilon.
    """
    allowed = (
        _known(each) and (each["low"] > -2 * epsilon or each["high"] >= -epsilon)
        for each in differences.values()
    )
    passed = all(allowed)
    finding = "has not clearly lost more than is allowed to" if passed else "has lost too much to"
    shown = f"{_show(differences)}; -{epsilon:g} allowed"
    return Rule("best_release", passed, f"{finding} {release}, the best release kept ({shown})")


def judge_against_baseline(baseline: str, differences: Differences) -> Rule:
    """A candidate that replaces what it cannot be compared with is not clearly worse than a baseline.

    With other features or another split there is no release to be paired with, and beating chance is little:
    an interval that ends below 0 refuses the candidate.
    """
    highs = [difference["high"] for difference in differences.values()]
    passed = not any(high is not None and high < 0 for high in highs)
    words = f"{'is not clearly worse' if passed else 'is clearly worse'} than {baseline}"
    return Rule(f"baseline {baseline}", passed, f"{words} ({_show(differences)})")


def judge_lists(release: str, differences: Differences, epsilon: float) -> Rule:
    """What listeners get is not clearly worse than the lists of `release`, unless by less than epsilon.

    As `judge_against`, but that nothing is asked for where the artists are too few to say: known songs, of
    which lists are made for the most part, are not what a candidate was trained for.
    """
    passed = all(
        not _known(each) or each["low"] > -epsilon or each["high"] >= 0 for each in differences.values()
    )
    words = f"lists {'not clearly worse' if passed else 'clearly worse'} than those of {release}"
    return Rule("lists", passed, f"{words} ({_show(differences)}; -{epsilon:g} allowed)")


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
    finding = f"{'is not clearly worse' if passed else 'is clearly worse'} in {genre}"
    return Rule(f"genre {genre}", passed, f"{finding} ({_show(differences)}; -{epsilon:g} allowed)")


def judge_checks(checks: Iterable[dict[str, Any]]) -> Rule:
    """Every check of `STOPPING` was made and has passed; others that have not are reported."""
    passed = {check["name"]: check["passed"] for check in checks}
    stopping = [f"{name} {_outcome(passed.get(name))}" for name in STOPPING if not passed.get(name)]
    warned = [name for name, held in passed.items() if not held and name not in STOPPING]
    outcomes = f"checks: {', '.join(stopping) or 'all that must hold do'}"
    return Rule("checks", not stopping, outcomes + (f"; warnings: {', '.join(warned)}" if warned else ""))


def _outcome(passed: bool | None) -> str:
    return "was not made" if passed is None else "failed"


def _known(difference: Difference) -> bool:
    return all(difference[key] is not None for key in ("value", "low", "high"))


def _clearly_above(differences: Differences) -> bool:
    auc = differences["auc"]
    if not all(map(_known, differences.values())) or auc.get("p") is None:
        return False
    above = auc["low"] > 0 and auc["p"] <= BY_CHANCE
    return bool(above and all(each["high"] >= 0 for each in differences.values()))


def _artists_to_beat(auc: Difference) -> str:
    """How many artists would show a difference as large as this one, nine times of ten."""
    if not _known(auc):
        return f"at least {LEAST_ARTISTS} artists are needed"
    if auc["value"] <= 0:
        return "more artists would not show it"
    error = (auc["high"] - auc["low"]) / (2 * _Z)  # standard error of the difference
    # the error falls with 1 / sqrt(artists): with n of them the value is _Z_BY_CHANCE + _Z_POWER errors
    n = auc.get("artists", 0) * ((_Z_BY_CHANCE + _Z_POWER) * error / auc["value"]) ** 2
    return f"about {_round_up(n):,} artists would be needed to show a difference of this size"


def _artists_to_compare(difference: Difference, epsilon: float) -> int:
    """With how many artists a model as good as the release lies above -epsilon, nine times of ten."""
    error = (difference["high"] - difference["low"]) / (2 * _Z)
    # likewise with epsilon: how far a true difference of 0 lies above -epsilon
    return _round_up(difference.get("artists", 0) * ((_Z + _Z_POWER) * error / max(epsilon, 1e-6)) ** 2)


def _round_up(n: float) -> int:
    """To two digits."""
    step = 10.0 ** max(0, math.floor(math.log10(max(n, 1))) - 1)  # value of the second digit
    return math.ceil(n / step) * int(step)


def _show(differences: Differences) -> str:
    return ", ".join(f"{metric} {_interval(difference)}" for metric, difference in differences.items())


def _interval(difference: Difference) -> str:
    value, low, high = (difference[key] for key in ("value", "low", "high"))
    if value is None or low is None or high is None:
        n = difference.get("artists")
        return "(too few artists to say)" if n is None else f"({too_few_artists(n)})"
    p = difference.get("p")
    shown = f"{value:+.3f} [{low:+.3f}, {high:+.3f}]"
    return shown if p is None else f"{shown}, p = {p:.2g}"
