"""What it takes to say anything of a difference between two systems: how many artists, how small a p."""

from __future__ import annotations

LEAST_ARTISTS = 20
"""With fewer an interval over artists says nothing, and is not given."""
BEATS_P = 0.01
"""At most, of a difference in AUC, where one system is said to beat another."""


def too_few_artists(n: int) -> str:
    """What stands instead of an interval.

    Example
    -------
    >>> too_few_artists(8)
    '8 artists: too few to say'
    """
    return f"{n} artist{'' if n == 1 else 's'}: too few to say"
