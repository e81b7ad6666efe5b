"""A Spark session for one piece of work, on this machine or on a cluster, which ends with it.

On this machine everything listens on 127.0.0.1 alone, and nothing stays behind. There is no page and no log
of events. All else (memory, packages, where a catalogue is) is Spark's own: its spark-defaults.conf, in the
folder that SPARK_CONF_DIR names, is read as ever.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil

from earshot.errors import UserError
from earshot.processes import temporary_files_in

HERE = "local[*]"
"""Spark's name for all cores of this machine."""
_SOURCE = Path(__file__).parents[1]
_PREFIX = "earshot-spark-"
_SECONDS_TO_START, _SECONDS_TO_END = 3600, 30
_SETTINGS = {
    "spark.app.name": "earshot",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.eventLog.enabled": "false",
    "spark.log.level": "ERROR",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.caseSensitive": "true",  # or a table could not have the columns `user` and `User`
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",  # ids in names of folders keep zeros
    "spark.executorEnv.PYTHONPATH": str(_SOURCE),
}


@contextmanager
def spark_session(master: str, wanted_by: str) -> Iterator[Any]:
    """A pyspark SparkSession, and the end of it and of its Java.

    Parameters
    ----------
    master
        `local[*]`, `local[<threads>]`, or that of a cluster, such as `spark://<host>:7077` or `yarn`.
    wanted_by
        What asks for Spark, for messages.

    Raises
    ------
    UserError
        pyspark or Java is missing, with the line to type; Spark does not start; whatever Spark itself
        raises meanwhile, in one sentence.
    """
    _refuse_missing(wanted_by)
    _remove_litter()
    with (
        tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-") as folder,
        temporary_files_in(Path(folder) / "tmp"),
        _same_sigint(),
        _quiet(),
    ):
        session = None
        try:
            with _told(f"{wanted_by}: Spark ({master})"):  # while Java is there to say what it was
                session = _start(master, Path(folder))
                yield session
        finally:
            _end(session)


@contextmanager
def _told(where: str) -> Iterator[None]:
    """What Spark raises as a UserError."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JError) as error:
        raise UserError(f"{where}: {_sentence(error)}") from None


def _refuse_missing(wanted_by: str) -> None:
    if find_spec("pyspark") is None:
        raise UserError(f"{wanted_by}: Spark is not installed; type: pip install 'earshot[spark]'")
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=str(Path(home) / "bin") if home else None)
    if java is None:
        where = f"JAVA_HOME={home}" if home else "PATH, and JAVA_HOME is not set"
        raise UserError(
            f"{wanted_by}: Spark wants Java 17 or later, and there is no java in {where}; "
            "type: apt-get install openjdk-17-jre-headless"
        )


def _remove_litter() -> None:
    """Folders of sessions whose process was killed: Java ends with it, its files stay.

    One that was just starting needs its folder to get so far that it ends.
    """
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        dead = not psutil.pid_exists(int(folder.name.removeprefix(_PREFIX).split("-")[0]))
        if dead and time.time() - folder.stat().st_mtime > _SECONDS_TO_START:
            shutil.rmtree(folder, ignore_errors=True)


def _start(master: str, folder: Path) -> Any:
    from pyspark.sql import SparkSession

    settings = _SETTINGS | {"spark.master": master}
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    if master.startswith("local"):
        os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"  # else Spark looks its own name up
        settings |= {
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.local.dir": str(folder),
            "spark.sql.warehouse.dir": str(folder / "warehouse"),
        }
    builder = SparkSession.builder
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def _end(session: Any) -> None:
    """Stop it, where it started, and Java, which would stay, with its memory, as long as this process."""
    from py4j.protocol import Py4JError
    from pyspark import SparkContext

    gateway = SparkContext._gateway
    with suppress(Py4JError, OSError):  # Java may be what died
        if session is not None:
            session.stop()
    if gateway is None:
        return
    with suppress(Py4JError, OSError):
        gateway.shutdown()
    SparkContext._gateway = SparkContext._jvm = None
    gateway.proc.stdin.close()  # at whose end Java ends
    try:
        gateway.proc.wait(_SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        gateway.proc.kill()
        gateway.proc.wait()


@contextmanager
def _quiet() -> Iterator[None]:
    """pandas 3 is no matter here: what goes to Spark and comes back are files and Arrow's batches."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
        yield


@contextmanager
def _same_sigint() -> Iterator[None]:
    """Spark puts a handler of its own in the place of the one that is there."""
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, handler)


def _sentence(error: Exception) -> str:
    """What earshot raised on a worker, else the last cause that Java names, else the error's first line."""
    from py4j.protocol import Py4JError

    try:
        words = str(error)  # which asks Java
    except (Py4JError, OSError):
        words = "Java has died; what it wrote to standard error may say why"
    lines = [line.strip() for line in words.splitlines() if line.strip()] or [repr(error)]
    for start in ("earshot.errors.UserError: ", "Caused by: ", "["):
        found = [line for line in lines if line.startswith(start)]
        if found:
            return found[-1].removeprefix("Caused by: ")[:1000]
    return lines[-1][:1000]
