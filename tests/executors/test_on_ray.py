"""A real Ray on this machine: what comes out is what comes out here, also where workers and nodes die."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
import soundfile

from earshot.errors import UserError
from earshot.executors import executing_on, parallel_map
from earshot.extraction.images import make_shards, plan_shards
from earshot.factors.wmf import Factorization, fit
from earshot.features.hyper_image import DEFAULTS
from earshot.params import ExecutorSettings
from tests.audio.files import RATE, stereo
from tests.executors.test_pool import killed_once, reason, square, treacherous
from tests.factors.test_blocks import confidences, same

pytestmark = pytest.mark.soak

TWO = ExecutorSettings(kind="ray", workers=2)
NUMBERS = {"factors": 8, "regularization": 5.0, "iterations": 4, "seed": 0}


@pytest.fixture(scope="module", autouse=True)
def on_ray() -> Iterator[None]:
    with executing_on(TWO):
        yield


def workers(at_work: bool = False) -> list[psutil.Process]:
    """The processes of Ray that earshot's workers are."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error, IndexError):
            if process.cmdline()[0].startswith("ray::EarshotWorker" + at_work * ".work"):
                found.append(process)
    return found


def refuse(number: int) -> int:
    raise UserError(f"song {number}: not today")


def test_who_kills_a_worker_is_named_and_who_dies_once_is_tried_again(tmp_path: Path) -> None:
    """Results in order, though 3 and 4 kill their worker, each in its own way."""
    found = list(parallel_map(treacherous, range(6), description="items", unit="item", lost=reason))
    assert re.match(r"3 killed its worker: The actor is dead because its worker process has died", found[3])
    assert [found[n] for n in (0, 1, 2, 5)] == ["0", "1", "2", "5"]
    paths = [tmp_path / "a", tmp_path / "b"]
    assert list(parallel_map(killed_once, paths, description="files", unit="file")) == ["a", "b"]


def test_an_error_of_the_user_arrives_as_it_was_raised() -> None:
    with pytest.raises(UserError) as raised:
        list(parallel_map(refuse, [7], description="songs", unit="song"))
    assert str(raised.value) == "song 7: not today"
    assert "raise UserError" in raised.value.__notes__[0]


def test_a_factorization_has_the_same_bytes_though_a_worker_is_killed() -> None:
    plays, killed = confidences(0, 300, 200, 0.2), list[int]()

    def keep(state: Factorization) -> None:
        if len(state.objective) == 2:
            victim = workers()[0]
            victim.kill()
            killed.append(victim.pid)

    on_ray = fit(plays, **NUMBERS, keep=keep)
    assert killed
    with executing_on(ExecutorSettings()):
        assert same(on_ray, fit(plays, **NUMBERS))


def test_shards_have_the_same_bytes_though_a_worker_is_killed_at_a_song(tmp_path: Path) -> None:
    names = [f"s{number}" for number in range(6)]
    for number, name in enumerate(names):
        soundfile.write(tmp_path / f"{name}.ogg", stereo(2.0 + number / 4), round(RATE / 2 ** (number / 12)))
    files = pd.DataFrame({"song_id": names, "audio": [f"{name}.ogg" for name in names], "audio_md5": names})
    shards = plan_shards(files.assign(delivery="one", seconds=2.0, current=True), DEFAULTS)
    killed: list[int] = []
    killer = threading.Thread(target=kill_one_at_work, args=(killed,))
    killer.start()
    make_shards(shards, tmp_path, tmp_path / "on_ray", DEFAULTS)
    killer.join()
    assert killed
    with executing_on(ExecutorSettings(workers=1)):
        make_shards(shards, tmp_path, tmp_path / "here", DEFAULTS)
    made = sorted(path.relative_to(tmp_path / "here") for path in (tmp_path / "here").rglob("*.*"))
    assert len(made) >= 2
    for path in made:
        assert (tmp_path / "on_ray" / path).read_bytes() == (tmp_path / "here" / path).read_bytes()


def kill_one_at_work(killed: list[int]) -> None:
    deadline = time.monotonic() + 60
    while not killed and time.monotonic() < deadline:
        for process in workers(at_work=True)[:1]:
            process.kill()
            killed.append(process.pid)


def test_all_of_it_listens_on_this_machine_alone_and_no_token_is_kept(tmp_path: Path) -> None:
    assert list(parallel_map(square, [3], description="numbers", unit="number")) == [9]
    family = [psutil.Process(), *psutil.Process().children(recursive=True)]
    listening = set()
    for process in family:
        with suppress(psutil.Error):
            listening |= {each.laddr.ip for each in process.net_connections() if each.status == "LISTEN"}
    assert listening
    assert all(
        address.removeprefix("::ffff:").startswith("127.") or address == "::1" for address in listening
    )
    assert os.environ["RAY_AUTH_MODE"] == "token"
    sessions = list(Path("/tmp").glob(f"earshot-ray-{os.getpid()}-*"))
    assert len(sessions) == 1
    held = [path for path in sessions[0].rglob("*") if path.is_file()]
    assert not [path for path in held if os.environ["RAY_AUTH_TOKEN"].encode() in path.read_bytes()]


KILLED = """
import os, signal
from earshot.executors import executing_on, parallel_map
from earshot.params import ExecutorSettings
if __name__ == "__main__":
    with executing_on(ExecutorSettings(kind="ray", workers=1)):
        print(*parallel_map(abs, [-1], description="", unit=""), flush=True)
        input()
"""


def test_a_killed_process_leaves_no_cluster_and_the_next_one_takes_its_files_away(tmp_path: Path) -> None:
    (tmp_path / "it.py").write_text(KILLED)
    command = [sys.executable, tmp_path / "it.py"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=tmp_path, text=True, **pipes) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == "1\n"
        family = psutil.Process(starter.pid).children(recursive=True)
        assert any("raylet" in process.name() for process in family)
        (folder,) = Path("/tmp").glob(f"earshot-ray-{starter.pid}-*")
        starter.send_signal(signal.SIGKILL)
    _, alive = psutil.wait_procs(family, timeout=180)  # two agents of Ray look once a minute
    assert not alive
    again = subprocess.run(command, cwd=tmp_path, text=True, input="\n", capture_output=True, check=True)
    assert again.stdout == "1\n"
    assert again.stderr == ""
    assert not folder.exists()


NODES = """
import os, sys, time
os.environ["RAY_AUTH_MODE"] = "disabled"
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
from ray.cluster_utils import Cluster
import logging, ray, threading
from earshot.executors import executing_on, parallel_map
from earshot.params import ExecutorSettings
from pathlib import Path

def slow(number):
    import ray
    Path(f"{number}-{ray.get_runtime_context().get_node_id()}").touch()
    time.sleep(1.0)
    return number

if __name__ == "__main__":
    import it
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    other = cluster.add_node(num_cpus=1)
    def end():
        while not list(Path().glob(f"*-{other.node_id}")):
            time.sleep(0.05)
        cluster.remove_node(other, allow_graceful=False)
    threading.Thread(target=end).start()
    with executing_on(ExecutorSettings(kind="ray", workers=2, address=cluster.address)):
        print(*parallel_map(it.slow, range(6), description="counting", unit=""), flush=True)
    cluster.shutdown()
"""


def test_a_node_that_is_gone_is_told_with_what_is_computed_again(tmp_path: Path) -> None:
    (tmp_path / "it.py").write_text(NODES)
    command = [sys.executable, tmp_path / "it.py"]
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"}
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    assert "0 1 2 3 4 5\n" in ran.stdout
    assert re.search(r"counting: node \S+ is gone or out of reach \(.*\); computed again: \d", ran.stderr), (
        ran.stderr
    )


def test_results_are_arrays_like_those_here() -> None:
    found = list(parallel_map(np.arange, [2, 3], description="arrays", unit="array"))
    assert [each.tolist() for each in found] == [[0, 1], [0, 1, 2]]
