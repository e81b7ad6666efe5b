"""Where work in parallel runs: on processes of this machine, or on Ray, which `executor` in params.yaml says.

Who calls `parallel_map` does not know which one. Whichever it is, the same bytes come out, in the same order,
so that no stage depends on `executor`: another one makes nothing stale.
"""

from earshot.executors.choosing import (
    executing_on,
    has_machines_elsewhere,
    open_pool,
    parallel_map,
    spark_master,
    spread,
)
from earshot.executors.pool import Pool, Shared

__all__ = [
    "Pool",
    "Shared",
    "executing_on",
    "has_machines_elsewhere",
    "open_pool",
    "parallel_map",
    "spark_master",
    "spread",
]
