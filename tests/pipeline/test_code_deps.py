"""dvc.yaml names, for every stage, exactly the modules that decide what it makes."""

import ast
from pathlib import Path

import pytest

from earshot.files import parse_yaml

ROOT = Path(__file__).parents[2]
STAGES = parse_yaml((ROOT / "dvc.yaml").read_text())["stages"]
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
LOADS_CLASSES = {"cnn_checkpoint": CLASS_PATHS, "predicted_factors": CLASS_PATHS[:1]}
LOADS_CLASSES["release"] = LOADS_CLASSES["served_factors"] = CLASS_PATHS[:1]


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


def used_files(stage: str) -> list[str]:
    start = f"earshot.stages.{stage}"
    seen, todo = set(), [start, *LOADS_CLASSES.get(stage, [])]
    while todo:
        module = todo.pop()
        if module in seen:
            continue
        seen.add(module)
        file = module_file(module)
        assert file is not None, module
        todo += imported_modules(file)
    core = {module for module in seen if module == start or module.split(".")[1] in CORE}
    files = {file for module in core if (file := module_file(module)) and file.read_text().strip()}
    return sorted(file.relative_to(ROOT).as_posix() for file in files if not only_words(file))


def only_words(file: Path) -> bool:
    """Whether a module holds nothing but its docstring."""
    return all(isinstance(node, ast.Expr) for node in ast.parse(file.read_text()).body)


@pytest.mark.parametrize("stage", STAGES)
def test_dvc_yaml_names_the_code_a_stage_uses(stage: str) -> None:
    named = sorted(dep for dep in STAGES[stage]["deps"] if dep.startswith("src/"))
    used = used_files(stage)
    wanted = "\n".join(f"      - {file}" for file in used)
    assert named == used, f"dvc.yaml, stage {stage}: its code deps should be\n{wanted}"
