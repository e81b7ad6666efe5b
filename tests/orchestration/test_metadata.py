"""What Dagster is told of outputs, stages and checks."""

import json
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest

from earshot.costs import Size, read_unit_costs
from earshot.files import parse_yaml
from earshot.serve.address import note_address
from earshot.versioning import PipelineStage, read_pipeline
from orchestration import alerts, check_words, expected, metadata, sensors
from orchestration.dvc_assets import stage_assets
from tests.deliveries.workspaces import empty_workspace

pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep:DeprecationWarning")  # DVC's own
PROJECT = Path(__file__).parents[2]
STAGES = parse_yaml((PROJECT / "dvc.yaml").read_text())["stages"]
PIPELINE = """
stages:
  raw_audio: {cmd: "true", outs: [data/raw_audio], meta: {lane: catalogue}}
  play_counts: {cmd: "true", deps: [data/raw_audio], outs: [data/play_counts], meta: {lane: catalogue}}
  drift: {cmd: "true", deps: [data/raw_audio], outs: [data/drift], meta: {lane: serving}}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace with three stages that never ran."""
    root = empty_workspace(tmp_path / "workspace")
    (root / "dvc.yaml").write_text(PIPELINE)
    return root


def test_an_output_is_told_in_numbers_tables_rows_and_columns(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata, "ROOT", root)
    stage = next(stage for stage in read_pipeline(root) if stage.target == "drift")
    output = root / "data" / "drift"
    output.mkdir(parents=True)
    pd.DataFrame({"delivery": ["a", "b"], "distance": [0.5, 2.0]}).to_parquet(output / "drift.parquet")
    rules = [{"rule": "chance", "told": "a | b", "p": 5e-05}]
    far = {f"d{number}": 0.123456789 for number in range(9)}
    said = {"auc": 0.7986326530059, "songs": 9, "drifted": False, "rules": rules, "far": far, "checks": [{}]}
    (output / "summary.json").write_text(json.dumps(said | {"notices": []}))
    found = metadata.stage_metadata(stage)
    assert (found["auc"], found["songs"], found["drifted"]) == (0.798633, 9, False)
    assert found["rules"].value == "| rule | told | p |\n| --- | --- | --- |\n| chance | a \\| b | 5e-05 |"
    assert found["far"].value.splitlines()[2] == "| d0 | 0.1235 |"
    assert found["notices"].value == "none"
    assert "checks" not in found
    assert found["dagster/row_count"] == 2
    columns = found["dagster/column_schema"].columns
    assert [column.name for column in columns] == ["delivery", "distance"]
    assert (columns[0].description, columns[1].type) == ("its name", "double")
    assert found["report"] == dg.MetadataValue.path("data/pages/drift.html")
    dg.AssetMaterialization("drift", metadata=found)  # Dagster takes all of it
    (root / ".earshot").mkdir()
    note_address(root, "http://localhost:8000")  # by a process that runs
    found = metadata.stage_metadata(stage)
    assert found["report"] == dg.MetadataValue.url("http://localhost:8000/reports/pages/drift.html")
    assert metadata.report_metadata("raw_audio") == {}


def test_a_run_says_where_it_is_and_how_long_the_rest_takes(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a machine as fast as that of the table, with a million plays of 2,000 songs, once counted."""
    monkeypatch.setattr(expected, "ROOT", root)
    monkeypatch.setattr(expected, "slowness", lambda _: 1.0)
    costs = read_unit_costs().stages
    stages = read_pipeline(root)
    told: dict[str, str] = {}

    def asset(stage: PipelineStage) -> dg.AssetsDefinition:
        before = [dg.AssetKey(key) for key in stage.data_deps.values() if key]

        @dg.asset(key=dg.AssetKey(stage.key), deps=before)
        def body(context: dg.AssetExecutionContext) -> None:
            told[stage.target] = expected.place(context, stage)
            (root / stage.output).mkdir(parents=True)
            counted = {"songs": 2_000, "plays": 1_000_000}
            (root / stage.output / "summary.json").write_text(json.dumps(counted))

        return body

    with dg.DagsterInstance.ephemeral() as instance:
        assert dg.materialize([asset(stage) for stage in stages], instance=instance).success
    assert told.pop("raw_audio") == "1 of 3"  # nobody has counted yet
    first, last = sorted(told, key=lambda target: told[target])
    assert told[first].startswith("2 of 3")
    if first == "play_counts":
        seconds = costs["drift"].seconds(Size(2_000, 1_000_000))
        assert told[last] == f"3 of 3, {expected.roughly(seconds)} left"


def test_every_stage_of_the_pipeline_has_a_cost_code_and_an_owner() -> None:
    """And of the embedded catalogue the whole is what was measured: 322 s."""
    costs = read_unit_costs()
    assert set(costs.stages) == set(STAGES)
    total = sum(cost.seconds(costs.catalogue) for cost in costs.stages.values())
    assert total == pytest.approx(322, abs=2)
    assert set(metadata.TABLES) <= set(STAGES)
    stages = [stage for stage in read_pipeline(PROJECT) if stage.target in STAGES]
    for stage, asset in zip(stages, stage_assets(stages), strict=True):
        [spec] = asset.specs
        assert spec.owners == ["team:earshot"]
        assert {"dvc", "parquet"} - spec.kinds == (set() if stage.target in metadata.TABLES else {"parquet"})
        references = spec.metadata["dagster/code_references"].code_references
        assert [Path(each.file_path).relative_to(PROJECT).as_posix() for each in references] == [
            f"src/earshot/stages/{stage.target}.py",
            "dvc.yaml",
        ]


def test_a_broken_params_file_is_told_in_words(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (alerts, check_words, sensors):
        monkeypatch.setattr(module, "ROOT", root)
    whole = check_words.sentences()
    params = root / "params.yaml"
    params.write_text(params.read_text().replace("min_users: ", "min_userz: "))
    wanted = "play_counts.min_userz="
    assert {stage: set(said) for stage, said in check_words.sentences().items()} == {
        stage: set(said) for stage, said in whole.items()
    }
    with dg.DagsterInstance.ephemeral() as instance:
        tick = alerts.freshness(dg.build_sensor_context(instance, cursor="{}"))
        assert isinstance(tick, dg.SensorResult)
        assert tick.skip_reason is not None
        assert wanted in str(tick.skip_reason.skip_message)
    for check in alerts.freshness_checks:
        answered = check()
        assert isinstance(answered, dg.AssetCheckResult)
        assert (answered.passed, wanted in str(answered.description)) == (False, True)
    params.write_text("seed: [")
    changed = sensors.definitions_changed({})()
    assert isinstance(changed, dg.SkipReason)
    assert "params.yaml" in str(changed.skip_message)
