"""Answers as players read them: one content, as JSON or as XML."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any
from xml.etree import ElementTree

from starlette.responses import Response

from earshot.serve.problems import Refused

PROTOCOL = "1.16.1"
NAMESPACE = "http://subsonic.org/restapi"
GENERIC, MISSING, WRONG_PASSWORD, NO_TOKENS, CONFLICTING, WRONG_KEY, NOT_ALLOWED, NOT_FOUND = (
    *(0, 10, 40, 42, 43, 44, 50, 70),
)
"""Codes of errors: https://opensubsonic.netlify.app/docs/responses/error/."""

Content = Mapping[str, Any]
"""Texts, numbers and truths, lists of such, and other contents, by name. What is None is left out."""

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no XML can hold; left out of JSON too, so that both say the same."""


class Failed(Refused):
    """An error of the protocol, sent with HTTP's status 200 unless `status` says otherwise.

    Attributes
    ----------
    code
        One of the protocol's.
    """

    def __init__(self, code: int, message: str, status: int = 200) -> None:
        super().__init__(status, "Failed", message)
        self.code = code


def succeed(content: Content, as_format: str) -> Response:
    """An answer with `content`."""
    return _respond({"status": "ok", **_told(), **content}, as_format, 200)


def fail(failed: Failed, as_format: str) -> Response:
    """An answer that says why there is none."""
    error = {"code": failed.code, "message": failed.detail}
    return _respond({"status": "failed", **_told(), "error": error}, as_format, failed.status)


def _told() -> dict[str, Any]:
    return {
        "version": PROTOCOL,
        "type": "earshot",
        "serverVersion": version("earshot"),
        "openSubsonic": True,
    }


def _respond(content: Content, as_format: str, status: int) -> Response:
    cleaned = _clean(content)
    if as_format == "xml":
        return Response(as_xml(cleaned), status, media_type="application/xml")
    body = json.dumps({"subsonic-response": cleaned}, ensure_ascii=False, allow_nan=False)
    return Response(body.encode(), status, media_type="application/json")


def as_xml(content: Content) -> bytes:
    """A `subsonic-response`: texts and numbers are attributes, the others elements; one an entry of a list.

    >>> as_xml({"song": [{"id": "a", "isDir": False}], "names": ["x"]}).decode().partition("restapi")[2]
    '"><song id="a" isDir="false" /><names>x</names></subsonic-response>'
    """
    root = _element("subsonic-response", {"xmlns": NAMESPACE, **content})
    written: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _element(name: str, value: Any) -> ElementTree.Element:
    element = ElementTree.Element(name)
    if not isinstance(value, Mapping):
        element.text = _text(value)
        return element
    for key, part in value.items():
        if isinstance(part, list):
            element.extend(_element(key, each) for each in part)
        elif isinstance(part, Mapping):
            element.append(_element(key, part))
        else:
            element.set(key, _text(part))
    return element


def _text(value: str | bool | float) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _clean(value: Any) -> Any:
    """Without what is None, and without characters that XML cannot hold."""
    if isinstance(value, Mapping):
        return {name: _clean(part) for name, part in value.items() if part is not None}
    if isinstance(value, list):
        return [_clean(part) for part in value]
    return _ILLEGAL.sub("", value) if isinstance(value, str) else value
