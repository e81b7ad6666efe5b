"""When a candidate is released: differences are candidate minus the other, with paired 95 % intervals."""

from __future__ import annotations

from dataclasses import dataclass

from earshot.releases.manifest import Manifest, NothingReleased

Difference = dict[str, float | None]
"""`value`, `low`, `high`; None where the artists are too few to say."""
Differences = dict[str, Difference]
"""By metric, `auc` and `map_at_500`."""


@dataclass(frozen=True)
class Verdict:
    """Whether a candidate is released, and why in words."""

    released: bool
    reason: str


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


def judge(against: dict[str, Differences], unpaired: str | None, epsilon: float) -> Verdict:
    """Judge a candidate by its differences to the release, or to what a first candidate must beat.

    Parameters
    ----------
    unpaired
        From `why_unpaired`; None if `against` holds the release alone.
    epsilon
        See `judge_against`.
    """
    if unpaired is None:
        ((name, differences),) = against.items()
        return judge_against(name, differences, epsilon)
    first = judge_first(against)
    return Verdict(first.released, f"{first.reason}; judged as a first candidate: {unpaired}")


def judge_first(against: dict[str, Differences]) -> Verdict:
    """A first candidate beats every system of `against`: all intervals lie above 0.

    Example
    -------
    >>> judge_first({"random": {"auc": {"value": 0.2, "low": 0.1, "high": 0.3}}})
    Verdict(released=True, reason='beats random (auc +0.200 [+0.100, +0.300])')
    """
    lost = [name for name, differences in against.items() if not _all_above(differences, 0)]
    shown = ", ".join(f"{name} ({_show(against[name])})" for name in lost or against)
    return Verdict(not lost, f"{'does not beat' if lost else 'beats'} {shown}")


def judge_against(release: str, differences: Differences, epsilon: float) -> Verdict:
    """A later candidate is not worse than `release`: all intervals lie above -epsilon.

    Example
    -------
    >>> judge_against("5f", {"auc": {"value": 0.0, "low": -0.1, "high": 0.1}}, epsilon=0.02)
    Verdict(released=False, reason='may be worse than 5f (auc +0.000 [-0.100, +0.100]; -0.02 allowed)')
    """
    released = _all_above(differences, -epsilon)
    told = "is not worse than" if released else "may be worse than"
    return Verdict(released, f"{told} {release} ({_show(differences)}; -{epsilon:g} allowed)")


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
