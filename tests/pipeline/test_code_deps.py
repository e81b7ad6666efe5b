"""dvc.yaml names, for every stage, exactly the code that decides what it makes: folders, or files of them."""

import re
from pathlib import Path

import pytest

from earshot.code import code_files
from earshot.files import parse_yaml
from earshot.params import load_params
from earshot.versioning import read_definition, split_target

ROOT = Path(__file__).parents[2]
PIPELINES = ["dvc.yaml", *(str(path.relative_to(ROOT)) for path in ROOT.glob("reproductions/*/dvc.yaml"))]
STAGES = [
    f"{file}:{name}".removeprefix("dvc.yaml:")
    for file in PIPELINES
    for name in parse_yaml((ROOT / file).read_text())["stages"]
]
PARAMS = load_params(ROOT / "params.yaml").cnn_checkpoint
ENCODER, OBJECTIVE = (part.class_path.split(":")[0] for part in (PARAMS.encoder, PARAMS.objective))
FAMILIES = [f"earshot.families.{path.stem}" for path in (ROOT / "src/earshot/families").glob("[a-z]*.py")]
LOADS_CLASSES = {
    "hyper_images": FAMILIES,
    "cnn_checkpoint": [ENCODER, OBJECTIVE],
    "fold_models": [ENCODER, OBJECTIVE],
    "predicted_factors": [ENCODER],
    "evaluation_report": [ENCODER],
    "release": [ENCODER, OBJECTIVE],
}
"""The classes that params.yaml names; served_factors and drift take theirs from a manifest.

Which families it names cannot be templated, as they are a list: all of earshot's own are deps.
"""
FILES_ONLY = ("encoders", "training", "families", "baselines", "stages", "deliveries")
"""Packages that hold alternatives, or one thing for many: a new file there must make nothing stale."""
NEARLY_ALL = 0.7
"""Of the lines of a folder, used: it is a dep as a whole."""


def class_paths(stage: str) -> list[str]:
    """Modules of the classes that the params of a paper name."""
    folder = split_target(stage)[0]
    text = (ROOT / folder / "params.yaml").read_text() if folder else ""
    return sorted(set(re.findall(r"(earshot[\w.]+):[A-Z]", text)))


def used_files(stage: str) -> list[str]:
    start = read_definition(ROOT, stage).module
    files = code_files([start, *LOADS_CLASSES.get(stage, []), *class_paths(stage)]).values()
    return sorted(file.relative_to(ROOT).as_posix() for file in files)


def wanted_deps(stage: str) -> list[str]:
    """Folders of which nearly all is used, and the other files that are."""
    used = used_files(stage)
    folders = {str(Path(file).parent) for file in used} - {f"src/earshot/{name}" for name in FILES_ONLY}
    whole = {folder for folder in folders if folder.startswith("src/earshot/") and is_whole(folder, used)}
    return sorted({named_by(file, whole) for file in used})


def named_by(file: str, whole: set[str]) -> str:
    """The outermost of the whole folders that the file is in, or itself."""
    return min((folder for folder in whole if file.startswith(f"{folder}/")), key=len, default=file)


def is_whole(folder: str, used: list[str]) -> bool:
    files = {path: len(path.read_bytes()) for path in (ROOT / folder).rglob("*.py")}
    taken = sum(size for path, size in files.items() if path.relative_to(ROOT).as_posix() in used)
    return len(files) > 2 and taken > NEARLY_ALL * sum(files.values())


@pytest.mark.parametrize("stage", STAGES)
def test_dvc_yaml_names_the_code_a_stage_uses(stage: str) -> None:
    named = sorted(
        dep for dep in read_definition(ROOT, stage).deps if dep.startswith(("src/", "reproductions/"))
    )
    wanted = wanted_deps(stage)
    lines = "\n".join(f"      - {file}" for file in wanted)
    assert named == wanted, f"dvc.yaml, stage {stage}: its code deps should be\n{lines}"
