"""Small pieces of HTML; every text that comes from outside passes through `text`."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from earshot.pages.style import STYLE

MISSING = "–"


def text(value: object) -> str:
    """Escaped for HTML, in an attribute too."""
    return escape(str(value), quote=True)


def number(value: float | None, digits: int = 3) -> str:
    """A fixed number of digits, with a real minus; a dash where there is none."""
    return MISSING if value is None else f"{value:.{digits}f}".replace("-", "−")


def signed(value: float | None, digits: int = 3) -> str:
    """As `number`, with its sign."""
    return MISSING if value is None else f"{value:+.{digits}f}".replace("-", "−")


def data_uri(content: bytes, media_type: str) -> str:
    """`content` as a `data:` URI in base64, to stand inside a page."""
    return f"data:{media_type};base64,{b64encode(content).decode()}"


def section(anchor: str, title: str, lead: str, *parts: str) -> str:
    """A section with a heading and a sentence that says what is seen; `lead` is HTML."""
    body = "\n".join(part for part in parts if part)
    return f'<section id="{anchor}">\n<h2>{text(title)}</h2>\n<p class="lead">{lead}</p>\n{body}\n</section>'


def facts(values: Mapping[str, Any]) -> str:
    """A list of names and values."""
    rows = (f"<div><dt>{text(name)}</dt><dd>{text(value)}</dd></div>" for name, value in values.items())
    return f'<dl class="facts">{"".join(rows)}</dl>'


def table(headings: Iterable[str], rows: Iterable[str], kind: str) -> str:
    """`headings` are text; `rows` are whole <tr> elements."""
    head = "".join(f'<th scope="col">{text(heading)}</th>' for heading in headings)
    return f'<table class="{kind}"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'


def document(title: str, body: str, rest: str = "") -> str:
    """A page of the parts in `body`; `rest` follows behind what is read. Both are HTML."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="color-scheme" content="light dark"><title>earshot · {text(title)}</title>'
        f"<style>{STYLE}</style></head>\n<body><main>\n{body}\n</main>\n{rest}</body></html>\n"
    )
