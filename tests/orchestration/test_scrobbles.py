"""A delivery of plays an hour, where there are any."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from earshot.lanes.journal import Journal, Mark
from earshot.workspace import _PARTS
from orchestration import alive, scrobbles


def test_a_run_where_there_is_something_and_none_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in _PARTS:
        (tmp_path / name).mkdir()
    monkeypatch.setattr(scrobbles, "ROOT", tmp_path)
    monkeypatch.setattr(alive, "LOCK", tmp_path / "daemon")
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_schedule_context(instance)
        assert isinstance(scrobbles.hourly_scrobbles(context), dg.SkipReason)
        Journal(tmp_path).add("phone", [Mark("ada", "s1", "play", 1_700_000_000_000)])
        assert isinstance(scrobbles.hourly_scrobbles(context), dg.RunRequest)
        assert scrobbles.scrobbles.execute_in_process(instance=instance).success
        assert (tmp_path / "data" / "inbox" / "scrobbles-000000000000" / "plays.csv").is_file()
        assert isinstance(scrobbles.hourly_scrobbles(context), dg.SkipReason)
