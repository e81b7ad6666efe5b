"""The resolver against DVC: what a stage uses is, for every form of dvc.yaml, what `dvc repro` records."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from earshot.errors import UserError
from earshot.versioning import inputs, read_definition, read_pipeline, recorded_inputs
from earshot.versioning.definitions import read_definitions

PIPELINE = """
vars:
  - places: {outside: ../outside.py, code: code}
stages:
  first:
    cmd: cat code/a.py ${places.outside} > data/first
    deps: ["${places.code}", "${places.outside}"]
    params: [encoder.file, other.yaml: [seed]]
    outs: [data/first: {cache: false}]
  second:
    cmd: mkdir data/second && cat ${encoder.file} data/first > data/second/both
    deps:
      - data/first
      - ${encoder.file}
    outs: [data/second]
  each:
    matrix: {song: [one, two]}
    cmd: echo ${item.song} > data/${item.song}
    deps: [data/second]
    outs: ["data/${item.song}"]
"""
PAPER = """
stages:
  table:
    wdir: ../..
    cmd: cp data/second/both data/table
    deps: [data/second, code/a.py]
    params: [reproductions/paper/params.yaml: ]
    outs: [data/table]
  beside:
    cmd: cp params.yaml beside.txt
    deps: [params.yaml, ../../code/sub/b.py]
    outs: [beside.txt]
"""
pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep:DeprecationWarning")  # DVC's own
TARGETS = ["first", "second", "each@one", "each@two"]
PAPERS = [f"reproductions/paper/dvc.yaml:{name}" for name in ("table", "beside")]


@pytest.fixture
def root(finished: Path, tmp_path: Path) -> Path:
    """A repository in which everything ran, to be changed at will."""
    shutil.copytree(finished, tmp_path / "all")
    return tmp_path / "all" / "workspace"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("definitions")
    root = folder / "workspace"
    texts = {
        "dvc.yaml": PIPELINE,
        "params.yaml": "encoder: {file: code/sub/b.py, width: 1e-6}\n",
        "other.yaml": "seed: 7\nunused: 1\n",
        "code/a.py": "a = 1\n",
        "code/sub/b.py": "b = 1\n",
        "code/__pycache__/a.pyc": "left out by .dvcignore",
        ".dvcignore": "__pycache__\n",
        "reproductions/paper/dvc.yaml": PAPER,
        "reproductions/paper/params.yaml": "folds: 5\n",
        "../outside.py": "outside = 1\n",
        "data/.gitignore": "/*\n",
    }
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    run(root, "git", "init", "-q")
    run(root, "dvc", "init", "-q")
    run(root, "dvc", "repro", "-q", "--all-pipelines")
    return folder


def run(root: Path, *command: str) -> str:
    found = Path(sys.executable).parent / command[0]
    words = [str(found) if found.exists() else command[0], *command[1:]]
    return subprocess.run(words, cwd=root, capture_output=True, text=True, check=True).stdout


def test_inputs_are_what_dvc_records(root: Path) -> None:
    names = [each.target for folder in ("", "reproductions/paper") for each in read_definitions(root, folder)]
    assert names == TARGETS + PAPERS
    for target in names:
        definition = read_definition(root, target)
        assert inputs(root, definition) == recorded_inputs(root, definition), target
    assert inputs(root, read_definition(root, "first"))["encoder.file"] == "code/sub/b.py"
    assert read_definition(root, PAPERS[1]).place("beside.txt") == "reproductions/paper/beside.txt"


@pytest.mark.parametrize(
    ("edited", "stale"),
    [
        ("code/sub/b.py", {"first", "second", PAPERS[1]}),
        ("../outside.py", {"first"}),
        ("code/a.py", {"first", PAPERS[0]}),
        ("code/__pycache__/a.pyc", set()),
        ("reproductions/paper/params.yaml", set(PAPERS)),
        ("other.yaml", set()),
    ],
)
def test_both_front_ends_find_the_same_stale(root: Path, edited: str, stale: set[str]) -> None:
    assert differing(root) == set()
    with (root / edited).open("a") as file:
        file.write("\nnew: 2\n" if edited.endswith("yaml") else "\nnew = 2\n")
    assert differing(root) == stale
    assert stale <= {name.removesuffix(":") for name in json.loads(run(root, "dvc", "status", "--json"))}


def differing(root: Path) -> set[str]:
    """Stages whose code version, which Dagster goes by, is another than that recorded."""
    pipeline = read_pipeline(root)
    assert {stage.target for stage in pipeline} == {*TARGETS, *PAPERS}
    return {
        stage.target
        for stage in pipeline
        if stage.recorded is None or stage.recorded.code_version != stage.code_version
    }


def test_what_cannot_be_resolved_is_named(root: Path) -> None:
    with pytest.raises(UserError, match=r"no stage 'third'; there are first, second, each@one, each@two"):
        read_definition(root, "third")
    (root / "params.yaml").write_text("encoder: {}\n")
    with pytest.raises(UserError, match=r"dvc.yaml: stage second: .*encoder.file"):
        read_definition(root, "second")
