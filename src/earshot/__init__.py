"""earshot recommends songs nobody has played yet, from how they sound."""

__version__ = "0.1.0"
