"""Writing into the journal of what listeners do, and what is answered where that cannot be."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.concurrency import run_in_threadpool

from earshot.lanes.journal import Journal, Mark, Unkept
from earshot.serve.problems import Refused


async def keep(journal: Journal, key: str, marks: Sequence[Mark]) -> None:
    """Have marks on the disk before the answer. Refused as `Unkept` says: 422, 429, 503 or 507."""
    try:
        await run_in_threadpool(journal.add, key, marks)
    except Unkept as error:
        raise Refused(error.status, "Not kept", str(error)) from None
