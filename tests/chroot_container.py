"""The steps of the Dockerfile in a folder, for machines without a container engine.

`python -m tests.chroot_container FOLDER` makes a base with debootstrap, replays the instructions in a chroot,
puts a fresh clone at /workspace, and runs commands there as the image's user. It takes root, debootstrap, and
a network that reaches Debian's mirror and PyPI. It differs from an image in three ways:

- the base is Debian's smallest with its Python 3.11 and pip, not python:3.11-slim on the same Debian;
- a folder of wheels that PIP_FIND_LINKS names is seen by pip: the build of PyTorch for CPUs is not on PyPI;
- all is one file system, so the sizes are of files, not of layers, and not compressed.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from earshot.terminal import say
from tests.test_containers import ROOT, SERVICES, instructions

BASE = "python3,python3-pip,python3-dev,python-is-python3,ca-certificates"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
WANTED = "debootstrap and root are wanted"
_MOUNT = "mount -t proc proc {0}/proc && mount --rbind /dev {0}/dev && cp /etc/resolv.conf {0}/etc/ && exec "


class Chroot:
    """A folder as a root of its own; each command has namespaces, mounts and processes of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.user: list[str] = []
        self.environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        self.arguments: dict[str, str] = {}
        self.folder = "/"

    def run(self, command: str) -> str:
        """What `command` says, in sh. RuntimeError if it fails; what it started ends with it."""
        inside = [*self.user, "sh", "-c", f"cd {shlex.quote(self.folder)} && {command}"]
        outside = f"{_MOUNT.format(self.root)} chroot {self.root} {shlex.join(inside)}"
        unshared = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", outside]
        done = subprocess.run(
            unshared,
            env=self.environment | self.arguments | _pip(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"{command}: exit status {done.returncode}\n{done.stdout[-5000:]}")
        return done.stdout

    def filled(self, text: str) -> str:
        known = self.environment | self.arguments
        return re.sub(r"\$\{?(\w+)\}?", lambda found: known.get(found[1], ""), text)


def _pip() -> dict[str, str]:
    """Debian's pip refuses otherwise, that of the base image does not; an index out of reach is left."""
    settings = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    return settings | {"PIP_BREAK_SYSTEM_PACKAGES": "1", "PIP_ROOT_USER_ACTION": "ignore", "PIP_RETRIES": "1"}


def base(suite: str, root: Path) -> Chroot:
    """Debian's smallest base with Python, and the folder of wheels that pip is to look into, if any."""
    subprocess.run(["debootstrap", "--variant=minbase", f"--include={BASE}", suite, str(root)], check=True)
    shutil.rmtree(root / "var/cache/apt/archives")
    if CERTIFICATES.is_file():  # whom this machine trusts, as behind a proxy
        shutil.copy(CERTIFICATES, root / CERTIFICATES.relative_to("/"))
    wheels = os.environ.get("PIP_FIND_LINKS")
    if wheels and Path(wheels).is_dir():
        shutil.copytree(wheels, root / wheels.lstrip("/"))
    return Chroot(root)


def replay(root: Path) -> Chroot:
    """The Dockerfile's instructions one after another; after each the size of the folder is told."""
    chroot = Chroot(root)
    for name, what in instructions():
        if name == "FROM":
            chroot = base(what.rpartition("-")[2], root)
        elif name == "ARG":
            key, value = what.split("=")
            chroot.arguments[key] = os.environ.get(key, value)
        elif name == "ENV":
            chroot.environment |= dict(each.split("=", 1) for each in shlex.split(what))
        elif name == "WORKDIR":
            chroot.folder = what
        elif name == "COPY":
            *sources, _ = what.split()
            for source in sources:
                shutil.copy(ROOT / source, root / chroot.folder.lstrip("/"))
        elif name == "USER":
            user, group = chroot.filled(what).split(":")
            chroot.user = [
                "setpriv",
                f"--reuid={user}",
                f"--regid={group}",
                "--clear-groups",
                "--no-new-privs",
            ]
            chroot.environment["HOME"] = "/home/earshot"
        elif name == "RUN":
            chroot.run(what)
        else:
            assert name == "CMD"
        say(f"{megabytes(root):>6} MB after {name} {what[:90]}")
    return chroot


def megabytes(root: Path) -> int:
    """Of files, without what was brought for pip."""
    wheels = os.environ.get("PIP_FIND_LINKS", "")
    skip = ["--exclude", str(root / wheels.lstrip("/"))] if wheels else []
    said = subprocess.run(["du", "-sm", *skip, str(root)], check=True, stdout=subprocess.PIPE, text=True)
    return int(said.stdout.split()[0])


def mount_clone(chroot: Chroot) -> None:
    """A fresh clone as /workspace, the image's user's, and Dagster's settings where compose.yaml has them."""
    workspace = chroot.root / "workspace"
    shutil.rmtree(workspace)
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(workspace)], check=True)
    shutil.copy(workspace / ".dagster/dagster.yaml", chroot.root / "dagster/dagster.yaml")
    owner = f"{chroot.arguments['USER_ID']}:{chroot.arguments['GROUP_ID']}"
    subprocess.run(["chown", "--recursive", owner, str(workspace), str(chroot.root / "dagster")], check=True)


def commands() -> list[str]:
    """What is run as the image's user: who that is, the services of compose.yaml as far as one shell goes."""
    code = str(SERVICES["code"]["command"]).replace("0.0.0.0", "127.0.0.1")
    health = shlex.join(SERVICES["code"]["healthcheck"]["test"][1:])
    wait = f"for _ in $(seq 90); do {health} > /dev/null && exit 0; sleep 2; done; cat /tmp/code.log; exit 1"
    return [
        '[ "$(id -u)" != 0 ] && ! touch /usr/x 2> /dev/null',
        "earshot --help",
        f"{code} > /tmp/code.log 2>&1 & {wait}",
        "dagster asset list --module-name orchestration.definitions",
        "python -m orchestration.run everything --demo",
    ]


def main(folder: Path) -> None:
    if os.geteuid() or not shutil.which("debootstrap"):
        sys.exit(WANTED)
    chroot = replay(folder.resolve())
    mount_clone(chroot)
    for command in commands():
        said = chroot.run(command)
        say(f"$ {command}\n{said[-2000:]}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
