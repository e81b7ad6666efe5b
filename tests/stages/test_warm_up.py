"""The stage on a made-up workspace whose encoder hears every trait."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from earshot.params import Params
from earshot.stages import warm_up
from tests.stages.evaluated_workspace import paths_of, write_workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Params, Path, dict[str, Any]]:
    root = tmp_path_factory.mktemp("workspace")
    params = write_workspace(root)
    few = replace(
        params, warm_up=replace(params.warm_up, listeners=[1, 3, 40], n0=[1.0, 10.0], bootstraps=100)
    )
    paths = paths_of(root, "warm_up")
    return root, few, paths.output, warm_up.run(paths, few)


def test_n0_is_one_of_those_tried_and_every_column_is_told(workspace: Any) -> None:
    _, params, output, summary = workspace
    found = json.loads((output / "warm_up.json").read_text())
    assert summary["n0"] == found["n0"]
    assert found["n0"] in params.warm_up.n0
    assert [one["n0"] for one in found["choice"]] == params.warm_up.n0
    assert [column["listeners"] for column in found["columns"]] == [0, 1, 3, 40]
    assert {column["songs"] + column["songs_left_out"] for column in found["columns"]} == {
        found["songs"]["shown"]
    }
    assert found["columns"][-1]["systems"] == {}  # nobody has so many
    assert [row["listeners"] for row in found["mixed"]] == [1, 3]
    assert sum(found["songs"].values()) == 30
    json.dumps(summary, allow_nan=False)


def test_the_summary_carries_checks(workspace: Any) -> None:
    names = [check["name"] for check in workspace[3]["checks"]]
    assert names == ["not_below_either_end", "ahead_of_both_ends", "first_listeners_push_nothing_down"]
    assert workspace[3]["checks"][0]["passed"]


def test_same_inputs_give_the_same_bytes(workspace: Any, tmp_path: Path) -> None:
    root, params, output, summary = workspace
    again = replace(paths_of(root, "again"), output=tmp_path)
    assert warm_up.run(again, params) == summary
    for file in sorted(output.iterdir()):
        assert (tmp_path / file.name).read_bytes() == file.read_bytes(), file.name
