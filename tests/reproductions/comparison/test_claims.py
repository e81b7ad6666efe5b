"""Whether a claim holds is read off a paired interval."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from comparison.claims import Claim, above, write_claims

FOUND = {"auc": 0.02, "auc_ci95_artists": [0.01, 0.03], "map_at_500": -0.1}


@pytest.mark.parametrize(
    ("ends", "verdict", "said"),
    [
        ([0.01, 0.03], "holds", "auc +0.020 (+0.010 to +0.030)"),
        ([-0.01, 0.05], "cannot be told", "auc +0.020 (-0.010 to +0.050)"),
        ([-0.05, -0.01], "does not hold", "auc +0.020 (-0.050 to -0.010)"),
        ([None, None], "cannot be told", "auc +0.020 (too few artists for an interval)"),
    ],
)
def test_a_claim_holds_where_the_whole_interval_is_above_zero(
    ends: list[float | None], verdict: str, said: str, tmp_path: Path
) -> None:
    differences = {"cnn_minus_bow": FOUND | {"auc_ci95_artists": ends}}
    claim = above("cnn above bow", "AUC .7 against .6", differences, ("cnn", "bow"))
    assert claim == Claim("cnn above bow", "AUC .7 against .6", said, verdict)  # type: ignore[arg-type]
    write_claims(tmp_path, [claim])
    (line,) = json.loads((tmp_path / "claims.json").read_text())
    assert line["verdict"] == verdict


def test_a_system_that_was_left_out_leaves_its_claim_open() -> None:
    claim = above("cnn above bow", "", {"cnn_minus_bow": FOUND}, ("cnn", "mlp"))
    assert claim.verdict == "cannot be told"
    assert claim.here == "cnn or mlp is not in this table"
