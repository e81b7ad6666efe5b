"""`earshot`, and `python -m earshot`."""

import os
import sys

from earshot.signals import hear_signals


def main() -> None:
    """Run the command line, which takes half a second to import."""
    hear_signals()
    from earshot.cli.main import main as command_line

    command_line()


if __name__ == "__main__":
    # `-m` puts the current folder first, so that a file of a delivery could be imported: data.deliveries.x.y
    here = os.path.realpath("")
    sys.path[:] = [path for path in sys.path if os.path.realpath(path) != here]

    main()
