"""Which PyTorch `make` has pip install, and what it says where that cannot be had."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PYTHON = f"""#!/bin/sh
# stands in for Python and for the venv's: notes what pip is asked for, and knows no other index
case "$*" in
  -c*) exec {sys.executable} "$@" ;;
  "-m venv .venv")
    mkdir -p .venv/bin .venv/lib/python3.11/site-packages
    touch .venv/lib/python3.11/site-packages/__editable__.earshot-1.pth
    cp "$0" .venv/bin/python ;;
  *) echo "$*" >> asked ;;
esac
case "$*" in *--index-url*) [ -e reachable ] ;; esac
"""
INDEX = "https://download.pytorch.org/whl/cpu"
PIP = "-m pip install --quiet --disable-pip-version-check --constraint constraints.txt"
CPU = f"{PIP} --no-deps --timeout 10 --retries 0 --index-url {INDEX} torch"
ALL = f"{PIP} --editable .[dev]"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "python").write_text(PYTHON)
    (tmp_path / "python").chmod(0o755)
    return tmp_path


def make(folder: Path, torch: str) -> tuple[int, str, list[str]]:
    """Exit status, what was said, and what pip was asked for."""
    command = ["make", "-C", str(folder), ".venv/installed", f"TORCH={torch}", f"PYTHON={folder / 'python'}"]
    done = subprocess.run(command, capture_output=True, text=True)
    asked = folder / "asked"
    lines = asked.read_text().splitlines() if asked.exists() else []
    return done.returncode, done.stdout, lines


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere PyPI has the build for CPUs")
def test_the_build_for_cpus_is_tried_first_and_done_without(folder: Path) -> None:
    status, said, asked = make(folder, "cpu")
    assert (status, asked) == (0, [CPU, ALL])
    assert f"no build for CPUs from {INDEX}: going on" in said
    (folder / "reachable").touch()
    (folder / ".venv" / "installed").unlink()
    status, said, asked = make(folder, "cpu")
    assert (status, asked[2:]) == (0, [CPU, ALL])
    assert "no build" not in said


def test_cuda_comes_as_pip_finds_it_and_nothing_else_is_known(folder: Path) -> None:
    status, said, asked = make(folder, "gpu")
    assert (status, asked) == (2, [])
    assert "TORCH=gpu must be cpu or cuda" in said
    assert make(folder, "cuda")[::2] == (0, [ALL])
