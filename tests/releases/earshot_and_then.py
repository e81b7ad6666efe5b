"""`python -m earshot --help`; then whether a file of a delivery can be imported, here and in a worker."""

import contextlib
import importlib
import runpy
import sys

from earshot.executors import parallel_map
from earshot.terminal import tell

if __name__ == "__main__":
    sys.argv = ["earshot", "--help"]
    with contextlib.suppress(SystemExit):
        runpy.run_module("earshot", run_name="__main__")
    names = ["data.deliveries.music.net"]
    for found in (
        map(importlib.import_module, names),
        parallel_map(importlib.import_module, names, description="", unit=""),
    ):
        try:
            tell(f"imported {list(found)}")
        except ModuleNotFoundError as error:
            tell(str(error))
