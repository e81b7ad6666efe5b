"""Plans against sums done by hand, and that the shipped table speaks of every stage."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from earshot.cli.main import app
from earshot.costs import MOST_FACTORS, Resource, StageWork, read_unit_costs
from earshot.evaluation import choosing_wmf
from earshot.files import parse_yaml
from earshot.lanes.plan import Machine, Planned, make_plan

HEARD = StageWork(
    cpu=Resource(60.0, {"hours": 36.0}),
    memory_gb=Resource(1.0),
    gb_a_core=Resource(0.5),
    disk_gb=Resource(0.0, {"hours": 0.25}),
    all_cores=True,
    beyond="more nodes",
)
LISTED = StageWork(
    cpu=Resource(10.0, {"pairs": 1.0, "songs": 2.0}, {"songs": 50.0}),
    memory_gb=Resource(0.5, {"pairs": 0.001}),
    gb_a_core=Resource(),
    disk_gb=Resource(),
    all_cores=False,
    beyond="parts of the listeners",
)
COSTS = replace(read_unit_costs(), work={"heard": HEARD, "listed": LISTED})
# 100 (thousand) songs, 1,000 hours, 2,000 (million) pairs
PLANNED = Planned(songs=100_000, plays=1_000_000, listeners=20_000, seconds=36)


def test_a_plan_is_the_sum_of_what_each_stage_goes_through() -> None:
    plan = make_plan(PLANNED, Machine(cores=4, memory_gb=8, slowness=2.0), COSTS)
    heard, listed = plan.stages
    # 2 x (60 s + 1,000 hours x 36 s), over 4 cores
    assert heard.cpu_hours == pytest.approx(2 * 36_060 / 3600)
    assert heard.hours == pytest.approx(heard.cpu_hours / 4)
    assert (heard.memory_gb, heard.disk_gb, heard.driver) == (1 + 4 * 0.5, 250.0, "hours")
    # 2 x (10 s + 1 s x 1,000 million pairs and 2 s x 50 thousand, with the songs that are looked at)
    assert listed.cpu_hours == listed.hours == pytest.approx(2 * (10 + 1000 + 100) / 3600)
    assert (listed.memory_gb, listed.driver) == (2.5, "pairs")
    # 0.5 + 0.001 x 2,000 x times^2 = 8 GB; the other one stays at 3 GB
    assert plan.first == listed
    assert plan.times == pytest.approx((7.5 / 2) ** 0.5, rel=1e-3)


def test_a_factorization_costs_what_its_plays_and_factors_do() -> None:
    """4 million plays, and a million listeners and songs as 70 more each, by 25 factors: 1/8 of 100's."""
    solved = replace(LISTED, cpu=Resource(1.0, {"solves": 8.0}), memory_gb=Resource(0.5, {"matrices": 16.0}))
    planned = Planned(songs=400_000, plays=4_000_000, listeners=600_000, factors=25)
    [stage] = make_plan(planned, Machine(4, 8), replace(COSTS, work={"solved": solved})).stages
    assert stage.cpu_hours == pytest.approx((1 + 8 * (4 + 70) / 8) / 3600)
    assert stage.memory_gb == 0.5 + 16 / 16
    assert max(choosing_wmf.GRID["factors"]) == MOST_FACTORS


def test_plays_of_a_sample_are_those_of_its_pairs() -> None:
    """A tenth of 100 songs and of 2 million pairs, and so of the plays."""
    cost = Resource(0.0, {"plays": 10.0}, {"pairs": 0.2})
    assert cost.amount({"plays": 3.0, "pairs": 2.0, "songs": 0.1, "listeners": 20.0}) == pytest.approx(3.0)


def test_one_that_does_not_fit_is_said_to() -> None:
    plan = make_plan(PLANNED, Machine(cores=4, memory_gb=2), COSTS)
    assert plan.first.name == "heard"
    assert plan.times == 0


def test_the_shipped_table_speaks_of_every_stage() -> None:
    definition = parse_yaml((Path(__file__).parents[2] / "dvc.yaml").read_text(encoding="utf-8"))
    assert list(read_unit_costs().work) == list(definition["stages"])
    size = ["--songs", "100000", "--plays", "48000000", "--listeners", "1000000"]
    small, large = (
        json.loads(
            CliRunner().invoke(app, ["plan", *size, "--cores", cores, "--memory", "64", "--json"]).stdout
        )
        for cores in ("2", "32")
    )
    assert sum(stage["hours"] for stage in small["stages"]) > sum(stage["hours"] for stage in large["stages"])
    shown = CliRunner().invoke(app, ["plan", *size, "--cores", "2", "--memory", "0.1"]).stdout
    assert "more than the 0.10 GB there are" in shown
