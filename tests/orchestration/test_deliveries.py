"""The asset that takes in: what stays in the inbox fails nobody else's run."""

import errno
from pathlib import Path

import dagster as dg
import pytest

from earshot.deliveries import ingest
from earshot.deliveries.inbox import make_inbox
from orchestration import deliveries
from tests.deliveries.workspaces import empty_workspace


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Dagster's own context
def test_a_run_succeeds_for_what_it_took_in_and_says_what_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = empty_workspace(tmp_path / "workspace")
    monkeypatch.setattr(deliveries, "ROOT", root)
    for name in ("bad", "good"):
        folder = make_inbox(root) / name
        folder.mkdir()
        (folder / "songs.csv").write_text(f"song_id\n{name}\n")
        (folder / "_SUCCESS").touch()
    check = ingest.check

    def spoilt(folder: Path) -> None:
        if folder.name == "bad":
            raise OSError(errno.EIO, "Input/output error")
        check(folder)

    monkeypatch.setattr(ingest, "check", spoilt)
    with dg.DagsterInstance.ephemeral() as instance:

        def told(**tags: str) -> dict[str, object]:
            ran = dg.materialize([deliveries.deliveries], instance=instance, tags=tags)
            assert ran.success
            [event] = ran.asset_materializations_for_node("deliveries")
            return {name: value.value for name, value in event.metadata.items()}

        first = told()
        assert (first["taken in"], first["deliveries"], first["withdrawn"]) == ("- good", 1, 0)
        assert "Input/output error" in str(first["stays in the inbox"])
        asked_by_the_sensor = told(**{deliveries.FINGERPRINT_TAG: "x"})
        assert asked_by_the_sensor["stays in the inbox"] == "none"
        assert (root / "data" / "inbox" / "bad").is_dir()
    assert "delivery stays in the inbox" in (root / ".earshot" / "alerts.log").read_text()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Dagster's own context
def test_a_run_that_rejected_something_shows_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By tags to search by, a warning in its log, and a check that fails with the reason in a table."""
    root = empty_workspace(tmp_path / "workspace")
    monkeypatch.setattr(deliveries, "ROOT", root)
    for name, heading in (("wrong", "title"), ("right", "song_id")):
        folder = make_inbox(root) / name
        folder.mkdir()
        (folder / "songs.csv").write_text(f"{heading}\na|b\n")
        (folder / "_SUCCESS").touch()
    with dg.DagsterInstance.ephemeral() as instance:
        ran = dg.materialize([deliveries.deliveries], instance=instance)
        run = instance.get_run_by_id(ran.run_id)
        assert run is not None
        assert run.tags[deliveries.DELIVERY_TAG] == "right"
        assert run.tags[deliveries.REJECTED_TAG] == "wrong"
        warned = [entry.user_message for entry in instance.all_logs(ran.run_id) if entry.level == 30]
        assert len(warned) == 1
        assert warned[0].startswith("data/rejected/wrong: ")
    [check] = ran.get_asset_check_evaluations()
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    # a list: Dagster cuts off the cells of a table that are long
    (shown,) = str(check.metadata["rejected"].value).splitlines()
    assert shown.startswith("- **wrong**: ")
