"""`python docs/packages.py` draws packages.svg out of the imports; with --check it fails where it is old.

A row a layer of import-linter's contract in pyproject.toml, a box a package: its name and number of
modules, what its docstring says, and which other packages it imports.
"""

from __future__ import annotations

import ast
import re
import sys
import textwrap
import tomllib
from html import escape
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "packages.svg"
PAPERS = (
    *("comparison", "auto_tagging", "oord_2013", "hyper_image", "wang_2014_hldbn", "hybrids"),
    *("multi_level_2017", "sample_level_cnn"),
    *("lee_2018_dcue", "artist_2017"),
)
ROOTS = ("earshot", "orchestration", *PAPERS)
REPRODUCTIONS = "reproductions"
SHARED = "earshot.*"
"""The loose modules at the bottom, in one box."""
WIDTH, MARGIN, GAP, LINE = 1120, 14, 10, 13.5
STYLE = """
.paper{fill:#fff}.box{fill:#f6f8fa;stroke:#8c959f;stroke-width:1}
.name{font:600 13px ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#1f2328}
.words{font-size:11px;fill:#424a53}.uses{font-size:10.5px;fill:#1a5f9e}
@media (prefers-color-scheme:dark){.paper{fill:#0d1117}.box{fill:#161b22;stroke:#6e7681}.name{fill:#e6edf3}
.words{fill:#9da7b3}.uses{fill:#79b8ff}}
"""


def main() -> int:
    drawn = draw()
    if "--check" not in sys.argv:
        PICTURE.write_text(drawn, encoding="utf-8")
        return 0
    if PICTURE.is_file() and PICTURE.read_text(encoding="utf-8") == drawn:
        return 0
    sys.stderr.write(f"{PICTURE}: older than the imports; `python docs/packages.py` draws it anew\n")
    return 1


def layers() -> list[list[str]]:
    """Packages by layer, the highest first; loose modules are one, all papers too."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    rows = []
    for layer in contracts[0]["layers"]:
        names = [_box_of(name) for name in layer.split(" | ")]
        rows.append(list(dict.fromkeys(names)))
    seen: set[str] = set()
    for row in reversed(rows):  # the loose modules stand in the lowest row that has any
        row[:] = [name for name in row if name not in seen]
        seen |= set(row)
    return [row for row in rows if row]


def _box_of(module: str) -> str:
    """The box that a module belongs to."""
    root, *inside = module.split(".")
    if root in PAPERS:
        return REPRODUCTIONS
    if root != "earshot":
        return root
    if inside and (ROOT / "src" / "earshot" / inside[0]).is_dir():
        return f"earshot.{inside[0]}"
    return SHARED


def draw() -> str:
    sys.path[:0] = [str(ROOT / folder) for folder in ("", "src", "reproductions")]
    graph = grimp.build_graph(*ROOTS, cache_dir=None)
    modules: dict[str, list[str]] = {}
    uses: dict[str, set[str]] = {}
    for module in sorted(graph.modules):
        box = _box_of(module)
        modules.setdefault(box, []).append(module)
        found = {_box_of(other) for other in graph.find_modules_directly_imported_by(module)}
        uses.setdefault(box, set()).update(found - {box, SHARED})
    parts, top = [], float(MARGIN)
    for row in layers():
        width = (WIDTH - 2 * MARGIN - GAP * (len(row) - 1)) / len(row)
        texts = [_lines(name, modules[name], uses[name], width) for name in row]
        height = LINE * max(map(len, texts)) + 22
        for place, lines in enumerate(texts):
            parts.append(_box(MARGIN + place * (width + GAP), top, width, height, lines))
        top += height + GAP
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top:.0f}" role="img" '
        "font-family=\"system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif\">\n"
        "<title>The packages of earshot: imports run downwards</title>\n"
        f'<style>{STYLE}</style>\n<rect class="paper" width="{WIDTH}" height="{top:.0f}"/>\n{body}\n</svg>\n'
    )


def _lines(name: str, modules: list[str], uses: set[str], width: float) -> list[tuple[str, str]]:
    """The lines of a box, each with its class."""
    letters = int((width - 20) / 5.6)
    short = name.removeprefix("earshot.")
    if name == SHARED:
        short = "(loose modules)"
        said = ", ".join(sorted(module.split(".")[1] for module in modules if "." in module))
    else:
        said = _docstring(name)
    lines = [("name", f"{short}  {_count(len(modules))}")]
    lines += [("words", line) for line in textwrap.wrap(said, letters)]
    told = ", ".join(sorted(other.removeprefix("earshot.") for other in uses))
    return lines + [("uses", line) for line in textwrap.wrap(f"uses {told}" if told else "", letters)]


def _count(n: int) -> str:
    return f"({n})"


def _docstring(package: str) -> str:
    """Its first sentence."""
    if package == REPRODUCTIONS:
        return "The papers' systems, a folder each beside its dvc.yaml and params.yaml."
    base = ROOT if package == "orchestration" else ROOT / "src"
    place = base.joinpath(*package.split("."))
    file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return re.sub(r"\s+", " ", text.split("\n\n")[0])


def _box(left: float, top: float, width: float, height: float, lines: list[tuple[str, str]]) -> str:
    texts = "".join(
        f'<text class="{kind}" x="{left + 10:.1f}" y="{top + 20 + number * LINE:.1f}">{escape(line)}</text>'
        for number, (kind, line) in enumerate(lines)
    )
    shape = f'x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}"'
    return f'<rect class="box" rx="6" {shape}/>{texts}'


if __name__ == "__main__":
    sys.exit(main())
