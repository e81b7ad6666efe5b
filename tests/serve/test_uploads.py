"""A file that somebody sends can cost its own answer and nothing else."""

import asyncio
import ctypes
import os
import pickle
import signal
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest
from fastapi import Depends, FastAPI, Request

from earshot.audio.probing import probe
from earshot.errors import UserError
from earshot.processes import limited_memory
from earshot.queries.hearing import HeardFile
from earshot.serve.hearing_process import HearingProcess, Unheard
from earshot.serve.keys import KeyStore, LoginLinks
from earshot.serve.problems import Refused
from earshot.serve.safety import Guard, Settings, need_key
from earshot.serve.uploads import FOLDER, REQUEST_BODY, Uploads
from tests.serve.serving import answer_refused, serving

PATH = "/api/v1/similar"


@dataclass(frozen=True)
class Served:
    """In place of what is served: the vector of a file is its length and its loudness."""

    order: str = "hear"
    outputs: dict[str, Any] = field(default_factory=dict)


def hear_length(served: Served, audio: Path) -> HeardFile:
    """The real decoders on the file, without torch; or what the order says."""
    if served.order == "hang":
        (audio.parent / "hangs").touch()
        threading.Event().wait()
    if served.order == "crash":
        ctypes.string_at(0)  # a segmentation fault
    if served.order == "memory":
        with limited_memory(64 << 20):
            np.ones(1 << 28)  # 2 GB
    if served.order == "server":
        raise UserError(f"{audio.parents[3] / 'params.yaml'}: makes other hyper-images")
    if served.order == "lie":
        return HeardFile(np.array([np.nan], np.float32), 0.0)
    found = probe(audio)
    if found.reason:
        raise UserError(f"{audio}: {found.reason}")
    (audio.parent / "made").mkdir()
    return HeardFile(np.float32([0.1, found.seconds]), 2.5)


def sound(seconds: float = 1.0) -> bytes:
    """A wav file of a tone, 16-bit mono at 8 kHz."""
    tone = (8000 * np.sin(np.arange(int(8000 * seconds)) / 3)).astype("<i2").tobytes()
    head = struct.pack("<4sI4s4sIHHIIHH4sI", *(b"RIFF", 36 + len(tone), b"WAVE", b"fmt ", 16, 1, 1, 8000), *(16000, 2, 16), b"data", len(tone))  # fmt: skip  # noqa: E501
    return head + tone


@dataclass
class Site:
    """A server that hears files."""

    root: Path
    uploads: Uploads
    key: dict[str, str]
    client: httpx.Client

    def send(self, content: Any, order: str = "hear", **headers: str) -> httpx.Response:
        return self.client.post(PATH, params={"order": order}, content=content, headers=self.key | headers)

    def left(self) -> list[Path]:
        """What lies in the folder of uploads."""
        return list((self.root / FOLDER).glob("*/*"))  # <PID>.<random>/<random>/audio


@contextmanager
def site_of(root: Path, **settings: Any) -> Iterator[Site]:
    keys = KeyStore(root)
    uploads = Uploads(root, hears=f"{__name__}:hear_length", **settings)
    app = FastAPI()
    app.add_exception_handler(Refused, answer_refused)

    @app.post(PATH, dependencies=[Depends(need_key)], openapi_extra=REQUEST_BODY)
    async def hear(request: Request, order: str) -> dict[str, Any]:
        heard = await uploads.heard(request, Served(order))  # type: ignore[arg-type]
        return {"vector": heard.vector.tolist(), "type": str(heard.vector.dtype), "unlike": heard.unlike}

    guard = Guard(app, keys, LoginLinks(keys), Settings(uploads={PATH: uploads.most_body}))
    with serving(guard) as client:
        try:
            yield Site(root, uploads, {"X-Api-Key": keys.add("anna", "operator")}, client)
        finally:
            uploads.stop()
    assert not list((root / FOLDER).iterdir())


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    settings = {"seconds": 60.0, "at_once": 1, "waiting": 1, "most_bytes": 200_000}
    with site_of(tmp_path_factory.mktemp("site"), **settings) as site:
        asyncio.run(site.uploads.start())
        yield site


def refused(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status_code
    return answer.status_code, answer.json()["detail"]


@contextmanager
def stopped(site: Site) -> Iterator[psutil.Process]:
    """The hearing process, hung: a real one that answers nothing."""
    [pid] = site.uploads.pids
    os.kill(pid, signal.SIGSTOP)
    yield psutil.Process(pid)


def test_a_file_is_heard_and_leaves_nothing(site: Site) -> None:
    wanted = {"vector": [float(np.float32(0.1)), 1.0], "type": "float32", "unlike": 2.5}
    started = site.uploads.pids
    assert site.send(sound()).json() == wanted
    assert site.uploads.pids == started  # though the event loop that started it is gone, and its threads
    name = "../../../../params.yaml"  # which never reaches the disk
    form = {"audio": (name, sound(), "audio/wav")}
    sent = site.client.post(PATH, params={"order": "hear"}, files=form, headers=site.key)
    assert sent.json() == wanted
    assert site.left() == []
    assert not (site.root / "params.yaml").exists()
    assert (site.root / FOLDER).stat().st_mode & 0o077 == 0


def test_nobody_without_a_key_uploads(site: Site) -> None:
    assert site.client.post(PATH, params={"order": "hear"}, content=sound()).status_code == 401


def test_rubbish_is_told_in_words_and_without_a_path(site: Site) -> None:
    for rubbish in (os.urandom(5000), b"#EXTM3U\nfile:///etc/passwd\n", sound()[:50]):
        status, detail = refused(site.send(rubbish))
        assert status == 422
        assert detail.startswith("the file cannot be heard: ")
        assert str(site.root) not in detail
    assert refused(site.send(b""))[0] == 422
    no_file = site.client.post(PATH, params={"order": "hear"}, data={"audio": "text"}, headers=site.key)
    assert no_file.status_code == 422
    assert site.left() == []
    assert site.send(sound()).status_code == 200


def test_what_is_too_large_is_not_kept(site: Site) -> None:
    assert refused(site.send(b"x" * 200_001)) == (413, "wanted at most 200,000 bytes")
    assert refused(site.send(iter([b"x" * 150_000] * 4)))[0] == 413  # chunked, of unknown length
    form = {"audio": ("a.wav", b"x" * 200_001)}
    assert site.client.post(PATH, params={"order": "hear"}, files=form, headers=site.key).status_code == 413
    assert site.left() == []


def test_a_file_that_hangs_the_decoder_costs_its_own_answer(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    [pid] = site.uploads.pids
    with monkeypatch.context() as patched:
        patched.setattr(site.uploads, "_seconds", 1.0)
        assert refused(site.send(sound(), "hang")) == (422, "the file cannot be heard: no result in 1 s")
    assert not psutil.pid_exists(pid)
    assert site.send(sound()).status_code == 200
    assert site.left() == []


def test_a_file_that_crashes_the_decoder_costs_its_own_answer(site: Site) -> None:
    crashed = (422, "the file cannot be heard: its decoder crashed")
    assert refused(site.send(sound(), "crash")) == crashed
    site.send(sound())
    [pid] = site.uploads.pids
    with ThreadPoolExecutor() as other:
        sent = other.submit(site.send, sound(), "hang")
        while not list((site.root / FOLDER).glob("*/*/hangs")):
            time.sleep(0.01)
        os.kill(pid, signal.SIGKILL)
        assert refused(sent.result()) == crashed
    assert site.send(sound()).status_code == 200
    [pid] = site.uploads.pids
    os.kill(pid, signal.SIGKILL)  # between two files: nobody hears of it
    assert site.send(sound()).status_code == 200


def test_memory_lies_and_what_is_the_servers_fault(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    status, detail = refused(site.send(sound(), "memory"))
    assert (status, detail) == (422, "the file cannot be heard: it takes too much memory")
    assert refused(site.send(sound(), "lie"))[0] == 422
    status, detail = refused(site.send(sound(), "server"))
    assert (status, "params.yaml" in detail) == (503, False)
    assert "params.yaml: makes other hyper-images" in caplog.text
    assert site.send(sound()).status_code == 200


def test_more_at_once_than_can_wait_are_told_to_come_again(site: Site) -> None:
    with stopped(site) as process, ThreadPoolExecutor() as others:
        sent = [others.submit(site.send, sound()) for _ in range(2)]  # one is heard, one waits
        while site.uploads._asked < 2:
            time.sleep(0.01)
        answer = site.send(sound())
        assert refused(answer)[0] == 503
        assert int(answer.headers["retry-after"]) > 0
        os.kill(process.pid, signal.SIGCONT)
        assert [each.result().status_code for each in sent] == [200, 200]


def test_a_body_that_never_ends_is_not_waited_for(tmp_path: Path) -> None:
    go_on = threading.Event()

    def slowly() -> Iterator[bytes]:
        yield b"x"
        go_on.wait(20)
        yield b"x"

    with site_of(tmp_path, seconds=0.2) as site, ThreadPoolExecutor() as other:
        sent = other.submit(site.send, slowly())
        while not site.left():
            time.sleep(0.01)
        while site.left():
            time.sleep(0.01)
        go_on.set()
        assert refused(sent.result())[0] == 408


def test_what_a_killed_server_left_is_removed(tmp_path: Path) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    left = tmp_path / FOLDER / f"{dead.pid}.abc" / "tmp1"
    left.mkdir(parents=True)
    (left / "audio").write_bytes(sound())
    other = Uploads(tmp_path)
    assert not left.exists()
    beside = Uploads(tmp_path)  # of a server that lives: not touched
    assert len(list((tmp_path / FOLDER).iterdir())) == 2
    other.stop()
    beside.stop()


def test_nothing_that_the_process_says_is_unpickled() -> None:
    from earshot.serve import hearing_process

    no_vectors = ('{"vector": [[1]], "unlike": 1}', '{"vector": [1e999], "unlike": 1}', '{"vector": [1]}')
    for said in (pickle.dumps(1), b"[]", b"{}", *(each.encode() for each in no_vectors)):
        with pytest.raises(Unheard):
            hearing_process._heard(said)
    assert hearing_process._heard(b'{"vector": [0.5], "unlike": 1}').vector.tolist() == [0.5]
    assert HearingProcess().pid is None
