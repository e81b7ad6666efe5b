"""Nobody outlives the one that started them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

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


def _runs(process: psutil.Process) -> bool:
    try:
        # a shell left behind by the kill only waits; its command is what must be gone
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE and process.name() != "sh"
    except psutil.NoSuchProcess:
        return False
