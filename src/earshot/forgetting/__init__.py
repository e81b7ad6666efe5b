"""Forgetting a listener or a song: out of all that a workspace keeps, and kept out (docs/forgetting.md)."""

from earshot.forgetting.flow import forget
from earshot.forgetting.report import ForgetReport

__all__ = ["ForgetReport", "forget"]
