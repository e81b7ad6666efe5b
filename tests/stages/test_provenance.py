"""What is known of numbers beside themselves: by their md5, and of no others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from earshot.files import parse_yaml, write_json
from earshot.stages import provenance
from earshot.versioning import Definition

ROOT = Path(__file__).parents[2]
USED = {"data/deliveries/index.csv": "1" * 32, "play_counts": {"min_users": 3, "min_songs": 2}}


def recorded(root: Path, md5: str, used: dict[str, Any] = USED) -> None:
    """dvc.lock after a run of play_counts."""
    path, params = used
    stage = {
        "cmd": "",
        "deps": [{"path": path, "md5": used[path]}],
        "params": {"params.yaml": {params: used[params]}},
        "outs": [{"path": "data/play_counts", "md5": md5}],
    }
    write_json(root / "dvc.lock", {"schema": "2.0", "stages": {"play_counts": stage}})


def told(root: Path) -> Any:
    provenance.write(root)
    text = (root / "data" / "provenance.js").read_text()
    return json.loads(text.removeprefix("const provenance = ").removesuffix(";\n"))["data/play_counts"]


def test_what_is_known_stands_by_the_md5_and_stays(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    first, second = f"{1:032x}.dir", f"{2:032x}.dir"
    provenance.note(tmp_path, Definition("play_counts", "", (), {}, "data/play_counts"), USED)
    recorded(tmp_path, first)
    found = told(tmp_path)
    assert list(found) == [first]
    assert found[first].pop("made").endswith(" UTC")
    assert found == {first: {"params": "play_counts.min_users=3"}}, "no commit: this is no repository of git"
    recorded(tmp_path, second, USED | {"play_counts": {"min_users": 1}})
    later = told(tmp_path)
    assert later[second] == {"params": "none"}, "made elsewhere: the note is of another run"
    assert list(later[first]) == ["made", "params"]


def test_a_file_that_was_changed_by_hand_is_written_anew(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "provenance.js").write_text("alert(1)")
    recorded(tmp_path, "3" * 32)
    assert list(told(tmp_path)) == ["3" * 32]


def test_the_shipped_parameters_are_those_of_params_yaml() -> None:
    """After a change there: `cp params.yaml src/earshot/shipped_params.yaml`."""
    assert parse_yaml(provenance.SHIPPED.read_text()) == parse_yaml((ROOT / "params.yaml").read_text())
