"""What made a run fail is told in words, whoever raised it."""

import dagster as dg
import pytest

from earshot.errors import UserError
from orchestration.failures import reason


def said_by(error: Exception) -> Exception:
    """As the assets of stages do."""
    return dg.Failure(description=str(error), allow_retries=False)


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (
            said_by(UserError("params.yaml: seed=-1: wanted 0 or more")),
            "params.yaml: seed=-1: wanted 0 or more",
        ),
        (said_by(UserError("wmf_factors: no plays")), "wmf_factors: no plays"),
        (ZeroDivisionError("division by zero"), "ZeroDivisionError: division by zero"),
        (dg.Failure(), "Failure"),
    ],
)
def test_a_failure_is_told_with_its_step(raised: Exception, told: str) -> None:
    @dg.asset(key=["wmf_factors"])
    def body() -> None:
        raise raised

    with dg.DagsterInstance.ephemeral() as instance:
        ran = dg.materialize([body], instance=instance, raise_on_error=False)
    [event] = ran.filter_events(lambda event: event.is_step_failure)
    assert reason(event).startswith("wmf_factors: ")
    assert told in reason(event)
    assert reason(event).count("wmf_factors") == 1
    assert "UserFailureData" not in reason(event)
    assert "Traceback" not in reason(event)
