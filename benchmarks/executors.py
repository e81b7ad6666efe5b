"""Claim: on Ray with 2 workers come the same bytes as here, the factorization at least 1.6 times as fast.

    python benchmarks/executors.py [USERS] [SONGS] [PLAYS] [FACTORS] [ITERATIONS] [CLIPS] [ROUNDS]

Three parts, each with one worker on this machine and with two on a Ray that is started for it; then once more
on Ray, where a worker is killed (SIGKILL) in the middle of its work:

- factors: `earshot.factors.wmf.fit`, of which the local one is implicit's own `fit` with one thread, on plays
  of power-law popularity, with eq. 3 after every iteration;
- extraction: `earshot.extraction.images.make_shards` of mp3s of 29 s, rendered here;
- encoding: `earshot.recommend.encoding.encode_shards` of these by a convolutional encoder, untrained.

Speed-ups are of the clock, from the first iteration or shard that is done to the last, so without the time in
which workers start (`start_seconds`, of the slowest); medians of rounds in which the ways take turns. Where
other work runs beside, `by_cpu` says what they would be if nobody waited: CPU seconds of the local way, over
those of the busier worker and of the process that they work for.

The last line is JSON: same_bytes (of all three, with the worker killed too), killed (the parts in which one
was), speed_up_factors, speed_up_extraction, speed_up_encoding, by_cpu, cpu_seconds (all processes, also those
of Ray) by part, start_seconds, load (of the machine, before).
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import pandas as pd
import psutil
import torch
from clips import SECONDS as CLIP_SECONDS
from clips import write_clip
from wmf import ALPHA, EPSILON, REGULARIZATION, power_law_plays

from earshot.classes import Component
from earshot.columns import AUDIO, AUDIO_MD5, DELIVERY, N_FRAMES, SECONDS, SONG_ID
from earshot.executors import executing_on
from earshot.extraction.images import PlannedShard, make_shards, plan_shards, read_shard_tables
from earshot.factors.solves import confidence
from earshot.factors.wmf import Factorization, fit
from earshot.features.hyper_image import format_of
from earshot.params import ExecutorSettings, load_params
from earshot.predictors.load import save_encoder
from earshot.predictors.song_encoder import build, describe
from earshot.recommend.encoding import encode_shards
from earshot.store.reader import HyperImageStore, write_store

WAYS = {"local": ExecutorSettings(workers=1), "ray": ExecutorSettings(kind="ray", workers=2)}
PARAMS = load_params(Path(__file__).parents[1] / "params.yaml")
IMAGES = PARAMS.hyper_images
SHARD_SONGS = 4
N_RENDERED = 8
"""Clips, which songs share: rendering takes longer than all that is measured."""
FACTORS = 50
"""Of the untrained encoder."""
WORKER, AT_WORK = "ray::EarshotWorker", "ray::EarshotWorker.work"
LOOK_EVERY = 0.25
"""Seconds."""

Bytes = str


@dataclass
class Run:
    """One way to do one part: a hash of the result, when pieces were done, and CPU seconds by process."""

    made: Bytes = ""
    started: float = field(default_factory=time.monotonic)
    moments: list[float] = field(default_factory=list)
    before: dict[int, float] = field(default_factory=dict)
    used: dict[int, float] = field(default_factory=dict)
    workers: set[int] = field(default_factory=set)
    killed: bool = False

    def done(self) -> None:
        """Note that a piece is done."""
        self.look()
        self.before = self.before or dict(self.used)
        self.moments.append(time.monotonic())

    def look(self) -> None:
        """Note what everybody has used by now; who has ended keeps what was seen last."""
        me = psutil.Process()
        for process in [me, *me.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                times, words = process.cpu_times(), process.cmdline()
                self.used[process.pid] = times.user + times.system
                if any(word.startswith(WORKER) or "spawn_main" in word for word in words):
                    self.workers.add(process.pid)

    @property
    def seconds(self) -> float:
        """From the first piece that is done to the last."""
        return self.moments[-1] - self.moments[0]

    @property
    def cpu_seconds(self) -> float:
        """Of all processes, in that time."""
        return sum(map(self._since, self.used))

    @property
    def longest(self) -> float:
        """CPU seconds of this process and of the busier worker: so long it takes if nobody waits."""
        return self._since(os.getpid()) + max(map(self._since, self.workers), default=0.0)

    def _since(self, pid: int) -> float:
        return self.used[pid] - self.before.get(pid, 0.0)


Part = Callable[[Run], Bytes]
"""Works, tells the run when a piece is done, and returns a hash of what it made."""


def main(
    n_users: int = 20_000,
    n_songs: int = 10_000,
    n_plays: int = 1_000_000,
    factors: int = 50,
    iterations: int = 6,
    n_clips: int = 200,
    rounds: int = 3,
) -> None:
    """Make the inputs, let the ways take turns, print."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        parts = {
            "factors": factorization(power_law_plays(n_users, n_songs, n_plays), factors, iterations),
            "extraction": extraction(folder, n_clips),
            "encoding": encoding(folder, n_clips),
        }
        found = {part: compare(part, work, rounds) for part, work in parts.items()}
    runs = [run for ways in found.values() for each in ways.values() for run in each]
    result = {
        "same_bytes": all(
            len({run.made for each in ways.values() for run in each}) == 1 for ways in found.values()
        ),
        "killed": [part for part, ways in found.items() if ways["killed"][0].killed],
        **{f"speed_up_{part}": ratio(ways, lambda run: run.seconds) for part, ways in found.items()},
        "by_cpu": {part: by_cpu(ways) for part, ways in found.items()},
        "cpu_seconds": {
            part: {way: round(median(ways[way], lambda run: run.cpu_seconds), 1) for way in WAYS}
            for part, ways in found.items()
        },
        "start_seconds": round(max(run.moments[0] - run.started for run in runs), 1),
        "load": round(load, 1),
    }
    print(json.dumps(result))


def compare(part: str, work: Part, rounds: int) -> dict[str, list[Run]]:
    """Rounds of both ways in turns, and one on Ray in which a worker is killed."""
    runs: dict[str, list[Run]] = {"local": [], "ray": [], "killed": []}
    for way in [*list(WAYS) * rounds, "killed"]:
        with executing_on(WAYS.get(way, WAYS["ray"])):
            run = Run()
            with a_worker_killed(run) if way == "killed" else nullcontext():
                run.made = work(run)
        runs[way].append(run)
        print(f"{part}, {way}: {run.seconds:.1f} s, {run.cpu_seconds:.1f} CPU s, {run.made}", flush=True)
    return runs


@contextmanager
def beside(look: Callable[[threading.Event], None]) -> Iterator[None]:
    """A thread that looks on until the work inside is over, as the event says."""
    over = threading.Event()
    thread = threading.Thread(target=look, args=[over])
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def a_worker_killed(run: Run) -> AbstractContextManager[None]:
    """Kill a worker that is at an item once the first piece is done."""

    def kill(over: threading.Event) -> None:
        while not run.killed and not over.wait(0.02):
            for process in psutil.Process().children(recursive=True) if run.moments else ():
                with suppress(psutil.NoSuchProcess, IndexError):
                    if process.cmdline()[0].startswith(AT_WORK):
                        process.kill()
                        run.killed = True
                        break

    return beside(kill)


def median(runs: list[Run], of: Callable[[Run], float]) -> float:
    """The middle one."""
    return statistics.median(map(of, runs))


def ratio(ways: dict[str, list[Run]], of: Callable[[Run], float]) -> float:
    """How many times less on Ray."""
    return round(median(ways["local"], of) / median(ways["ray"], of), 2)


def by_cpu(ways: dict[str, list[Run]]) -> float:
    """The same if nobody waited."""
    local = median(ways["local"], lambda run: run.cpu_seconds)
    return round(local / median(ways["ray"], lambda run: run.longest), 2)


def factorization(plays: object, factors: int, iterations: int) -> Part:
    """The stage wmf_factors without its files."""
    confidences = confidence(plays, ALPHA, EPSILON)

    def work(run: Run) -> Bytes:
        def keep(_: Factorization) -> None:
            run.done()

        fitted = fit(
            confidences,
            factors=factors,
            regularization=REGULARIZATION,
            iterations=iterations + 1,
            seed=0,
            keep=keep,
        )
        content = fitted.user_factors.tobytes() + fitted.item_factors.tobytes()
        return blake2b(content + json.dumps(fitted.objective).encode(), digest_size=8).hexdigest()

    return work


def planned(n_clips: int) -> list[PlannedShard]:
    """Shards of a few clips each."""
    names = [f"{number:04d}" for number in range(n_clips)]
    audio = [f"{number % N_RENDERED}.mp3" for number in range(n_clips)]
    files = pd.DataFrame({SONG_ID: names, AUDIO: audio, AUDIO_MD5: names})
    files = files.assign(**{DELIVERY: "clips", SECONDS: CLIP_SECONDS, "current": True})
    return [
        shard
        for first in range(0, n_clips, SHARD_SONGS)
        for shard in plan_shards(files.iloc[first : first + SHARD_SONGS], IMAGES)
    ]


def extraction(folder: Path, n_clips: int) -> Part:
    """The images of the stage hyper_images; the last ones made are what `encoding` hears."""
    for number in range(N_RENDERED):
        write_clip(folder / f"{number}.mp3", seed=number)
    shards = planned(n_clips)

    def work(run: Run) -> Bytes:
        out = Path(tempfile.mkdtemp(dir=folder))
        with watched(out / "shards", "*.parquet", run):
            make_shards(shards, folder, out, IMAGES)
        (folder / "images").unlink(missing_ok=True)
        (folder / "images").symlink_to(out)
        return hash_of(out / "shards", "*.npy", "*.parquet")

    return work


def encoding(folder: Path, n_clips: int) -> Part:
    """The new shards of the stage served_factors."""
    shards, image_format = planned(n_clips), format_of(IMAGES)
    component = Component("earshot.encoders.convolutional:ConvolutionalEncoder", {})

    def work(run: Run) -> Bytes:
        images, out = folder / "images", Path(tempfile.mkdtemp(dir=folder))
        tables = read_shard_tables(images, shards)
        write_store(images, image_format, tables[tables[N_FRAMES] > 0])
        torch.manual_seed(0)
        description = describe(component, image_format, PARAMS.cnn_checkpoint.window_seconds, FACTORS)
        save_encoder(out, build(description), description)
        for name in ("work", "predicted"):
            (out / name).mkdir()
        with watched(out / "work", "*.npy", run):
            encode_shards(
                HyperImageStore.open(images), out, "key", lambda _: False, out / "work", out / "predicted"
            )
        return hash_of(out / "predicted", "*.npy")

    return work


def watched(folder: Path, pattern: str, run: Run) -> AbstractContextManager[None]:
    """A piece is done whenever there are more files."""

    def watch(over: threading.Event) -> None:
        seen = 0
        while seen >= 0:
            ended = over.wait(LOOK_EVERY)
            now = len(list(folder.glob(pattern)))
            if now > seen:
                run.done()
            run.look()
            seen = -1 if ended else now

    return beside(watch)


def hash_of(folder: Path, *patterns: str) -> Bytes:
    """Of the names and bytes of files."""
    found = blake2b(digest_size=8)
    for path in sorted(path for pattern in patterns for path in folder.glob(pattern)):
        found.update(path.name.encode() + path.read_bytes())
    return found.hexdigest()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
