"""What the papers claim, and whether it holds in the table at hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from comparison.claims import Claim, Verdict, above
from sample_level_cnn.params import SampleNetwork, TagSettings

_NEAR = 0.01
"""AUC by which samples may be below frames to be called near."""
_SHORTER = "AUC .866 with a first filter of 729 samples to .906 with 3 (MagnaTagATune, 3^n on 59,049 samples)"
_SE = "AUC .9083 against .9055 (MagnaTagATune)"
_MEL = "AUC .9055 from samples, .9059 from mel frames (MagnaTagATune)"

Differences = Mapping[str, Mapping[str, Any]]


def claims_of(differences: Differences, settings: TagSettings) -> list[Claim]:
    """Three claims; "cannot be told" where the networks for one are not in the table.

    `differences` are those of one way of splitting, as `auto_tagging.measures.differences` gives them.
    """
    plain = {name: each for name, each in settings.networks.items() if _is_plain(each)}
    by_first = sorted(plain, key=lambda name: _first(plain[name]))
    excited = {
        name: other
        for name, each in settings.networks.items()
        for other in plain
        if each.init_args == {**plain[other].init_args, "block": "se"}
    }
    twins = [name for name, each in settings.networks.items() if each.mel]
    shortest, longest = (by_first[0], by_first[-1]) if by_first else ("", "")
    se, basic = next(iter(excited.items()), ("a network with SE blocks", "the same without"))
    mel = twins[0] if twins else "a mel twin"
    return [
        above("The shorter the first filter, the better", _SHORTER, differences, (shortest, longest)),
        above("Squeeze-and-excitation is better than the plain block", _SE, differences, (se, basic)),
        _near("Samples come near to mel frames", differences, settings.candidate, mel),
    ]


def _is_plain(network: SampleNetwork) -> bool:
    return not network.mel and network.init_args.get("block", "basic") == "basic"


def _first(network: SampleNetwork) -> int:
    return int(network.init_args.get("first", 3))


def _near(claim: str, differences: Differences, samples: str, mel: str) -> Claim:
    found = differences.get(f"{samples}_minus_{mel}")
    if found is None:
        return Claim(claim, _MEL, f"{samples} or {mel} is not in this table", "cannot be told")
    low, high = found["auc_ci95_artists"]
    if low is None:
        return Claim(claim, _MEL, "too few artists for an interval", "cannot be told")
    verdict: Verdict = "holds" if low > -_NEAR else "does not hold" if high < -_NEAR else "cannot be told"
    here = (
        f"auc {found['auc']:+.3f} ({low:+.3f} to {high:+.3f}) of {samples} over {mel}; near: above -{_NEAR}"
    )
    return Claim(claim, _MEL, here, verdict)
