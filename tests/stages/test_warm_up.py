"""The stage on a made-up workspace whose encoder hears every trait."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from earshot.params import Params
from earshot.stages import warm_up
from orchestration.check_words import STAGES
from tests.stages.evaluated_workspace import paths_of, write_workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Params, Path, dict[str, Any]]:
    root = tmp_path_factory.mktemp("workspace")
    params = write_workspace(root)
    few = replace(
        params,
        warm_up=replace(params.warm_up, listeners=[1, 3, 40], n0_multiples=[0.1, 1.0, 4.0], bootstraps=100),
    )
    paths = paths_of(root, "warm_up")
    return root, few, paths.output, warm_up.run(paths, few)


def test_n0_is_one_of_those_tried_and_every_column_is_told(workspace: Any) -> None:
    _, params, output, summary = workspace
    found = json.loads((output / "warm_up.json").read_text())
    assert summary["n0"] == found["n0"]
    assert [one["multiple"] for one in found["choice"]] == params.warm_up.n0_multiples
    (chosen,) = (one for one in found["choice"] if one["n0"] == found["n0"])
    assert chosen["n0"] == pytest.approx(chosen["multiple"] * found["mean_listeners"], rel=0.01)
    assert [drawn["draw"] for drawn in found["draws"]] == ["random", "recommended_first", "heavy_first"]
    for drawn in found["draws"]:
        columns = drawn["columns"]
        assert [column["listeners"] for column in columns] == [0, 1, 3, 40]
        assert {column["songs"] + column["songs_left_out"] for column in columns} == {found["songs"]["shown"]}
        assert columns[-1]["systems"] == {}  # nobody has so many
        assert [row["listeners"] for row in drawn["mixed"]] == [1, 3]
    assert sum(found["songs"].values()) == 30
    json.dumps(summary, allow_nan=False)


def test_the_summary_carries_checks(workspace: Any) -> None:
    checks = {check["name"]: check for check in workspace[3]["checks"]}
    assert tuple(checks) == tuple(STAGES["warm_up"])
    assert checks["not_below_either_end"]["passed"]
    assert checks["n0_inside_its_grid"]["passed"]


def test_an_n0_at_the_end_of_its_grid_and_one_that_pushes_down_are_told(workspace: Any) -> None:
    root, params, *_ = workspace
    small = replace(params, warm_up=replace(params.warm_up, n0_multiples=[0.01, 0.02]))
    summary = warm_up.run(paths_of(root, "small"), small)
    failed = {check["name"]: check["observed"] for check in summary["checks"] if not check["passed"]}
    assert summary["n0"] == 0.121  # 0.01 times 12.1 listeners: with either the first one's weight is 0
    assert failed["n0_inside_its_grid"] == "0.01 times the mean listeners of a song"
    assert "listeners: -0." in failed["some_n0_pushes_nothing_down"]
    assert "heavy_first: 3" in failed["first_listeners_push_nothing_down"]


def test_same_inputs_give_the_same_bytes(workspace: Any, tmp_path: Path) -> None:
    root, params, output, summary = workspace
    again = replace(paths_of(root, "again"), output=tmp_path)
    assert warm_up.run(again, params) == summary
    for file in sorted(output.iterdir()):
        assert (tmp_path / file.name).read_bytes() == file.read_bytes(), file.name
