"""The pool: results in order, and no item stops the others, whatever it does to its worker."""

import multiprocessing
import os
import signal
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from earshot.errors import UserError
from earshot.executors import parallel_map, pool


def square(number: int) -> int:
    time.sleep(0.002 * (number % 3))
    return number * number


def treacherous(number: int) -> str:
    """3 and 4 kill their worker, each in its own way, 6 hangs, 8 returns more than a pipe holds."""
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    if number == 4:
        os._exit(7)
    if number == 6:
        time.sleep(60)
    return "x" * 10**7 if number == 8 else str(number)


def frozen_in_its_answer(number: int) -> str:
    """3 stops its worker when half of the answer is in the pipe."""
    if number == 3:
        Connection._send = half_of  # type: ignore[attr-defined]
    return f"{number}" * 10**5


def half_of(self: Connection, answer: bytes) -> None:
    os.write(self.fileno(), answer[: len(answer) // 2])
    os.kill(os.getpid(), signal.SIGSTOP)


def killed_once(path: Path) -> str:
    if not path.exists():
        path.touch()
        os.kill(os.getpid(), signal.SIGSEGV)
    return path.name


def failing(number: int) -> float:
    return 1 / number


def reason(item: object, why: str) -> str:
    return f"{item} {why}"


@pytest.fixture
def before() -> set[BaseProcess]:
    """Children that other tests have left."""
    return set(multiprocessing.active_children())


def _left(before: set[BaseProcess]) -> set[BaseProcess]:
    return set(multiprocessing.active_children()) - before


def test_results_come_in_order() -> None:
    squares = parallel_map(square, range(200), description="squares", unit="number")
    assert list(squares) == [number * number for number in range(200)]
    assert list(parallel_map(square, [], description="squares", unit="number")) == []


def test_who_kills_or_hangs_a_worker_is_named_and_the_rest_goes_on(
    before: set[BaseProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "SECONDS_AN_ITEM", 3.0)
    found = list(parallel_map(treacherous, range(10), description="items", unit="item", lost=reason))
    assert found[3] == "3 killed its worker: SIGKILL"
    assert found[4] == "4 killed its worker: exit status 7"
    assert found[6] == "6 hung: no result in 3 s"
    assert len(found[8]) == 10**7
    assert [found[n] for n in (0, 1, 2, 5, 7, 9)] == ["0", "1", "2", "5", "7", "9"]
    assert not _left(before)


def test_a_worker_frozen_halfway_through_its_answer_is_named_and_the_rest_goes_on(
    before: set[BaseProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "SECONDS_AN_ITEM", 3.0)
    found = list(parallel_map(frozen_in_its_answer, range(10), description="items", unit="item", lost=reason))
    assert found.pop(3) == "3 hung: no result in 3 s"
    assert found == [f"{number}" * 10**5 for number in range(10) if number != 3]
    assert not _left(before)


def test_an_item_whose_worker_dies_is_tried_once_more(tmp_path: Path) -> None:
    paths = [tmp_path / "a", tmp_path / "b"]
    assert list(parallel_map(killed_once, paths, description="files", unit="file")) == ["a", "b"]


class KillsAtStart:
    """Kills the process that unpickles it, before the worker is ready: `times` of them."""

    def __init__(self, folder: Path, times: int) -> None:
        self.folder, self.times = folder, times

    def __call__(self, number: int) -> int:
        return number

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__ |= state
        for turn in range(self.times):
            with suppress(FileExistsError):
                (self.folder / str(turn)).touch(exist_ok=False)
                os.kill(os.getpid(), signal.SIGKILL)


def test_workers_killed_while_they_start_are_started_again_but_not_for_ever(
    before: set[BaseProcess], tmp_path: Path
) -> None:
    once, ever = KillsAtStart(tmp_path, 1), KillsAtStart(tmp_path, 100)
    assert list(parallel_map(once, [1, 2, 3], description="numbers", unit="number")) == [1, 2, 3]
    with pytest.raises(UserError, match=r"were killed while starting, the last by SIGKILL: is there enough"):
        list(parallel_map(ever, [1, 2, 3], description="numbers", unit="number"))
    assert not _left(before)


def test_without_a_substitute_a_lost_item_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="killed its worker: SIGKILL, at 3"):
        list(parallel_map(treacherous, [3], description="items", unit="item"))


def test_an_error_in_a_worker_is_raised_with_the_place_where_it_happened(before: set[BaseProcess]) -> None:
    with pytest.raises(ZeroDivisionError) as raised:
        list(parallel_map(failing, [1, 0], description="items", unit="item"))
    assert "return 1 / number" in raised.value.__notes__[0]
    assert not _left(before)


def test_few_results_wait_for_who_takes_them(before: set[BaseProcess]) -> None:
    numbers = CountedRange()
    results = parallel_map(square, numbers, description="squares", unit="number")
    assert next(results) == 0
    time.sleep(0.5)
    assert numbers.given < 20
    results.close()  # type: ignore[attr-defined]
    assert not _left(before)


class CountedRange:
    """A million numbers, and how many were asked for."""

    given = 0

    def __len__(self) -> int:
        return 10**6

    def __getitem__(self, position: int) -> int:
        self.given += 1
        return position
