"""`python tests/linked_venv.py CLONE`: a .venv with the packages that this Python has and the clone's code.

Instead of `make .venv/installed`, which takes minutes and a network.
"""

import subprocess
import sys
import sysconfig
from pathlib import Path


def link_venv(clone: Path) -> None:
    """Make `clone/.venv`, and the mark by which make takes it for installed."""
    venv, theirs = clone / ".venv", Path(sys.prefix)
    packages = sysconfig.get_path("purelib")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    site = next(venv.glob("lib/python3*/site-packages"))
    # by name, not as a folder of .pth files: one of these would lead to the other checkout's code
    (site / "packages.pth").write_text(f"import sys; sys.path.append({packages!r})\n")
    (site / "earshot.pth").write_text("../../../../src\n")
    for program in sorted((theirs / "bin").iterdir()):
        target = venv / "bin" / program.name
        if target.exists() or program.is_symlink() or program.is_dir():
            continue
        head = program.read_bytes()
        if head.startswith(b"#!"):
            target.write_bytes(head.replace(bytes(theirs), bytes(venv.resolve())))
            target.chmod(0o755)
        elif head.startswith(b"\x7fELF"):
            target.symlink_to(program)
    (venv / "installed").touch()


if __name__ == "__main__":
    link_venv(Path(sys.argv[1]))
