"""Code by what it does: an edit of comments and docstrings is no edit of it."""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

PACKAGE = Path(__file__).parent
CORE = (
    "foreign",
    "audio",
    "features",
    "families",
    "store",
    "extraction",
    "catalogue",
    "factors",
    "spaces",
    "encoders",
    "predictors",
    "training",
    "baselines",
    "evaluation",
    "recommend",
    "validation",
    "deliveries",
    "pages",
    "stages",
)
"""The packages whose code decides what a stage makes; the others serve it: files, words, processes."""
GLUE = (
    "earshot.stages.paths",
    "earshot.stages.reuse",
    "earshot.foreign.zips",
    "earshot.foreign.checked_json",
)
"""Modules of them that serve it too: they refuse, and change nothing of what they let through."""
PAGES = (PACKAGE / "pages" / "templates", PACKAGE / "pages" / "static")
"""Where templates, styles and scripts lie that do not lie beside what names them."""


def syntax_hash(path: Path) -> str:
    """Hash of a Python file's syntax tree without comments and docstrings; of another file's content.

    A file that Python cannot parse counts by its content.
    """
    return _syntax_hash(path.suffix, path.read_bytes())


@lru_cache(maxsize=1024)
def _syntax_hash(suffix: str, content: bytes) -> str:
    if suffix == ".py":
        with suppress(SyntaxError, ValueError):  # the second for null bytes
            content = ast.dump(_without_words(ast.parse(content)), annotate_fields=False).encode()
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _without_words(tree: ast.Module) -> ast.Module:
    """Without docstrings, those below attributes too; an empty body and one of nothing but words are one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            kept = [each for each in node.body if not _is_text(each)]
            node.body = kept or [ast.Pass()]
    return tree


def _is_text(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def key_of(content: object, *makers: str | Callable[..., object]) -> str:
    """Name of what `makers` make of `content`: another one where either is another.

    Parameters
    ----------
    content
        Plain JSON: versions of the inputs, parameters.
    makers
        Modules by name, or functions and classes of them. What they import counts too,
        as far as it decides what they make (`CORE`); comments and docstrings do not.

    Raises
    ------
    ModuleNotFoundError
        There is no such module.
    """
    code = _code_of(tuple(each if isinstance(each, str) else each.__module__ for each in makers))
    return hashlib.blake2b(json.dumps([content, code], sort_keys=True).encode(), digest_size=8).hexdigest()


@lru_cache(maxsize=64)  # a stage asks for every delivery, and its code is that which it has loaded
def _code_of(modules: tuple[str, ...]) -> list[str]:
    """Name and hash of each module that decides what `modules` make."""
    return [f"{name} {syntax_hash(file)}" for name, file in sorted(code_files(modules).items())]


def code_files(modules: Iterable[str]) -> dict[str, Path]:
    """The file of each of `modules`, and of each module of `CORE` that one of these imports; by name.

    Of packages other than earshot, which a class of somebody else's or a paper comes from, all that they
    import of their own, and papers what they import of other papers. Imports inside functions count, those
    for types alone do not. Files of nothing but words are left out. Templates, styles and scripts of the
    pages that all these draw count too, by the names of their files.
    """
    given, found = set(modules), dict[str, Path]()
    own = {name.split(".")[0] for name in given if not name.endswith(".py")}
    roots = {"earshot", *own, *(paper for root in own for paper in _papers_beside(root))}
    wanted = list(given)
    seen = set()
    while wanted:
        module = wanted.pop()
        if module in seen:
            continue
        seen.add(module)
        file = module_file(module)
        if file is None:
            raise ModuleNotFoundError(f"no module {module!r} to take the code of")
        inside = (name for name in _imported(file.read_bytes()) if "." in name)
        wanted += [name for name in inside if name.split(".")[0] in roots and module_file(name)]
        found[module] = file
    counts = {name: file for name, file in found.items() if name in given or _decides(name)}
    return _drawn_with(counts.values()) | {
        name: file for name, file in counts.items() if not _holds_nothing(file.read_bytes())
    }


def _papers_beside(root: str) -> list[str]:
    """The packages of reproductions/, where the package `root` is one of them."""
    file = module_file(root)
    papers = file.parents[1] if file is not None else Path()
    if papers.name != "reproductions":
        return []
    return [folder.name for folder in papers.iterdir() if (folder / "__init__.py").is_file()]


def _drawn_with(files: Iterable[Path]) -> dict[str, Path]:
    """Templates, styles and scripts that `files` name in quotes, and those that these name; by name."""
    found: dict[str, Path] = {}
    wanted = list(files)
    while wanted:
        file = wanted.pop()
        for name in _quoted(file.read_bytes()):
            places = (folder / name for folder in (file.parent, *PAGES))
            place = next((place for place in places if place.is_file()), None)
            if place is not None and name not in found:
                found[name] = place
                wanted.append(place)
    return found


@lru_cache(maxsize=1024)
def _quoted(content: bytes) -> list[str]:
    return sorted({name.decode() for name in re.findall(rb"""["']([\w-]+\.(?:html|css|js))["']""", content)})


def _decides(module: str) -> bool:
    root, *inside = module.split(".")
    return root != "earshot" or (inside[:1] != [] and inside[0] in CORE and module not in GLUE)


@lru_cache(maxsize=1024)
def _holds_nothing(content: bytes) -> bool:
    return all(map(_is_text, ast.parse(content).body))


def module_file(module: str) -> Path | None:
    """Where a module stands, or a file; nothing is imported, not even the packages that hold it."""
    if module.endswith(".py"):
        return Path(module) if Path(module).is_file() else None
    root, *inside = module.split(".")
    if root == "earshot":
        place = PACKAGE
    else:
        spec = find_spec(root)
        if spec is None or not spec.submodule_search_locations:
            return Path(spec.origin) if spec is not None and spec.origin and not inside else None
        place = Path(next(iter(spec.submodule_search_locations)))
    place = place.joinpath(*inside)
    files = (place.with_suffix(".py"), place / "__init__.py")
    return next((file for file in files if file.is_file()), None)


@lru_cache(maxsize=1024)
def _imported(content: bytes) -> list[str]:
    """Names of what a module of this text imports, modules and what is in them."""
    tree = ast.parse(content)
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    return sorted(set(_named(tree)))


def _named(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
