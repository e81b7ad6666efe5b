"""Nobody outlives the one that started them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from earshot.processes import core_count

STAGE = """
import subprocess, sys, time
from earshot.processes import die_with_parent
die_with_parent()
child = subprocess.Popen(["sleep", "60"])
print(child.pid, flush=True)
time.sleep(60)
"""

STARTER = """
import subprocess, sys
subprocess.run(["/bin/sh", "-c", f"FLAG=1 '{sys.executable}' stage.py; true"])
"""


def test_a_stage_and_its_children_die_with_a_killed_starter(tmp_path: Path) -> None:
    (tmp_path / "stage.py").write_text(STAGE)
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER], cwd=tmp_path, stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    assert starter.stdout is not None
    grandchild = int(starter.stdout.readline())
    family = psutil.Process(starter.pid).children(recursive=True)
    assert grandchild in {process.pid for process in family}
    time.sleep(0.3)
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    starter.stdout.close()
    deadline = time.monotonic() + 10
    while any(map(_runs, family)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(_runs, family))


def test_a_stage_whose_starter_is_dead_already_ends_at_once() -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    code = f"from earshot.processes import die_with_parent; die_with_parent({gone.pid}); print('lives')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "")


def test_a_stage_whose_dvc_is_dead_and_gone_ends_at_once(tmp_path: Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    (tmp_path / "dvc.yaml").write_text("stages: {raw_audio: {cmd: ., outs: [data/raw_audio]}}")
    rwlock = tmp_path / ".dvc" / "tmp" / "rwlock"
    rwlock.parent.mkdir(parents=True)
    rwlock.write_text(json.dumps({"write": {str(tmp_path / "data" / "raw_audio"): {"pid": gone.pid}}}))
    stage = [sys.executable, "-m", "earshot", "stage", "raw_audio"]
    environment = os.environ | {"DVC_STAGE": "raw_audio"}
    done = subprocess.run(stage, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


def _runs(process: psutil.Process) -> bool:
    try:
        # a shell left behind by the kill only waits; its command is what must be gone
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE and process.name() != "sh"
    except psutil.NoSuchProcess:
        return False


def test_what_a_killed_stage_left_of_its_temporary_files_goes_with_the_next(tmp_path: Path) -> None:
    code = """
import os, signal, subprocess, sys, tempfile
from pathlib import Path
from earshot.processes import temporary_files_in
with temporary_files_in(Path("tmp")):
    os.close(tempfile.mkstemp()[0])
    subprocess.run(["mktemp"], check=True, stdout=subprocess.DEVNULL)
    print(len(list(Path("tmp").iterdir())), flush=True)
    if "killed" in sys.argv:
        os.kill(os.getpid(), signal.SIGKILL)
"""

    def run(*arguments: str) -> str:
        command = [sys.executable, "-c", code, *arguments]
        environment = os.environ | {"PYTHONPATH": str(Path("src").absolute())}
        return subprocess.run(
            command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
        ).stdout

    assert run("killed") == "2\n"
    assert len(list((tmp_path / "tmp").iterdir())) == 2
    assert run() == "2\n"
    assert not (tmp_path / "tmp").exists()


def test_progress_writes_nothing_where_no_terminal_shows_it() -> None:
    code = "from earshot.processes import progress; print(sum(progress(range(9), description='', unit='n')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("36\n", "")


def v1(folder: str, quota: int) -> dict[str, str]:
    return {f"{folder}/cpu.cfs_quota_us": f"{quota}\n", f"{folder}/cpu.cfs_period_us": "100000\n"}


def _cgroups(folder: Path, own: str, files: dict[str, str]) -> tuple[Path, Path]:
    for name, content in files.items():
        path = folder / "mounted" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (folder / "own").write_text(own)
    return folder / "own", folder / "mounted"


@pytest.mark.parametrize(
    ("own", "files", "cores"),
    [
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "5000 100000\n"}, 1),
        ("0::/\n", {"cpu.max": "max 100000\n"}, 8),
        ("0::/\n", {"cpu.max": "9900000 100000\n"}, 8),
        ("0::/pod/it\n", {"pod/it/cpu.max": "max 100000\n", "pod/cpu.max": "300000 100000\n"}, 3),
        ("0::/of/the/host\n", {"cpu.max": "200000 100000\n"}, 2),
        ("5:memory:/\n4:cpu,cpuacct:/docker/1\n0::/\n", v1("cpu,cpuacct/docker/1", 250000), 3),
        ("4:cpu,cpuacct:/docker/1\n", v1("cpu", 100000), 1),
        ("4:cpu,cpuacct:/\n", v1("cpu,cpuacct", -1), 8),
        ("0::/\n", {}, 8),
        ("", {}, 8),
    ],
)
def test_a_cpu_quota_counts_as_so_many_cores(
    own: str, files: dict[str, str], cores: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    assert core_count(*_cgroups(tmp_path, own, files)) == cores
