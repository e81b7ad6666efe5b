"""Errors as answers: `application/problem+json` (RFC 9457), the one shape of every refusal."""

from __future__ import annotations

import json
from collections.abc import Mapping

from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"


class Refused(Exception):
    """What a route, or what stands before it, answers instead of what was asked for.

    Attributes
    ----------
    status
        HTTP status, 400 to 599.
    title
        What kind of problem, the same words each time.
    detail
        What was wrong this time and what was wanted; never a path of this machine.
    headers
        Beside the body, such as Retry-After.
    """

    def __init__(
        self, status: int, title: str, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{status} {title}: {detail}")
        self.status, self.title, self.detail = status, title, detail
        self.headers = dict(headers or {})

    @property
    def response(self) -> Response:
        """The answer."""
        return problem(self.status, self.title, self.detail, self.headers)


def problem(status: int, title: str, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """An answer with `type`, `title`, `status` and `detail`; `about:blank`: no type has a page."""
    content = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    body = json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")
    return Response(body, status, headers, MEDIA_TYPE)
