"""What the hearing process does with a file. With this module comes all that this needs, torch too."""

from __future__ import annotations

import threading
from importlib import import_module
from pathlib import Path

from tqdm import tqdm

from earshot.processes import limited_memory
from earshot.queries.hearing import HeardFile, listen
from earshot.queries.state import ServedState

for _late in ("pandas", "earshot.predictors.load", "earshot.extraction.images", "earshot.extraction.beside"):
    import_module(_late)  # which `listen` imports when it is asked

tqdm.set_lock(threading.RLock())  # its own is a semaphore, which a process that is killed leaves behind

_MOST_BYTES = 2 << 30
"""By so much may the process grow over one file."""


def hear_file(served: ServedState, audio: Path) -> HeardFile:
    """As `earshot.queries.hearing.listen`, in bounded memory. Raises MemoryError where that is not enough."""
    with limited_memory(_MOST_BYTES):
        return listen(served, audio)
