"""`executor` in params.yaml: read by itself, refused where it cannot be had, and no stage depends on it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from earshot.errors import UserError
from earshot.executors import executing_on, has_machines_elsewhere, parallel_map
from earshot.params import ExecutorSettings, load_params, read_executor
from earshot.versioning import read_definitions
from tests.executors.here import executing_here

ROOT = Path(__file__).parents[2]


def test_the_section_is_read_alone_and_checked(tmp_path: Path) -> None:
    params = tmp_path / "params.yaml"
    params.write_text("executor: {kind: ray, workers: 2, address: auto}\nseed: 0\n")
    assert read_executor(params) == ExecutorSettings("ray", 2, "auto")
    params.write_text("seed: 0\n")
    assert read_executor(params) == ExecutorSettings("local", None, None)
    params.write_text("executor: {kind: slurm, cores: 2}\n")
    with pytest.raises(UserError) as raised:
        read_executor(params)
    assert "executor: kind='slurm': Input should be 'local' or 'ray'" in str(raised.value)
    assert "executor: cores=2: unknown key; allowed here: kind, workers, address" in str(raised.value)


def test_no_stage_depends_on_it() -> None:
    assert load_params(ROOT / "params.yaml").executor == ExecutorSettings()
    keys = {key for stage in read_definitions(ROOT) for named in stage.params.values() for key in named}
    assert "seed" in keys
    assert not [key for key in keys if key.split(".")[0] == "executor"]
    assert "executors" not in (ROOT / "dvc.yaml").read_text()


def test_local_workers_are_as_many_as_asked_for() -> None:
    with executing_on(ExecutorSettings(workers=1)):
        assert not has_machines_elsewhere()
        pids = set(parallel_map(worker, range(6), description="workers", unit="worker"))
    assert len(pids) == 1


def worker(_: int) -> int:
    import os

    return os.getpid()


def test_threads_take_the_place_of_workers() -> None:
    from earshot.executors import open_pool

    with executing_here(workers=8):
        for threads, n_workers in ((1, 6), (2, 4), (3, 2), (16, 1)):
            with open_pool(abs, 6, description="", threads=threads) as pool:
                assert pool.n_workers == n_workers
                assert list(pool.map([-1, 2])) == list(pool.map([1, -2])) == [1, 2]


def test_where_ray_is_missing_the_line_to_type_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("earshot.executors.on_ray.find_spec", lambda _: None)
    settings = ExecutorSettings(kind="ray")
    with pytest.raises(UserError, match=re.escape("pip install 'earshot[ray]'")), executing_on(settings):
        pass
