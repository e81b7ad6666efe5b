"""dvc.yaml names, for every stage, exactly the modules that decide what it makes."""

import ast
import re
from pathlib import Path

import pytest

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
CORE = [
    "audio",
    "plays",
    "factors",
    "encoders",
    "training",
    "baselines",
    "evaluation",
    "recommend",
    "validation",
    "deliveries",
]
GLUE = ["earshot.stages.checks", "earshot.stages.paths", "earshot.stages.reuse"]
LOADS_CLASSES = dict.fromkeys(("cnn_checkpoint", "fold_models"), CLASS_PATHS)
LOADS_CLASSES |= dict.fromkeys(
    ("predicted_factors", "evaluation_report", "release", "served_factors"), CLASS_PATHS[:1]
)


def module_file(module: str) -> Path | None:
    path = ROOT / "src" / module.replace(".", "/")
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return file
    return None


def imported_modules(file: Path) -> set[str]:
    """Modules of earshot that `file` imports anywhere, also inside functions; not those for types only."""
    tree = ast.parse(file.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return {name for name in found if name.startswith("earshot.") and module_file(name)}


def class_paths(stage: str) -> list[str]:
    """Modules of the classes that the params of a paper name."""
    folder = split_target(stage)[0]
    text = (ROOT / folder / "params.yaml").read_text() if folder else ""
    return sorted(set(re.findall(r"(earshot[\w.]+):[A-Z]", text)))


def used_files(stage: str) -> list[str]:
    start = f"earshot.stages.{read_definition(ROOT, stage).module}"
    seen, todo = set(), [start, *LOADS_CLASSES.get(stage, []), *class_paths(stage)]
    while todo:
        module = todo.pop()
        if module in seen:
            continue
        seen.add(module)
        file = module_file(module)
        assert file is not None, module
        todo += imported_modules(file)
    core = {module for module in seen if module.split(".")[1] in CORE or is_body(module, start)}
    files = {file for module in core if (file := module_file(module)) and file.read_text().strip()}
    return sorted(file.relative_to(ROOT).as_posix() for file in files if not only_words(file))


def is_body(module: str, start: str) -> bool:
    """Whether a module is a stage's own, or a stage that it calls."""
    return module == start or (module.startswith("earshot.stages.") and module not in GLUE)


def only_words(file: Path) -> bool:
    """Whether a module holds nothing but its docstring."""
    return all(isinstance(node, ast.Expr) for node in ast.parse(file.read_text()).body)


@pytest.mark.parametrize("stage", STAGES)
def test_dvc_yaml_names_the_code_a_stage_uses(stage: str) -> None:
    named = sorted(dep for dep in STAGES[stage]["deps"] if dep.startswith("src/"))
    used = used_files(stage)
    wanted = "\n".join(f"      - {file}" for file in used)
    assert named == used, f"dvc.yaml, stage {stage}: its code deps should be\n{wanted}"
