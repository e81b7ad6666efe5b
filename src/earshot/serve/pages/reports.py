"""The reports that stages have drawn, under the policy of each."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from earshot.serve.api import sees_listeners
from earshot.serve.problems import Refused
from earshot.serve.reports import PROVENANCE, Reports
from earshot.serve.safety import POLICY_HEADER
from earshot.serve.site import draw

router = APIRouter(prefix="/reports", include_in_schema=False, dependencies=[Depends(sees_listeners)])


def current_reports(request: Request) -> Reports:
    """Those of the workspace that is served."""
    reports: Reports = request.app.state.reports
    return reports


@router.get("/")
def reports() -> Response:
    """The page of the models tells of them."""
    return RedirectResponse("/models#reports", 303)


@router.get(f"/{PROVENANCE}")
def provenance(request: Request) -> Response:
    """Where the numbers of the reports come from; they load it."""
    return Response(current_reports(request).provenance(), media_type="text/javascript; charset=utf-8")


@router.get("/{name:path}")
def report(request: Request, name: str) -> Response:
    """A report by its name; where it was not drawn yet, what draws it."""
    found = current_reports(request)
    known = found.known(name)
    if known is None:
        raise Refused(404, "Not found", "no report has this name; /models tells of those there are")
    read = found.read(known)
    if read is None:
        return HTMLResponse(draw(request, "no_report.html", report=known), 404)
    return HTMLResponse(read.content, headers={POLICY_HEADER: read.policy})
