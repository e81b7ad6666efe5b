"""`dvc plots show` draws a page that opens offline, and `dvc metrics show` fits a terminal."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

from earshot.files import parse_yaml

ROOT = Path(__file__).parents[2]


def run(root: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)
    return done.stdout


def test_plots_open_offline_and_metrics_fit_a_terminal(tmp_path: Path) -> None:
    run(tmp_path, "dvc", "init", "--no-scm", "-q")
    for name in ("config", "plots_page.html"):
        shutil.copy(ROOT / ".dvc" / name, tmp_path / ".dvc" / name)
    shown = parse_yaml((ROOT / "dvc.yaml").read_text())
    plots, metrics = shown["plots"], shown["metrics"]
    (tmp_path / "dvc.yaml").write_text(json.dumps({"plots": plots, "metrics": metrics}))
    report, training = tmp_path / "data" / "evaluation_report", tmp_path / "data" / "cnn_checkpoint"
    report.mkdir(parents=True)
    training.mkdir()
    (training / "curves.csv").write_text("epoch,training_loss,validation_loss\n0,0.9,0.8\n1,0.7,0.6\n")
    (report / "systems.csv").write_text("system,auc\nrandom,0.5\ncandidate,0.7\n")
    figures = {"auc": 0.79872, "map_at_500": 0.31878, "auc_centred": 0.80175}
    (report / "headline.json").write_text(json.dumps(figures))
    run(tmp_path, "dvc", "plots", "show")
    page = (tmp_path / "dvc_plots" / "index.html").read_text()
    assert re.findall(r"""(?:src|href)=["']?https?:""", page) == []
    assert "0.7" in page
    assert "vegaEmbed" in page
    table = run(tmp_path, "dvc", "metrics", "show")
    assert "0.31878" in table
    assert max(map(len, table.splitlines())) <= 80
