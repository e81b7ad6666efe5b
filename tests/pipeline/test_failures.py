"""What stops a run stops both front ends with the same words, and the last output stays."""

import pytest

from tests.pipeline.workspace import Workspace


@pytest.mark.soak
def test_failing_expectations_stop_both_front_ends(workspace: Workspace) -> None:
    before = (workspace.root / "data" / "play_counts" / "plays.parquet").read_bytes()
    workspace.set_param("min_plays", 100_000_000)
    for said in (workspace.run("dvc", "repro", succeeds=False), workspace.job("everything", succeeds=False)):
        assert "at least 100,000,000" in said
        assert "UserFailureData" not in said
    assert (workspace.root / ".earshot" / "failed" / "play_counts" / "validation.json").is_file()
    assert (workspace.root / "data" / "play_counts" / "plays.parquet").read_bytes() == before
    assert workspace.stale_in_dvc() == {"play_counts"}


def test_an_unknown_parameter_stops_before_any_work(workspace: Workspace) -> None:
    params = workspace.root / "params.yaml"
    params.write_text(params.read_text().replace("  factors: ", "  fators: "))
    said = workspace.run("dvc", "repro", succeeds=False)
    assert "wmf_factors.fators=20: unknown key; allowed here: factors, alpha" in said


def test_what_is_not_there_is_said_in_one_line(workspace: Workspace) -> None:
    assert "no stage 'hyperimages'" in workspace.earshot("stage", "hyperimages", succeeds=False)
    said = workspace.earshot("ingest", "nowhere", succeeds=False)
    assert "nowhere" in said
    assert "Traceback" not in said
