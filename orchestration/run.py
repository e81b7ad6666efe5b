"""`python -m orchestration.run JOB`: a job in this process, its run in Dagster's history."""

from __future__ import annotations

import os
import sys

import dagster as dg

from earshot.processes import die_with_parent
from earshot.versioning import is_current, repair
from orchestration.definitions import defs
from orchestration.sync import report_outside_runs
from orchestration.workspace import ROOT


def main(job: str) -> int:
    """Run `job` unless everything is up to date; exit status 0 when it succeeded."""
    die_with_parent()
    os.environ.setdefault("DAGSTER_HOME", str(ROOT / ".dagster"))
    repair(ROOT, _say)
    with dg.DagsterInstance.get() as instance:
        report_outside_runs(instance)
        if job == "everything" and is_current(ROOT):
            _say("everything is up to date: nothing to run")
            return 0
        result = defs.resolve_job_def(job).execute_in_process(
            instance=instance,
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "ERROR"}}}},
        )
    return 0 if result.success else 1


def _say(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
