"""Dockerfile and compose.yaml, as far as they can be judged without a container engine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from earshot.files import parse_yaml

ROOT = Path(__file__).resolve().parents[1]
SERVICES: dict[str, dict[str, Any]] = parse_yaml((ROOT / "compose.yaml").read_text(encoding="utf-8"))[
    "services"
]


def instructions() -> list[tuple[str, str]]:
    """(INSTRUCTION, arguments) of the Dockerfile, continued lines joined."""
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if line.strip() and not line.startswith("#"))
    joined = text.replace("\\\n", " ").splitlines()
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in joined]


def copied() -> list[str]:
    return [path for name, what in instructions() if name == "COPY" for path in what.split()[:-1]]


def test_ports_are_bound_to_loopback_alone() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert ports == ["127.0.0.1:3000:3000"]


def test_nothing_runs_as_root() -> None:
    assert [what for name, what in instructions() if name == "USER"] == ["$USER_ID:$GROUP_ID"]
    assert instructions()[-2:] == [("USER", "$USER_ID:$GROUP_ID"), ("CMD", '["earshot", "--help"]')]
    assert any('[ "$USER_ID" -ne 0 ] ||' in what for name, what in instructions() if name == "RUN")
    for service in SERVICES.values():
        assert "user" not in service
        assert service["cap_drop"] == ["ALL"]


def test_packages_are_the_pinned_ones() -> None:
    installs = [what for name, what in instructions() if name == "RUN" and "pip install" in what]
    assert installs
    assert all("--constraint constraints.txt" in install for install in installs)


def test_the_image_has_no_cuda_unless_asked() -> None:
    assert ("ARG", "TORCH=cpu") in instructions()
    assert SERVICES["code"]["build"]["args"]["TORCH"] == "${TORCH:-cpu}"
    installs = [what for name, what in instructions() if name == "RUN" and "pip install" in what]
    assert installs[0].startswith('[ "$TORCH" = cuda ]')
    assert "https://download.pytorch.org/whl/$TORCH" in installs[0]


def test_what_is_copied_is_there_and_reaches_the_build() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert copied()
    for path in copied():
        assert (ROOT / path).exists()
        assert f"!{path}" in ignored


def test_what_is_mounted_is_there() -> None:
    for service in SERVICES.values():
        binds = [volume for volume in service["volumes"] if volume["type"] == "bind"]
        assert [bind["target"] for bind in binds] == ["/workspace", "/dagster/dagster.yaml"]
        assert all((ROOT / bind["source"]).exists() for bind in binds)


def test_all_share_the_processes_of_the_code_location() -> None:
    namespaces = {name: service.get("pid") for name, service in SERVICES.items()}
    assert namespaces == {"code": None, "webserver": "service:code", "daemon": "service:code"}


def test_the_code_location_is_the_projects() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    command = SERVICES["code"]["command"].split()
    assert command[:3] == ["dagster", "code-server", "start"]
    assert command[command.index("--module-name") + 1] == project["tool"]["dagster"]["module_name"]


def test_hadolint_finds_nothing() -> None:
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which("hadolint")
    if hadolint is None:
        pytest.skip("hadolint is not installed")
    linted = subprocess.run([hadolint, str(ROOT / "Dockerfile")], capture_output=True, text=True)
    assert linted.returncode == 0, linted.stdout


@pytest.mark.soak
def test_its_steps_and_its_pipeline_run_in_a_chroot(tmp_path: Path) -> None:
    """As the image's user, on a fresh clone; takes Debian's mirror and PyPI."""
    if os.geteuid() or not shutil.which("debootstrap"):
        pytest.skip("debootstrap and root are wanted")
    from tests import chroot_container

    chroot_container.main(tmp_path)
