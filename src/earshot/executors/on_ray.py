"""Workers on Ray: of a cluster that a platform runs, or of one on this machine that ends with the stage.

Of one on this machine everything listens on 127.0.0.1 alone, behind a token that no file holds; nothing is
reported to Ray's makers, and nothing stays behind.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import psutil
from numpy.typing import NDArray

from earshot.errors import UserError
from earshot.executors.local import THREAD_VARIABLES
from earshot.executors.pool import GONE, Death, Messages, Worker, outcome
from earshot.params import ExecutorSettings
from earshot.processes import core_count, keep_freed_memory

_TEMPORARY = Path("/tmp")
"""Unix sockets lie below: their paths may have 107 bytes, of which Ray takes 70."""
_PREFIX = "earshot-ray-"
_STARTS = 3
_SOURCE = Path(__file__).parents[2]


class InStore(NamedTuple):
    """Arrays in Ray's object store: a node that reads them fetches them once."""

    reference: Any

    def get(self) -> Sequence[NDArray[Any]]:
        """The arrays, read-only."""
        import ray

        arrays: Sequence[NDArray[Any]] = ray.get(self.reference)
        return arrays


class RayExecutor:
    """Actors of a Ray cluster, each with CPUs of its own.

    Raises
    ------
    UserError
        Ray is not installed; no cluster answers at the address.
    """

    elsewhere = True

    def __init__(self, settings: ExecutorSettings) -> None:
        if find_spec("ray") is None:
            raise UserError("executor.kind='ray': Ray is not installed; type: pip install 'earshot[ray]'")
        self._settings = settings
        self._folder: Path | None = None
        self._connected = False

    def places(self, threads: int) -> int:
        """As many as have CPUs for each thread, of `executor.workers` or of the whole cluster."""
        ray = self._ray()
        workers = self._settings.workers or int(ray.cluster_resources().get("CPU", 1))
        return max(1, workers // threads)

    def start(self, function: Callable[[Any], Any], messages: Messages, threads: int) -> Worker:
        """An actor; a Ray that is busy starts it when there is room."""
        ray = self._ray()
        largest = max((int(node["Resources"].get("CPU", 0)) for node in ray.nodes()), default=0)
        variables = dict.fromkeys(THREAD_VARIABLES, str(threads))
        # a graphics card would give other bytes than the processor that the work would run on here
        variables |= {"PYTHONPATH": str(_SOURCE), "CUDA_VISIBLE_DEVICES": "", "OMP_WAIT_POLICY": "PASSIVE"}
        actor = ray.remote(EarshotWorker).options(
            num_cpus=min(threads, largest or threads), max_restarts=0, runtime_env={"env_vars": variables}
        )
        return ActorWorker(actor.remote(), function, messages)

    def share(self, arrays: Sequence[NDArray[Any]]) -> InStore:
        """A handle to `arrays` in the object store."""
        return InStore(self._ray().put(arrays))

    def close(self) -> None:
        """Leave the cluster, or end it with its files where it is this process's own."""
        if self._connected:
            import ray

            ray.shutdown()
            self._connected = False
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _ray(self) -> Any:
        if not self._connected:
            with _same_sigterm():
                self._start_here() if self._settings.address is None else self._join(self._settings.address)
            self._connected = True
        import ray

        return ray

    def _start_here(self) -> None:
        # read when Ray is imported, and by all that it starts
        os.environ.update(
            RAY_USAGE_STATS_ENABLED="0",
            RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER="0",  # no cluster of machines: all of it listens on 127.0.0.1
            RAY_AUTH_MODE="token",
            RAY_worker_niceness="0",  # Ray's own is 15
            RAY_DEDUP_LOGS_SKIP_REGEX=".",  # of a worker that died earshot tells what matters
        )
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))  # without it Ray keeps one in ~/.ray
        import ray

        _remove_litter()
        self._folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=_TEMPORARY))
        for tries_left in reversed(range(_STARTS)):
            try:
                ray.init(
                    "local",  # whatever RAY_ADDRESS says
                    num_cpus=self._settings.workers or core_count(),
                    include_dashboard=False,
                    log_to_driver=False,
                    logging_level=logging.ERROR,
                    _temp_dir=str(self._folder),
                )
            except Exception as error:  # Ray's own class for a node that takes more than 30 s to start
                ray.shutdown()
                if not tries_left:
                    raise UserError(
                        f"executor.kind=ray: Ray did not start here in {_STARTS} tries ({error}): wanted a "
                        "machine with more room, or executor.kind=local"
                    ) from None
            else:
                return

    def _join(self, address: str) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        import ray

        try:
            ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise UserError(f"executor.address={address!r}: no Ray cluster answers there: {error}") from None


@contextmanager
def _same_sigterm() -> Iterator[None]:
    """Ray would put a handler of its own in place of `earshot.signals`'."""
    handler = signal.getsignal(signal.SIGTERM)
    yield
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, handler)


def _remove_litter() -> None:
    """Folders of clusters whose process was killed: Ray ends with it, its files stay."""
    for folder in _TEMPORARY.glob(f"{_PREFIX}*-*"):
        if not psutil.pid_exists(int(folder.name.removeprefix(_PREFIX).split("-")[0])):
            shutil.rmtree(folder, ignore_errors=True)


class ActorWorker(Worker):
    """An actor, and the node that it is on."""

    def __init__(self, actor: Any, function: Callable[[Any], Any], messages: Messages) -> None:
        self._actor, self._messages = actor, messages
        self._node = ("", "")
        self._error: Exception | None = None
        places = [str(Path(place).resolve()) for place in sys.path if Path(place).is_dir()]
        actor.prepare.remote(places, str(Path.cwd()))
        self._await(actor.begin.remote(function))

    def _send(self, item: Any) -> None:
        self._await(self._actor.work.remote(item))

    def stop(self) -> None:
        """Kill it."""
        import ray

        with suppress(ray.exceptions.RayError):
            ray.kill(self._actor)

    def _await(self, reference: Any) -> None:
        reference.future().add_done_callback(self._heard)

    def _heard(self, future: Future[Any]) -> None:
        from ray.exceptions import RayError, RayTaskError

        message: Any
        try:
            message = future.result()
            if not self.ready:
                self._node = message[0]
        except RayTaskError as error:  # outside `outcome`: something cannot be unpickled
            message = None, error if self.ready else _not_ready(error)
        except RayError as error:
            self._error, message = error, GONE
        except Exception as error:
            message = None, error
        self._messages.put((self, message))

    def death(self) -> Death:
        """What Ray says of it, and the node where that is dead or cannot be reached.

        Ray knows that a node is dead a quarter of a minute after its connections have broken.
        """
        import ray
        from ray.exceptions import ActorUnavailableError

        identity, address = self._node
        words = str(self._error).strip()
        alive = {node["NodeID"] for node in ray.nodes() if node["Alive"]}
        dead = "its node has died" in words or (identity != "" and identity not in alive)
        node = address if dead or isinstance(self._error, ActorUnavailableError) else None
        how = next((line for line in words.splitlines() if line.startswith("The actor is dead")), words)
        return Death(how[:300], "creation task" not in words, node, item_to_blame=not dead)


def _not_ready(error: Exception) -> UserError:
    last = str(error).strip().splitlines()[-1]
    return UserError(
        f"a node of the Ray cluster cannot take up work: {last}: wanted the workspace and its environment at "
        "the same path on every node"
    )


class EarshotWorker:
    """What runs on the cluster: `prepare` and `begin` once, then an item at a time."""

    def prepare(self, places: Sequence[str], folder: str) -> None:
        """Import from where the starter does, and work in its folder, as far as this node has them."""
        sys.path += [place for place in places if place not in sys.path and Path(place).is_dir()]
        with suppress(OSError):
            os.chdir(folder)
        keep_freed_memory()

    def begin(self, function: Callable[[Any], Any]) -> tuple[tuple[str, str], None]:
        """Take `function`. Returns the message with this node's identity and address."""
        import ray

        self._function = function
        return (ray.get_runtime_context().get_node_id(), ray.util.get_node_ip_address()), None

    def work(self, item: Any) -> tuple[Any, Exception | None]:
        """The outcome of one item."""
        return outcome(self._function, item)
