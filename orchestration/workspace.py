"""Which workspace Dagster works on: the clone this file stands in."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
