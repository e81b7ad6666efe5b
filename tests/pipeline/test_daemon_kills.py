"""`kill -9` of whatever a real daemon started, fifty times, while deliveries come and models are trained."""

import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pandas as pd
import psutil
import pytest

from earshot.deliveries.arrivals import read_arrivals
from earshot.processes import is_alive
from tests.pipeline.test_arrival import drop, recommended
from tests.pipeline.test_browser import wait_until
from tests.pipeline.test_kills import assert_whole, taken_in
from tests.pipeline.workspace import Workspace

pytestmark = pytest.mark.soak

KILLS, EVERY, SONGS = 50, 5, 3
"""A delivery of so many songs, with plays, after every so many kills."""


def write_deliveries(new_songs: Path, listeners: list[str], folder: Path) -> Iterator[Path]:
    """The new songs, a few at a time, each heard by five listeners."""
    songs = pd.read_csv(new_songs / "songs.csv", dtype=str)
    for number in range(KILLS // EVERY):
        delivery, few = folder / f"part-{number}", songs.iloc[number * SONGS : (number + 1) * SONGS]
        (delivery / "audio").mkdir(parents=True)
        for audio in few["audio"]:
            shutil.copy2(new_songs / audio, delivery / audio)
        few.to_csv(delivery / "songs.csv", index=False)
        plays = [(listener, song) for song in few["song_id"] for listener in listeners[number::60][:5]]
        pd.DataFrame(plays, columns=["user_id", "song_id"]).to_csv(delivery / "plays.csv", index=False)
        yield delivery


def start(workspace: Workspace) -> subprocess.Popen[str]:
    return workspace.start("dagster", "dev", "--host", "127.0.0.1", "--port", "0")


def processes(workspace: Workspace) -> list[psutil.Process]:
    """All that work in `workspace`: of the daemon that runs, and what is left of those that were killed."""
    found = psutil.process_iter(["cwd"])
    return [each for each in found if each.info["cwd"] == str(workspace.root) and is_alive(each)]


def at_work(workspace: Workspace) -> list[psutil.Process]:
    """Stages and runs."""
    found = []
    for each in processes(workspace):
        with suppress(psutil.NoSuchProcess):
            found += [each] if {"stage", "execute_run"} & set(each.cmdline()) else []
    return found


def kill_one(workspace: Workspace, chance: random.Random) -> None:
    """A stage or a run if there is one, two times of three; else any process of the daemon's."""
    busy, everything = at_work(workspace), processes(workspace)
    with suppress(psutil.NoSuchProcess):
        chance.choice(busy if busy and chance.random() < 2 / 3 else everything).kill()


def test_fifty_kills(workspace: Workspace, deliveries: Path, tmp_path: Path) -> None:
    workspace.set_param("new_songs", 2 * SONGS)
    workspace.set_param("retry_hours", 0.01)
    listeners = pd.read_parquet(workspace.root / "data" / "play_counts" / "users.parquet")["user_id"].tolist()
    parts = write_deliveries(deliveries / "new-songs", listeners, tmp_path)
    names = ["catalogue", *(f"part-{number}" for number in range(KILLS // EVERY))]
    chance, daemon = random.Random(20261121), start(workspace)

    def is_up() -> bool:
        nonlocal daemon
        daemon = daemon if daemon.poll() is None else start(workspace)
        return bool(processes(workspace))

    def all_done() -> bool:
        """Every delivery recommended, and a training that they made due ended in a decision."""
        is_up()
        arrived = sorted(each.delivery for each in read_arrivals(workspace.root))
        decided = list((workspace.root / "releases" / "decisions").glob("*.json"))
        return arrived == names and len(decided) > 1 and not at_work(workspace)

    try:
        for number in range(KILLS):
            if number % EVERY == 0:
                part = next(parts)
                drop(part, workspace, part.name)
            time.sleep(chance.uniform(0.0, 15.0))
            wait_until(is_up, 30)
            kill_one(workspace, chance)
            assert_whole(workspace)
        wait_until(all_done, 1200)
    finally:
        for each in processes(workspace):
            each.kill()
        daemon.wait()
    assert taken_in(workspace) == names
    assert list((workspace.root / "data" / "inbox").iterdir()) == []
    new_songs = pd.read_csv(deliveries / "new-songs" / "songs.csv", dtype=str)["song_id"]
    assert set(new_songs) <= recommended(workspace)
    workspace.job("everything")
    assert workspace.stale_in_dvc() == workspace.stale_in_dagster() == set()
