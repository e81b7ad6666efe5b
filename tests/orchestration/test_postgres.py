"""Dagster's history in Postgres, by the settings that deploy/kubernetes has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster_postgres import PostgresEventLogStorage, PostgresRunStorage, PostgresScheduleStorage

from orchestration import sync
from orchestration.alive import PROCESS_TAG
from orchestration.weekly_lists import playlists
from tests.postgres import PASSWORD, for_dagster, postgres
from tests.test_kubernetes import BY_KIND


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "dagster.yaml").write_text(BY_KIND["ConfigMap"]["data"]["dagster.yaml"])
    with postgres() as url:
        monkeypatch.setenv("EARSHOT_POSTGRES", for_dagster(url))
        yield tmp_path


def test_what_one_process_did_another_knows(home: Path) -> None:
    key, tags = dg.AssetKey("hyper_images"), {sync.DATA_VERSION: "1" * 32}
    with dg.DagsterInstance.from_config(str(home)) as instance:
        ran = playlists.execute_in_process(instance=instance)
        assert sync._is_news(instance, key, tags)
        sync._report(instance, key, tags, {"songs": 3})
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert isinstance(instance.run_storage, PostgresRunStorage)
        assert isinstance(instance.event_log_storage, PostgresEventLogStorage)
        assert isinstance(instance.schedule_storage, PostgresScheduleStorage)
        (record,) = instance.get_run_records()
        assert record.dagster_run.run_id == ran.run_id
        assert record.dagster_run.status == dg.DagsterRunStatus.SUCCESS
        assert PROCESS_TAG in record.dagster_run.tags
        events = instance.all_logs(ran.run_id)
        assert any("names no folder" in event.user_message for event in events)
        assert not sync._is_news(instance, key, tags)
        assert sync._is_news(instance, key, {sync.DATA_VERSION: "2" * 32})
    written = [path for path in home.rglob("*") if path.is_file()]
    assert not [path for path in written if path.suffix == ".db"]
    assert not [path for path in written if PASSWORD.encode() in path.read_bytes()]
