"""The frame of every page: one HTML document that loads nothing."""

from __future__ import annotations

from earshot.evaluation.report.elements import text
from earshot.evaluation.report.style import STYLE


def document(title: str, body: str, rest: str = "") -> str:
    """A page of the parts in `body`; `rest` follows behind what is read. Both are HTML."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="color-scheme" content="light dark"><title>earshot · {text(title)}</title>'
        f"<style>{STYLE}</style></head>\n<body><main>\n{body}\n</main>\n{rest}</body></html>\n"
    )
