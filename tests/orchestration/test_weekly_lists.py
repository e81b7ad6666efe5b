"""Playlists of the week are written where params.yaml names a folder."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from orchestration import alive, weekly_lists


def test_on_mondays_where_a_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = (Path(__file__).parents[2] / "params.yaml").read_text()
    monkeypatch.setattr(weekly_lists, "ROOT", tmp_path)
    monkeypatch.setattr(alive, "LOCK", tmp_path / "daemon")
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_schedule_context(instance)
        (tmp_path / "params.yaml").write_text(shipped)
        assert isinstance(weekly_lists.weekly_playlists(context), dg.SkipReason)
        assert weekly_lists.playlists.execute_in_process(instance=instance).success
        (tmp_path / "params.yaml").write_text(
            shipped.replace("folder: null # of the", "folder: music # of the")
        )
        assert isinstance(weekly_lists.weekly_playlists(context), dg.RunRequest)
        failed = weekly_lists.playlists.execute_in_process(instance=instance, raise_on_error=False)
        assert not failed.success  # nothing is served there
