"""Spark with a small heap on this machine, as a platform would set it: by spark-defaults.conf."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

SETTINGS = """
spark.driver.memory 512m
spark.driver.extraJavaOptions -XX:TieredStopAtLevel=1 -XX:+UseSerialGC
spark.sql.shuffle.partitions 2
"""
"""The second line: what runs for seconds is not worth compiling well."""


@contextmanager
def small_spark(folder: Path, patched: pytest.MonkeyPatch) -> Iterator[None]:
    """Meanwhile Spark reads these settings; at the end no Java of this process and no file of it is left.

    Skips where Spark or Java is missing: its extra is 400 MB, which `make .venv/installed` leaves out.
    """
    pytest.importorskip("pyspark", reason="the extra spark is not installed")
    if shutil.which("java") is None:
        pytest.skip("Java is not installed")
    settings = folder / "spark-conf"
    settings.mkdir()
    (settings / "spark-defaults.conf").write_text(SETTINGS)
    temporary = folder / "tmp"
    temporary.mkdir()
    patched.setenv("SPARK_CONF_DIR", str(settings))
    patched.setenv("TMPDIR", str(temporary))
    patched.setattr(tempfile, "tempdir", None)
    yield
    assert [each.name() for each in psutil.Process().children(True) if each.name() == "java"] == []
    assert [*temporary.iterdir()] == []
