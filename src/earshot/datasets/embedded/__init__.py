"""The embedded catalogue: music made by a program, and listeners whose tastes lie in what can be heard.

About 1,000 songs of 10 s by 150 artists of eight styles, 2,000 listeners, and
a second delivery of songs nobody has played, a third of the first plays of these. Everything follows from
`randomness.SEED`; changing anything here is changing the benchmark. Larger
catalogues are made in the same way, of other songs by more artists.
"""

from earshot.datasets.embedded.delivery import (
    write_catalogue,
    write_first_plays,
    write_larger_catalogue,
    write_new_songs,
)
from earshot.datasets.embedded.fingerprint import catalogue_hash

__all__ = [
    "catalogue_hash",
    "write_catalogue",
    "write_first_plays",
    "write_larger_catalogue",
    "write_new_songs",
]
