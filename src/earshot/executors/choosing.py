"""The executor of this process, and the two ways to have it work."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from earshot.executors.local import LocalExecutor
from earshot.executors.pool import Executor, Item, Lost, Pool, Result, refuse
from earshot.params import ExecutorSettings
from earshot.processes import progress

_current: Executor = LocalExecutor()
_spark = ExecutorSettings().spark


@contextmanager
def executing_on(settings: ExecutorSettings) -> Iterator[None]:
    """Have all that runs in parallel meanwhile run where `settings` say; a cluster starts when it is needed.

    Raises
    ------
    UserError
        Ray is wanted and not installed.
    """
    global _current, _spark
    before, _current = (_current, _spark), _executor(settings)
    _spark = settings.spark
    try:
        yield
    finally:
        mine, (_current, _spark) = _current, before
        mine.close()


def _executor(settings: ExecutorSettings) -> Executor:
    if settings.kind == "local":
        return LocalExecutor(settings.workers)
    from earshot.executors.on_ray import RayExecutor

    return RayExecutor(settings)


def spark_master() -> str:
    """Of the Spark that does what no executor does; this machine, where a worker of the executor asks."""
    return _spark


def has_machines_elsewhere() -> bool:
    """Whether work that has threads of its own is better done in parts, by the workers of a cluster."""
    return _current.elsewhere


def parallel_map(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    description: str,
    unit: str,
    lost: Lost[Item, Result] = refuse,
) -> Iterator[Result]:
    """Apply `function` to every item on all workers; results in the order of `items`, with progress.

    `function` must be importable by name; the workers are fresh processes with
    one BLAS thread each, and live until the last item is done. Few results wait
    at a time, however many items there are; their arrays may be read-only. An item whose worker dies is tried
    once more, one that hangs (`SECONDS_AN_ITEM`) is not; then `lost` makes its result.

    Raises
    ------
    RuntimeError
        A worker hung or died and there is no `lost`; or one did not even start.
    UserError
        More than two workers for each place were killed while they started; whatever a worker raised is
        raised here.
    """
    if items:
        with open_pool(function, len(items), description=description, lost=lost, limited=True) as pool:
            yield from progress(pool.map(items), description=description, unit=unit, total=len(items))


@contextmanager
def open_pool(
    function: Callable[[Item], Result],
    n_items: int,
    *,
    description: str,
    threads: int = 1,
    lost: Lost[Item, Result] = refuse,
    limited: bool = False,
) -> Iterator[Pool[Item, Result]]:
    """Workers for at most `n_items` at a time, for as many calls of `map` as there are; see `Pool`."""
    n_workers = min(_current.places(threads), n_items)
    pool = Pool(_current, function, n_workers, threads, description, lost, limited)
    try:
        yield pool
    finally:
        pool.stop()


def spread(
    function: Callable[[Item], Result], items: Sequence[Item], *, threads: int, description: str
) -> Iterator[Result]:
    """Apply `function`, which has `threads` threads of its own, to every item; results in their order.

    Here, one item after the other, or on a cluster, where each worker has as many threads: with another
    number sums would be taken in another order. Errors as of `parallel_map`; none counts as hanging.
    """
    if not _current.elsewhere:
        yield from map(function, items)
    elif items:
        with open_pool(function, len(items), description=description, threads=threads) as pool:
            yield from pool.map(items)
