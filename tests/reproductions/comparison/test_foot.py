"""The foot of a paper's report names the md5s that dvc.lock has of what it was made of, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

from comparison.foot import draw_sources

LOCK = """schema: '2.0'
stages:
  {stage}:
    cmd: x
    outs:
    - path: {path}
      hash: md5
      md5: {md5}
"""


def told(foot: str) -> dict[str, str]:
    return dict(re.findall("<dt>([^<]*)</dt><dd>([^<]*)</dd>", foot))


def test_outputs_of_the_pipeline_and_of_the_paper_itself(tmp_path: Path) -> None:
    lock = LOCK.format(stage="raw_audio", path="data/raw_audio", md5="1" * 32 + ".dir")
    (tmp_path / "dvc.lock").write_text(lock)
    paper = tmp_path / "reproductions" / "p"
    paper.mkdir(parents=True)
    lock = LOCK.format(stage="first", path="data/p/first", md5="2" * 32 + ".dir")
    (paper / "dvc.lock").write_text(lock)
    outputs = ["data/raw_audio", "data/p/first", "data/play_counts"]
    target = "reproductions/p/dvc.yaml:second"
    md5s = [digit * 32 + ".dir" for digit in "12"]
    made = {"Made by": f"dvc repro {target}"}
    assert told(draw_sources(tmp_path, target, outputs)) == made | dict(
        zip(outputs, [*md5s, "–"], strict=True)
    )
    assert told(draw_sources(tmp_path, target)) == {"Made by": f"dvc repro {target}, of made data"}
