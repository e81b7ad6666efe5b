"""Pages that stages have drawn, as files: which there are, where each lies, what a browser may run of it.

A report is one file with its styles and scripts inside. Its policy allows exactly these, by their hashes, so
that nothing that found its way into a title can run. Names lie below /reports/ as the files lie below data/,
which keeps the links between them as they are.
"""

from __future__ import annotations

import hashlib
import os
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

from earshot import versioning
from earshot.lanes import onboard, papers
from earshot.stages.pages import INDEX, PAGES

_DATA = "data/"
_PAGES = "pages"
PROVENANCE = "provenance.js"
"""Loaded by reports from beside their folder: when and where numbers were made."""


class ReportPage(NamedTuple):
    """A page that may be there.

    Attributes
    ----------
    name
        Where it lies below data/, and below /reports/.
    title, shows
        What it is called, and what it tells.
    made_by
        The command that draws it.
    """

    name: str
    title: str
    shows: str
    made_by: str


REPORTS = (
    *(ReportPage(f"{_PAGES}/{each.file}", each.title, each.shows, "dvc repro pages") for each in PAGES),
    ReportPage(
        onboard.PAGE.removeprefix(_DATA),
        "Arrivals",
        "How long deliveries took until their songs could be recommended.",
        "earshot onboard",
    ),
    ReportPage(
        papers.PAGE.removeprefix(_DATA),
        "Papers",
        "What the papers claim that are reproduced here, and what holds on this catalogue.",
        "earshot papers",
    ),
)
"""Those with a line on the page of the models."""
_BESIDE = (ReportPage(f"{_PAGES}/{INDEX}", "Pages", "What there is to look at.", "dvc repro pages"),)


@dataclass(frozen=True)
class Read:
    """A report as it is sent.

    Attributes
    ----------
    content
        HTML, or the script `PROVENANCE`.
    policy
        Its Content-Security-Policy.
    """

    content: bytes
    policy: str


class Reports:
    """The reports of the workspace `root`. Only names that are found here are ever looked for on the disk."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._policies: dict[Path, tuple[tuple[int, ...], str]] = {}

    def known(self, name: str) -> ReportPage | None:
        """The report of that name, whether it is there yet or not; None where no report has it."""
        return next((each for each in (*REPORTS, *_BESIDE, *self._of_papers()) if each.name == name), None)

    def provenance(self) -> bytes:
        """The script that reports look facts up in; empty where it was not written yet."""
        try:
            return (self._root / _DATA / PROVENANCE).read_bytes()
        except OSError:
            return b""

    def is_there(self, report: ReportPage) -> bool:
        """Whether it can be read."""
        return self._file(report).is_file()

    def read(self, report: ReportPage) -> Read | None:
        """A report; None where it is not there yet."""
        path = self._file(report)
        try:
            with path.open("rb") as file:
                found = os.fstat(file.fileno())
                content = file.read()
        except OSError:
            return None
        mark = found.st_ino, found.st_mtime_ns, found.st_size
        known = self._policies.get(path)
        if known is None or known[0] != mark:
            known = self._policies[path] = mark, policy_of(content.decode("utf-8", "replace"))
        return Read(content, known[1])

    def _file(self, report: ReportPage) -> Path:
        """Out of DVC's cache where dvc.lock names it: a stage that draws anew empties its folder first."""
        stage, _, name = report.name.partition("/")
        if stage == _PAGES:
            output = versioning.read_lock(self._root).get(stage)
            md5 = output["outs"][0]["md5"] if output else None
            found = versioning.PreviousOutput(versioning.cache_folder(self._root), md5).find(name)
            if found is not None:
                return found
        return self._root / _DATA / report.name

    def _of_papers(self) -> list[ReportPage]:
        """The pages of every paper of `reproductions/` that has any."""
        folders = sorted(path.parent.name for path in (self._root / papers.FOLDER).glob("*/dvc.yaml"))
        return [
            ReportPage(
                path.relative_to(self._root / _DATA).as_posix(),
                paper.replace("_", " "),
                "Tables and pictures of a paper.",
                f"dvc repro {papers.FOLDER}/{paper}/dvc.yaml",
            )
            for paper in folders
            for path in sorted((self._root / _DATA / paper).glob("*/report.html"))
        ]


def policy_of(page: str) -> str:
    """The Content-Security-Policy of an HTML document: what stands in it may run, nothing else of it may.

    Its own sounds and pictures are `data:`; it loads `PROVENANCE` from this server.
    """
    inline = _Inline()
    inline.feed(page.replace("\r\n", "\n").replace("\r", "\n"))  # as a browser reads the ends of lines
    inline.close()
    # a hash allows an attribute only beside 'unsafe-hashes', which allows nothing without one
    attributes = ["'unsafe-hashes'", *_hashes(inline.attributes)] if inline.attributes else []
    scripts = " ".join(["'self'", *_hashes(inline.scripts)])
    styles = " ".join(["'self'", *_hashes(inline.styles), *attributes])
    return (
        f"default-src 'none'; script-src {scripts}; style-src {styles}; img-src 'self' data:; "
        "media-src 'self' data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    )


def _hashes(texts: Iterable[str]) -> list[str]:
    """As browsers compute them: SHA-256 of the text in UTF-8, once each."""
    digests = (hashlib.sha256(text.encode("utf-8")).digest() for text in dict.fromkeys(texts))
    return [f"'sha256-{b64encode(digest).decode()}'" for digest in digests]


class _Inline(HTMLParser):
    """The texts of scripts and styles inside a page, and of the style attributes of its elements."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self.attributes: list[str] = []
        self._inside: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a style attribute; begin to note a script or a style."""
        named = dict(attrs)
        if style := named.get("style"):
            self.attributes.append(style)
        if tag in ("script", "style") and "src" not in named:
            self._inside = self.scripts if tag == "script" else self.styles
            self._inside.append("")

    def handle_data(self, data: str) -> None:
        """Note what stands in it."""
        if self._inside is not None:
            self._inside[-1] += data

    def handle_endtag(self, tag: str) -> None:
        """End it."""
        if tag in ("script", "style"):
            self._inside = None
