"""A Postgres of Debian's for a test: on a free port of 127.0.0.1, ended by whoever started it."""

from __future__ import annotations

import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

_PR_SET_PDEATHSIG = 1
PASSWORD = "wkq9 Zt@/4"
"""With what a URL must quote."""


def program(name: str) -> str:
    """Where `name` is; Debian keeps it out of PATH. Skips the test where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    where = str(found[-1]) if found else shutil.which(name)
    if where is None:
        pytest.skip(f"Postgres is not installed: no `{name}`")
    return where


@contextmanager
def postgres() -> Iterator[str]:
    """URL of the database of a new Postgres, whose files go with it."""
    # not below pytest's folders, which are for their owner alone
    with tempfile.TemporaryDirectory(prefix="earshot-postgres-") as folder, _running(Path(folder)) as port:
        yield f"postgresql://earshot:{quote(PASSWORD, safe='')}@127.0.0.1:{port}/postgres"


def for_dagster(url: str) -> str:
    """With the driver that dagster-postgres brings named: SQLAlchemy takes another by itself since 2.1."""
    return url.replace("postgresql://", "postgresql+psycopg2://")


@contextmanager
def _running(folder: Path) -> Iterator[int]:
    initdb, server_program = program("initdb"), program("postgres")
    (folder / "password").write_text(PASSWORD)
    user = _not_root(folder)
    data = str(folder / "data")
    options = [*("--username", "earshot"), *("--auth", "scram-sha-256"), *("--encoding", "UTF8")]
    command = [initdb, "--pgdata", data, "--pwfile", "password", "--no-sync", "--locale", "C", *options]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, **user)
    port = free_port()
    settings = {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "port": port,
        "fsync": "off",
        "autovacuum": "off",
    }
    command = [server_program, "-D", data, *(f"--{name}={value}" for name, value in settings.items())]
    with (folder / "log.txt").open("wb") as log:
        output: dict[str, Any] = {"stdout": log, "stderr": log, "preexec_fn": die_with_parent}
        server = subprocess.Popen(command, cwd=folder, **output, **user)
    try:
        _wait_for(port, server, folder / "log.txt")
        yield port
    finally:
        server.send_signal(signal.SIGINT)  # "fast": clients are cut off
        server.wait(60)


def _not_root(folder: Path) -> dict[str, int]:
    """As whom it runs: Postgres refuses root, and Debian's package has made a user."""
    if os.geteuid():
        return {}
    try:
        account = pwd.getpwnam("postgres")
    except KeyError:
        account = pwd.getpwnam("nobody")
    for path in (folder, folder / "password"):
        os.chown(path, account.pw_uid, account.pw_gid)
    return {"user": account.pw_uid, "group": account.pw_gid}


def die_with_parent() -> None:
    """Of a child that is about to become another program: it ends too where the tests are killed."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)


def free_port() -> int:
    """Of 127.0.0.1, at this moment."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port: int = asked.getsockname()[1]
        return port


def _wait_for(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        if "ready to accept connections" in log.read_text():
            return
        time.sleep(0.05)
    raise RuntimeError(f"Postgres on port {port} did not come up:\n{log.read_text()}")
