"""How many artists it takes to say anything of a difference between two systems."""

from __future__ import annotations

LEAST_ARTISTS = 20
"""With fewer an interval over artists says nothing, and is not given."""


def too_few_artists(n: int) -> str:
    """What stands instead of an interval.

    Example
    -------
    >>> too_few_artists(8)
    '8 artists: too few to say'
    """
    return f"{n} artist{'' if n == 1 else 's'}: too few to say"
