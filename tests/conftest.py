"""One thread and one cache of compiled kernels a process: set before numpy and librosa are imported."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

settings.register_profile("no deadline", deadline=None)  # another process may have the core meanwhile
settings.load_profile("no deadline")

# Started in the background of a script, tests would ignore Ctrl-C, and so would all that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Two processes that compile librosa's gufuncs into one cache crash (numba issue 10128).
_WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")
os.environ["NUMBA_CACHE_DIR"] = str(Path(__file__).parents[1] / ".pytest_cache" / "numba" / _WORKER)


class SharedFixtures(LoadScopeScheduling):
    """Tests that share what is made once go to one process: of a module, of tests/releases or tests/serve.

    Those of tests/pipeline share through files (`made_once`), and go where there is time. (The marks of
    `--dist loadgroup` come to nothing with pytest 9.2: pytest-xdist's issue 1386.)
    """

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.split("::")[0]
        folder = path.rpartition("/")[0]
        if folder == "tests/pipeline":
            return nodeid
        return folder if folder in ("tests/releases", "tests/serve") else path


SLOW = (
    *("pipeline", "releases"),
    *("audio/test_long_files.py", "audio/test_hostile_files.py", "audio/test_damaged_files.py"),
    *("datasets/test_embedded_delivery.py", "datasets/test_near_duplicates.py", "datasets/test_msd.py"),
    *("deliveries/test_ingest.py", "deliveries/test_inbox.py", "deliveries/test_inbox_goes_on.py"),
    *("deliveries/test_malicious.py", "foreign/test_bounds.py", "orchestration", "pages/test_song_sheet.py"),
    "pages/test_axe.py",
    *("forgetting/test_forget.py", "reproductions/sample_level_cnn/test_stages.py"),
    *("stages", "training/test_train.py", "training/test_together.py"),
    *("test_benchmarks.py", "test_readme.py", "test_signals.py"),
    *("tracking", "executors", "versioning/test_definitions.py", "versioning/test_s3.py"),
)
"""What `make check` leaves to `make test`: whole pipelines, repositories, kills, what takes ten seconds."""


def pytest_itemcollected(item: pytest.Item) -> None:
    path = item.path.as_posix()
    if any(f"/tests/{place}" in path for place in SLOW) or "first_release" in _fixtures(item):
        item.add_marker("slow")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> SharedFixtures:
    return SharedFixtures(config, log)


@pytest.hookimpl(trylast=True)  # after those that nobody asked for were left out
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones early, or one process would still be at them when the others are done.

    The first runs the pipeline from which the rest of them start; for so long the others do something else.
    """
    items.sort(key=lambda item: "finished" not in _fixtures(item))
    items[1:] = sorted(items[1:], key=_place)


def _place(item: pytest.Item) -> int:
    return 0 if "releases" in item.path.parts else 1 if "ingested" in _fixtures(item) else 2


def _fixtures(item: pytest.Item) -> list[str]:
    return getattr(item, "fixturenames", [])
