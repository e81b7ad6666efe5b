"""The benchmarks run to their end, on next to nothing; what they measure is not looked at."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from earshot.families.musicnn import weights_file
from tests.pipeline.conftest import deliveries, finished, ingested
from tests.pipeline.test_papers import MIXES, SMALL_SAMPLES, SMALL_TAGS, SMALL_VECTORS
from tests.pipeline.workspace import Workspace
from tests.releases.conftest import first_release
from tests.releases.tiny_workspace import Repository
from tests.stages.evaluated_workspace import write_workspace

__all__ = ["deliveries", "finished", "first_release", "ingested"]

ROOT = Path(__file__).parents[1]


def run(script: str, *arguments: str) -> dict[str, Any]:
    """What the last line says."""
    command = [sys.executable, str(ROOT / "benchmarks" / script), *arguments]
    path = os.pathsep.join([str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])])
    ran = subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr[-2000:]
    return json.loads(ran.stdout.splitlines()[-1])


@pytest.mark.soak
def test_sample_cnn() -> None:
    measured = run("sample_cnn.py", "2", "1")
    assert measured["SampleCNN 3^9"]["MMAC"] == pytest.approx(1730, rel=0.01)
    assert measured["ReSE-2-Multi 3^9"]["Mparameters"] == pytest.approx(5.10, abs=0.005)


@pytest.mark.soak
def test_hyper_images() -> None:
    measured = run("hyper_images.py", "1", "1")
    assert measured["kbit_s"] == pytest.approx(256, abs=2)
    assert measured["parity_max"] < 1e-3


@pytest.mark.skipif(not weights_file("MSD").is_file(), reason="`earshot features musicnn` was not called")
def test_frozen() -> None:
    assert run("frozen.py", "1", "1")["musicnn_ms"] > 0


@pytest.mark.parametrize("script", ["window_reader.py", "training_input.py"])
def test_reading(script: str) -> None:
    assert run(script, "20", "1")["songs"] == 20


@pytest.mark.soak
def test_executors() -> None:
    measured = run("executors.py", "300", "200", "5000", "8", "3", "24", "1")
    assert measured["same_bytes"]
    assert measured["by_cpu"].keys() == {"factors", "extraction", "encoding"}


@pytest.mark.soak
def test_serve() -> None:
    assert run("serve.py", "200")["songs"] == 200


@pytest.mark.soak
def test_versions() -> None:
    assert run("versions.py", "1")["recall_by_form"]["mp3 64"] == 1


def test_evaluation() -> None:
    assert run("evaluation.py", "300", "60", "2", "1")["users"] == 300


def test_coverage() -> None:
    measured = run("coverage.py", "1", "8", "2")
    assert set(measured["coverage_single"]["auc"]) == {"20", "50", "100", "200", "500"}
    assert set(measured["false_beats"].values()) <= {0.0, 0.5, 1.0}  # of one world, or two


@pytest.mark.soak
def test_gate_power() -> None:
    assert set(run("gate_power.py", "1", "1")["released"]["later"]["0.0"]) == {"20", "60", "120", "500"}


@pytest.mark.soak
def test_warm_up(tmp_path: Path) -> None:
    write_workspace(tmp_path)
    shutil.copyfile(ROOT / "params.yaml", tmp_path / "params.yaml")
    assert set(run("warm_up.py", str(tmp_path))) == {"served", "lowered"}


@pytest.mark.soak
def test_forgetting(tmp_path: Path) -> None:
    write_workspace(tmp_path, 40, 30)
    shutil.copytree(tmp_path / "data" / "training_set", tmp_path / "data" / "play_counts")
    (tmp_path / "data" / "warm_up").mkdir()
    (tmp_path / "data" / "warm_up" / "warm_up.json").write_text('{"n0": 10.0}')
    measured = run("forgetting.py", str(tmp_path), "2")
    assert [len(measured[each]) for each in ("seeds", "forgotten")] == [3, 2]


def test_wmf() -> None:
    assert run("wmf.py", "300", "100", "2000", "4", "2", "1")["plays"] == 2000


@pytest.mark.soak
def test_spark(tmp_path: Path) -> None:
    pytest.importorskip("pyspark", reason="the extra spark is not installed")
    write_workspace(tmp_path)
    measured = run("spark.py", str(tmp_path), "1")
    assert 0.5 < measured["spark_als"]["correlation"] < measured["exact"]["correlation"] == 1
    assert measured["exact"]["bound"]["auc_more"] == [0, 0, 0]


@pytest.mark.soak
def test_training() -> None:
    assert run("training.py", "20", "1")["songs"] == 20


@pytest.mark.soak
def test_ddp() -> None:
    assert run("ddp.py", "60", "2")["gradient_difference"] < 1e-9


@pytest.mark.soak
def test_objectives() -> None:
    measured = run("objectives.py", "500", "1")["sizes"]["500"]
    assert measured["factors_mse"]["auc"][1:] == [0, 0, 0]
    assert measured["contrastive"]["auc"][0] > 0.5


@pytest.mark.soak
def test_bombs() -> None:
    assert run("bombs.py", "1")["exit"] == 1


@pytest.mark.soak
def test_elsewhere(finished: Workspace) -> None:
    measured = run("elsewhere.py", str(finished.root), "3")
    assert measured["songs"] == 3
    assert measured["by_form"]["wave"]["median_cosine"] > 0.99


@pytest.mark.soak
def test_feedback(first_release: Repository) -> None:
    assert run("feedback.py", str(first_release.root), "20")["listeners"] == 20


@pytest.mark.soak
def test_sound_alone(finished: Workspace) -> None:
    (measured,) = run("sound_alone.py", str(finished.root)).values()
    assert measured["songs"] == 240


@pytest.mark.soak
def test_made_shards(finished: Workspace, tmp_path: Path) -> None:
    subprocess.run(["git", "clone", "-q", str(ROOT), str(tmp_path / "clone")], check=True)
    assert run("made_shards.py", str(tmp_path / "clone"), str(finished.root), "30", "40")["songs"] == 200
    measured = run("unit_costs.py", str(tmp_path / "clone"), "play_counts", "training_set")
    assert (measured["songs"], measured["listeners"]) == (200, 40)


@pytest.mark.soak
def test_retention() -> None:
    measured = run("retention.py", "3", "5")
    assert measured["earshot_gc"]["says"].startswith("0 objects")
    assert measured["dvc_status"]["says"].startswith("Data and pipelines are up to date")


@pytest.mark.soak
def test_encoders(finished: Workspace, tmp_path: Path) -> None:
    workspace = finished.copy(tmp_path / "workspace")
    small = {"auto_tagging": SMALL_TAGS, "multi_level_2017": SMALL_TAGS, "sample_level_cnn": SMALL_SAMPLES}
    small |= {**SMALL_VECTORS, "wang_2014_hldbn": MIXES["wang_2014_hldbn"]}
    for paper, values in small.items():
        for key, value in values.items():
            workspace.set_param(key, value, f"reproductions/{paper}/params.yaml")
    told = run("encoders.py", str(workspace.root))
    assert told["tag_frequency"]["auc"] == 0.5 < told["linear_bow"]["auc"]
    of_papers = {"mel_27", "levels_of_all", "sample_level_first_27", "artist_softmax", "untrained", "cnn_mse"}
    assert of_papers | {"dcue_basic_factors", "hldbn"} <= set(told)
