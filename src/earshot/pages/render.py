"""Pages out of Jinja2 templates; every text is escaped, and a page is one file that needs no other."""

from __future__ import annotations

import re
from base64 import b64encode
from functools import lru_cache
from math import isnan
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from earshot.artists import BEATS_P

TEMPLATES, STATIC = (Path(__file__).parent / name for name in ("templates", "static"))
MISSING = "–"


def render(template: str, folder: Path = TEMPLATES, /, **content: object) -> Markup:
    """A template with its `content`: a page, or a part of one to be passed on to another template.

    What is not `Markup` is text, and is escaped. `folder` is where a paper keeps templates of its own; those
    of `TEMPLATES` can be extended from there. `foot` is drawn below a page.
    """
    return Markup(_environment(folder).get_template(template).render({"foot": "", **content}))


@lru_cache
def _environment(folder: Path) -> Environment:
    loader = FileSystemLoader([folder, TEMPLATES, STATIC])
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )

    def inline(name: str) -> Markup:
        """A style or script as it stands in its file; what looks like Jinja in it is not."""
        return Markup(loader.get_source(environment, name)[0])

    environment.globals |= {"inline": inline, "beats_p": BEATS_P}
    environment.filters |= {"number": number, "signed": signed, "commas": commas, "data_uri": data_uri}
    environment.filters["headings"] = headings
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False}  # titles in their own script
    return environment


_SECTION = re.compile(r'<section\b[^>]*\bid="([^"]+)"[^>]*>\s*<h2>(.*?)</h2>', re.DOTALL)


def headings(content: str) -> list[tuple[Markup, Markup]]:
    """Id and heading of every section of a page that has both, as they stand in its HTML."""
    # both were escaped when `content` was drawn
    return [(Markup(place), Markup(heading.strip())) for place, heading in _SECTION.findall(content)]


def number(value: float | None, digits: int = 3) -> str:
    """A fixed number of digits, with a real minus; a dash where there is none or NaN."""
    return MISSING if value is None or isnan(value) else f"{value:.{digits}f}".replace("-", "−")


def signed(value: float | None, digits: int = 3) -> str:
    """As `number`, with its sign."""
    return MISSING if value is None or isnan(value) else f"{value:+.{digits}f}".replace("-", "−")


def counted(n: int, one: str, many: str | None = None) -> str:
    """`n` with the word for what is counted: 1 song, 2,000 songs.

    `many` where that is not `one` with an s.
    """
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def commas(value: int) -> str:
    """A count with its thousands apart."""
    return f"{value:,}"


def data_uri(content: bytes, media_type: str) -> str:
    """`content` as a `data:` URI in base64, to stand inside a page."""
    return f"data:{media_type};base64,{b64encode(content).decode()}"
