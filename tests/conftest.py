"""One thread and one cache of compiled kernels a process: set before numpy and librosa are imported."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# Two processes that compile librosa's gufuncs into one cache crash (numba issue 10128).
_WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")
os.environ["NUMBA_CACHE_DIR"] = str(Path(__file__).parents[1] / ".pytest_cache" / "numba" / _WORKER)


@pytest.hookimpl(trylast=True)  # after those that nobody asked for were left out
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones early, or one process would still be at them when the others are done.

    The first runs the pipeline from which the rest of them start; for so long the others do something else.
    """
    first, *long = sorted(items, key=lambda item: "pipeline" not in item.path.parts)
    items[:] = [first, *sorted(long, key=_place)]


def _place(item: pytest.Item) -> int:
    folders = item.path.parts
    return 0 if "releases" in folders else 1 if "pipeline" in folders else 2
