"""`python -m earshot`: the same command line as `earshot`."""

import os
import sys

if __name__ == "__main__":
    # `-m` puts the current folder first, so that a file of a delivery could be imported: data.deliveries.x.y
    here = os.path.realpath("")
    sys.path[:] = [path for path in sys.path if os.path.realpath(path) != here]

    from earshot.cli import main

    main()
