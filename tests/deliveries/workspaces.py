"""Workspaces that took in nothing yet, and a sound to deliver."""

import subprocess
import wave
from io import BytesIO
from pathlib import Path

import numpy as np

PARAMS = (Path(__file__).parents[2] / "params.yaml").read_text()


def empty_workspace(root: Path, max_set_aside_share: float = 0.5) -> Path:
    """What git and DVC need, and params.yaml; a pipeline without a stage."""
    (root / ".dvc" / "tmp").mkdir(parents=True)
    (root / ".dvc" / "config").write_text(
        '[cache]\n    type = "hardlink,copy"\n[core]\n    analytics = false\n'
    )
    (root / "dvc.yaml").write_text("stages: {}\n")
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    share = "max_set_aside_share: 0.5"
    assert share in PARAMS
    (root / "params.yaml").write_text(PARAMS.replace(share, f"max_set_aside_share: {max_set_aside_share}"))
    return root


def sound(number: int = 0) -> bytes:
    """A wav file: two seconds of noise, other noise for each `number`."""
    content = BytesIO()
    with wave.open(content, "wb") as file:
        file.setparams((1, 1, 4000, 0, "NONE", ""))
        file.writeframes(np.random.default_rng(number).bytes(8000))
    return content.getvalue()
