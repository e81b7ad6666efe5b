"""Ctrl-C and SIGTERM, sent to real processes as a terminal and a supervisor send them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from earshot.processes import is_alive

SENTENCE = "interrupted; say it again and it goes on"

HEARS = "from earshot.signals import hear_signals; hear_signals();"
SLEEPS = "print('ready', flush=True); import time; time.sleep(60)"
COMMANDS = {
    # what DVC does while a stage runs, Dagster while a step does, and Lightning while it trains
    "among handlers": f"""{HEARS}
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, lambda *_: None)
{SLEEPS}""",
    "with a deaf child": f"""{HEARS}
import subprocess
subprocess.Popen(["sh", "-c", "trap '' INT TERM; sleep 60; sleep 60"])
{SLEEPS}""",
    "with a command of ours below": f"""{HEARS}
import subprocess, sys
below = subprocess.Popen(["sh", "-c", f"FLAG=1 '{{sys.executable}}' -c \\"{HEARS} {SLEEPS}\\"; exit 3"])
sys.exit(f"it failed: {{below.wait()}}")""",
    "with workers": """
import time
from pathlib import Path
from earshot.executors import parallel_map
from earshot.signals import hear_signals
def work(number):
    print("ready", flush=True)
    time.sleep(60)
if __name__ == "__main__":
    hear_signals()
    list(parallel_map(work, range(4), description="working", unit="song"))""",
    # as a stage of DVC's does that has not come to hear_signals yet
    "while one below dash starts up": f"""{HEARS}
import subprocess, sys
from earshot.signals import no_sigint_below
code = "import time; print('ready', flush=True); time.sleep(60)"
with no_sigint_below():
    below = subprocess.Popen(["sh", "-c", f'FLAG=1 "{{sys.executable}}" -c "{{code}}"'])
below.wait()""",
    "in a long call": f"""{HEARS}
import hashlib
print("ready", flush=True)
hashlib.pbkdf2_hmac("sha1", b"", b"", 10**8)""",
}


def start(folder: Path, code: str) -> subprocess.Popen[str]:
    (folder / "command.py").write_text(code)
    command = subprocess.Popen(
        [sys.executable, "command.py"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1] / "src")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert command.stdout is not None
    assert command.stdout.readline() == "ready\n", command.communicate()[1]
    return command


def left_of(session: int) -> list[psutil.Process]:
    """Who is still there of those that were started in `session`."""

    def belongs(process: psutil.Process) -> bool:
        try:
            return os.getsid(process.pid) == session and is_alive(process)
        except ProcessLookupError:
            return False

    deadline = time.monotonic() + 10
    while (left := list(filter(belongs, psutil.process_iter()))) and time.monotonic() < deadline:
        time.sleep(0.02)
    return left


@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
@pytest.mark.parametrize("code", COMMANDS.values(), ids=COMMANDS)
def test_a_command_that_is_told_to_end_says_one_sentence_and_leaves_nobody(
    tmp_path: Path, code: str, told: signal.Signals
) -> None:
    command = start(tmp_path, code)
    (os.killpg if told is signal.SIGINT else os.kill)(command.pid, told)
    said = command.communicate()[1].replace("\r", "\n").splitlines()
    assert command.returncode == 128 + told
    assert [line for line in said if line and not line.startswith("working:")] == [SENTENCE]
    assert left_of(command.pid) == []


def test_told_twice_or_all_at_once_it_says_it_once(tmp_path: Path) -> None:
    command = start(tmp_path, COMMANDS["with a command of ours below"])
    os.killpg(command.pid, signal.SIGTERM)
    os.killpg(command.pid, signal.SIGINT)
    assert command.communicate()[1].split("\n") == ["", SENTENCE, ""]
    assert command.returncode in (130, 143)
    assert left_of(command.pid) == []


def test_under_nohup_ctrl_c_stays_ignored(tmp_path: Path) -> None:
    ignores = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN);"
    command = start(tmp_path, f"{ignores} {HEARS} {SLEEPS}")
    os.killpg(command.pid, signal.SIGINT)
    os.kill(command.pid, signal.SIGTERM)  # the second of both, so the first would have won
    assert command.communicate()[1].split() == SENTENCE.split()
    assert command.returncode == 143


def test_what_it_started_can_be_ended(tmp_path: Path) -> None:
    """As Dagster ends what copies a step's output."""
    ends = "import subprocess, sys; child = subprocess.Popen(['sleep', '60']); child.terminate();"
    command = start(
        tmp_path, f"{HEARS} {ends} print('ready', flush=True); print(child.wait(), file=sys.stderr)"
    )
    assert command.communicate()[1] == f"{-signal.SIGTERM}\n"


def test_a_command_that_is_done_ignores_sigterm_while_python_ends(tmp_path: Path) -> None:
    late = """
import os, time
class Late:
    def __del__(self, write=os.write, sleep=time.sleep):
        write(1, b"ready\\n")
        sleep(0.5)
kept = Late()
"""
    command = start(tmp_path, f"{HEARS} {late}")
    os.kill(command.pid, signal.SIGTERM)
    assert command.communicate()[1] == ""
    assert command.returncode == 0
