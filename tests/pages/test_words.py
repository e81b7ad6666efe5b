"""One, none and many in the sentences of pages, and which deliveries count as arrivals."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from earshot.deliveries.arrivals import Arrival
from earshot.lanes import onboard
from earshot.pages import drift, papers, validation


def lead(page: str) -> str:
    """The sentences below the heading of a page."""
    [found] = re.findall(r"</h1>\n<p>(.*?)</p>", page, re.DOTALL)
    return " ".join(re.sub("<[^>]*>", "", found).split())


@pytest.mark.parametrize(
    ("new", "drifted", "told"),
    [
        (
            [0],
            [],
            "No delivery has brought new songs since the last training. The songs of one delivery were all",
        ),
        (
            [0, 0, 3],
            [],
            "The one delivery since the last training does not differ by more than chance. The songs of 2",
        ),
        ([1], [0], "The one delivery since the last training differs by more than chance."),
        ([3, 3], [], "None of 2 deliveries since the last training differs by"),
        ([3, 3], [1], "1 of 2 deliveries since the last training differs by"),
        ([3, 3, 3], [0, 1], "2 of 3 deliveries since the last training differ by"),
    ],
)
def test_drift_counts_deliveries(new: list[int], drifted: list[int], told: str) -> None:
    line = {"measure": drift.LOUDNESS, "observed": 1.0, "low": 0.0, "high": 2.0, "far": False, "songs": 1}
    rows = [
        line | {"delivery": f"d{number}", "new_songs": songs, "drifted": number in drifted}
        for number, songs in enumerate(new)
    ]
    page = drift.draw_page(pd.DataFrame(rows), {})
    assert lead(page).startswith(told)
    assert ("1 song, all trained on: as trained" in page) == (0 in new)


@pytest.mark.parametrize(
    ("verdicts", "told"),
    [
        (["holds"], "The one check holds."),
        (["holds", "holds"], "All 2 checks hold."),
        (["warns"], "1 of 1 check warns."),
        (["warns", "warns", "set aside"], "2 of 3 checks warn."),
    ],
)
def test_validation_counts_checks(verdicts: list[str], told: str) -> None:
    check = {"table": "totals", "column": "plays", "expectation": "", "arguments": {}}
    checks = [check | {"expected": "1", "observed": "1", "verdict": verdict} for verdict in verdicts]
    totals = dict.fromkeys(("rows", "invalid_rows", "unknown_rows", "listeners", "songs", "plays"), 3)
    assert lead(validation.draw_page({"totals": totals, "checks": checks})).startswith(told)


def test_papers_count_claims() -> None:
    claims = [{"claim": "a", "paper": "b", "here": "auc -0.1 (-0.2 to +0.1)", "verdict": "does not hold"}]
    page = papers.draw_page(
        [
            papers.PaperPart("p", "P", "fresh", claims, [], {}),
            papers.PaperPart("q", "Q", "not made", [], [], {}),
        ]
    )
    tried, found = lead(page).split(": ")
    assert tried == "1 of 2 papers tried on this catalogue, 1 claim"
    assert found == "none hold, 1 does not, and of none it cannot be told."
    assert "AUC −0.1 (−0.2 to +0.1)" in page
    nothing = papers.draw_page([papers.PaperPart("q", "Q", "not made", [], [], {})])
    assert lead(nothing) == "The one paper has not been tried on this catalogue."


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        ([], "No delivery has come since the first recommendations were made."),
        ([12.0], "The one delivery since the first recommendations took 12.0 seconds."),
        ([12.0, 90.0], "Of 2 deliveries 1 took at most a minute; the median is 51.0 seconds."),
        ([70.0, 90.0], "Of 2 deliveries none took at most a minute; the median is 80.0 seconds."),
    ],
)
def test_the_first_catalogue_is_no_arrival(
    seconds: list[float], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two came before there was a model, and wait five minutes for its training."""
    first = [Arrival(name, at, 300.0) for name, at in (("catalogue", 0.0), ("plays", 10.0))]
    later = [Arrival(f"d{n}", 1000.0 * n, 1000.0 * n + took) for n, took in enumerate(seconds, start=1)]
    monkeypatch.setattr(onboard, "read_arrivals", lambda root: [*first, *later])
    (tmp_path / "data").mkdir()
    page = onboard.write_page(tmp_path).read_text(encoding="utf-8")
    assert lead(page).endswith(told)
    assert "Not counted: catalogue, plays, which waited for the first model." in page
    assert re.findall('<th scope="row">([^<]*)<', page) == [each.delivery for each in later[::-1]]
    assert "earshot 0." in page
