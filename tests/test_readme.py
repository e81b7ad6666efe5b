"""README and its neighbours, as far as a program can tell whether they speak the truth."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.main import get_command

from earshot.cli.main import app
from earshot.deliveries.check import check
from earshot.files import parse_yaml

ROOT = Path(__file__).resolve().parents[1]
DOCS = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md"))
PAGES = ["README.md", *DOCS, "CONTRIBUTING.md", "CHANGELOG.md", "data/README.md", "releases/README.md"]
README, DELIVERIES = (
    (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "docs/deliveries.md")
)
ALL = "\n".join((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", *DOCS))


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of `text` in `language`."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def commands(program: str) -> set[str]:
    """First words after `program` in the shell blocks and code spans of README and docs/."""
    code = "\n".join([*blocks(ALL, "sh"), *re.findall(r"`([^`\n]+)`", ALL)])
    return set(re.findall(rf"(?:^|[ /]){program} ([\w./-]+)", code, re.MULTILINE))


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    headings = {heading.lower().replace(" ", "-") for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith("#"):
            assert target[1:] in headings
        elif not target.startswith(("https://", "http://")):
            assert ((ROOT / page).parent / target.partition("#")[0]).exists(), target


def test_commands_exist() -> None:
    assert {"ingest", "repair"} <= commands("earshot") <= set(get_command(app).commands)  # type: ignore[attr-defined]
    targets = re.findall(r"^([\w./-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert {"run", "test", "ui"} <= commands("make") <= set(targets)


def test_parameters_and_stages_exist() -> None:
    params = parse_yaml((ROOT / "params.yaml").read_text(encoding="utf-8"))
    named = re.findall(r"-S (\w+)\.(\w+)=", ALL) + re.findall(r"`(training_set|tracking)\.(\w+)`", ALL)
    assert len(named) >= 5
    assert all(key in params[section] for section, key in named)
    stages = parse_yaml((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    assert set(re.findall(r"dvc repro (\w+)\b(?!/)", ALL)) <= set(stages)


def test_every_output_is_described_and_ignored_by_git() -> None:
    stages = parse_yaml((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    described = re.findall(r"^\| `(\w+)/`", (ROOT / "data" / "README.md").read_text(), re.MULTILINE)
    ignored = (ROOT / "data" / ".gitignore").read_text().splitlines()
    folders = [name for name, stage in stages.items() if stage["outs"] == [f"data/{name}"]]
    assert sorted(described) == sorted([*folders, "inbox", "rejected", "deliveries"])
    assert all(f"/{folder}" in ignored for folder in folders)


def test_the_example_of_a_delivery_is_one(tmp_path: Path) -> None:
    songs, plays = blocks(DELIVERIES, "csv")
    (tmp_path / "songs.csv").write_text(songs)
    (tmp_path / "plays.csv").write_text(plays)
    (tmp_path / "delivery.json").write_text(json.dumps(json.loads(blocks(DELIVERIES, "json")[0])))
    (tmp_path / "audio").mkdir()
    for audio in re.findall(r"audio/[\w.-]+", songs):
        (tmp_path / audio).touch()
    check(tmp_path)


def test_the_hash_of_the_catalogue_is_the_frozen_one() -> None:
    from earshot.datasets.embedded.fingerprint import FROZEN_HASH

    assert f"`{FROZEN_HASH}`" in README


def test_readme_is_read_in_one_sitting() -> None:
    assert README.count("\n") <= 180
