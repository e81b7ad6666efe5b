"""Plays that are older than params.yaml allows: one alert, when they become so."""

import json
import os
import shutil
import time
from pathlib import Path

import dagster as dg
import pytest

from orchestration import alerts
from tests.pipeline.workspace import PROJECT

KEY = dg.AssetCheckKey(dg.AssetKey("play_counts"), "plays_lately")


def taken_in(root: Path, name: str, days_ago: float) -> None:
    folder = root / "data" / "deliveries" / name
    folder.mkdir(parents=True)
    (folder / "plays.csv").write_text("user_id,song_id\nu,s\n")
    with (root / "data" / "deliveries" / "index.csv").open("a") as index:
        index.write(f"{name},1.dir\n")
    record = folder.with_name(f"{name}.dvc")
    record.touch()
    moment = time.time() - days_ago * 86400
    os.utime(record, (moment, moment))


def test_old_plays_are_told_of_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts, "ROOT", tmp_path)
    monkeypatch.delenv("EARSHOT_WEBHOOK", raising=False)
    shutil.copyfile(PROJECT / "params.yaml", tmp_path / "params.yaml")
    (tmp_path / "data" / "deliveries").mkdir(parents=True)
    (tmp_path / "data" / "deliveries" / "index.csv").write_text("delivery,md5\n")
    cursor = None
    with dg.DagsterInstance.ephemeral() as instance:

        def tick() -> str:
            nonlocal cursor
            result = alerts.freshness(dg.build_sensor_context(instance, cursor=cursor))
            assert isinstance(result, dg.SensorResult)
            cursor = result.cursor
            return str(result.skip_reason.skip_message if result.skip_reason else "")

        def told() -> list[str]:
            log = tmp_path / ".earshot" / "alerts.log"
            return (
                [json.loads(line)["text"] for line in log.read_text().splitlines()] if log.is_file() else []
            )

        def passed() -> bool | None:
            record = instance.event_log_storage.get_latest_asset_check_execution_by_key([KEY]).get(KEY)
            return record and record.status.value == "SUCCEEDED"

        assert tick() == "all fresh"  # no plays, no release: nothing that could be old
        assert passed() is None
        taken_in(tmp_path, "a", days_ago=40)
        assert [tick(), tick()] == ["too old: play_counts"] * 2
        assert passed() is False
        assert told() == ["play_counts: the newest is 40.0 days old; alerts.play_counts_days=30"]
        taken_in(tmp_path, "b", days_ago=1)
        assert tick() == "all fresh"
        assert passed() is True
        assert len(told()) == 1
