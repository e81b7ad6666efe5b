"""`earshot onboard`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earshot.terminal import say, tell


def onboard(
    folder: Annotated[
        Path | None, typer.Argument(help="a delivery; by default what waits in data/inbox/")
    ] = None,
) -> None:
    """Take in new songs and recommend them with the released model; trains nothing."""
    from earshot.onboarding import onboard as fast_lane
    from earshot.onboarding.page import PAGE

    arrivals = fast_lane.onboard(Path.cwd(), folder, say)
    for arrival in arrivals:
        tell(f"{arrival.delivery}: in the recommendations {arrival.seconds:.0f} s after it arrived")
    if arrivals:
        tell(f"all arrivals: {PAGE}")
