"""dvc.yaml names, for every stage, exactly the modules that decide what it makes."""

import re
from pathlib import Path

import pytest

from earshot.code import code_files
from earshot.files import parse_yaml
from earshot.versioning import read_definition, split_target

ROOT = Path(__file__).parents[2]
PIPELINES = ["dvc.yaml", *(str(path.relative_to(ROOT)) for path in ROOT.glob("reproductions/*/dvc.yaml"))]
STAGES = {
    f"{file}:{name}".removeprefix("dvc.yaml:"): stage
    for file in PIPELINES
    for name, stage in parse_yaml((ROOT / file).read_text())["stages"].items()
}
CLASS_PATHS = [
    parse_yaml((ROOT / "params.yaml").read_text())["cnn_checkpoint"][part]["class_path"].split(":")[0]
    for part in ("encoder", "objective")
]
LOADS_CLASSES = dict.fromkeys(("cnn_checkpoint", "fold_models"), CLASS_PATHS)
LOADS_CLASSES |= dict.fromkeys(
    ("predicted_factors", "evaluation_report", "release", "served_factors"), CLASS_PATHS[:1]
)


def class_paths(stage: str) -> list[str]:
    """Modules of the classes that the params of a paper name."""
    folder = split_target(stage)[0]
    text = (ROOT / folder / "params.yaml").read_text() if folder else ""
    return sorted(set(re.findall(r"(earshot[\w.]+):[A-Z]", text)))


def used_files(stage: str) -> list[str]:
    start = f"earshot.stages.{read_definition(ROOT, stage).module}"
    files = code_files([start, *LOADS_CLASSES.get(stage, []), *class_paths(stage)]).values()
    return sorted(file.relative_to(ROOT).as_posix() for file in files)


@pytest.mark.parametrize("stage", STAGES)
def test_dvc_yaml_names_the_code_a_stage_uses(stage: str) -> None:
    named = sorted(dep for dep in STAGES[stage]["deps"] if dep.startswith("src/"))
    used = used_files(stage)
    wanted = "\n".join(f"      - {file}" for file in used)
    assert named == used, f"dvc.yaml, stage {stage}: its code deps should be\n{wanted}"
