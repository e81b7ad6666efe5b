"""`python -m earshot.datasets.embedded` prints the hash of the whole catalogue."""

import sys

from earshot.datasets.embedded.fingerprint import catalogue_hash

if __name__ == "__main__":
    sys.stdout.write(catalogue_hash() + "\n")
