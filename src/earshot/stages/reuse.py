"""What the last run made is used again only if the same code made it."""

from __future__ import annotations

from dataclasses import replace

from earshot.files import read_json, write_json
from earshot.stages.paths import Paths
from earshot.versioning import PreviousOutput
from earshot.versioning.code import used_code

CODE = "code.json"


def same_code_only(paths: Paths, stage: str) -> Paths:
    """`paths`, with an empty `previous` where other code made it; the code is noted in the output."""
    code = used_code(paths.root, stage)
    write_json(paths.output / CODE, code)
    noted = paths.previous.find(CODE)
    if noted is not None and read_json(noted) == code:
        return paths
    return replace(paths, previous=PreviousOutput(paths.previous.cache, None))
