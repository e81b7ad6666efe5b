"""The sound and the picture of a song: what was delivered, and nothing else on this machine."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from earshot.serve.app import Server
from earshot.serve.pictures import draw, places
from earshot.store.rows import Row
from tests.releases.tiny_workspace import WITHDRAWN

HEARD = "s000"


def test_a_sound_is_the_delivered_file_in_any_part(own_client: TestClient, own_world: Path) -> None:
    content = (own_world / "data" / "deliveries" / "music" / "audio" / "one.wav").read_bytes()
    whole = own_client.get("/media/audio", params={"song": HEARD})
    assert (whole.status_code, whole.content) == (200, content)
    assert whole.headers["content-type"] == "audio/wav"
    assert whole.headers["accept-ranges"] == "bytes"
    part = own_client.get("/media/audio", params={"song": HEARD}, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, content[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(content)}"


@pytest.mark.parametrize("song", ["s001", "nobody", "../../dvc.lock", "", WITHDRAWN])
def test_no_sound_where_none_was_delivered(client: TestClient, song: str) -> None:
    answer = client.get("/media/audio", params={"song": song})
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "audio",
    [
        "data/deliveries/../../secret.wav",
        "secret.wav",
        "/etc/passwd.wav",
        "data/deliveries/music/audio/link.wav",
        "data/deliveries/music/songs.csv",
        "data/deliveries/music/audio/gone.wav",
    ],
)
def test_a_song_table_leads_nowhere_out_of_the_deliveries(
    own_client: TestClient, own_server: Server, own_world: Path, audio: str
) -> None:
    (own_world / "secret.wav").write_bytes(b"secret")
    link = own_world / "data" / "deliveries" / "music" / "audio" / "link.wav"
    if not link.is_symlink():
        link.symlink_to(own_world / "secret.wav")
    own_server.live.snapshot().recordings.loc[HEARD, "audio"] = audio
    answer = own_client.get("/media/audio", params={"song": HEARD})
    assert answer.status_code == 404
    assert str(own_world) not in answer.text


def test_a_picture_is_drawn_once_and_none_is_made_up(client: TestClient) -> None:
    answers = [client.get("/media/picture", params={"song": "s092"}) for _ in range(2)]
    assert answers[0].headers["content-type"] == "image/png"
    assert answers[0].content == answers[1].content
    assert Image.open(BytesIO(answers[0].content)).size == (8, 360)  # as many frames as it has
    none = client.get("/media/picture", params={"song": "nobody"})
    assert (none.status_code, none.json()["detail"]) == (404, "the song has no hyper-image")


def test_rows_stand_on_each_other_from_the_lowest_up_in_the_band_of_their_family() -> None:
    rows = [Row("mel_0", "mel", 0.0, 1.0), Row("mel_1", "mel", 0.0, 1.0), Row("chroma_0", "chroma", 0.0, 1.0)]
    frames = np.array([[0, 200, 0], [0, 200, 50]], np.uint8)  # (n_frames, n_rows)
    (mel, *_), (chroma, top, bottom) = places(rows)
    assert (mel, chroma, bottom) == ("Log mel", "Chroma", 100.0)
    shown = np.asarray(Image.open(BytesIO(draw(frames, rows))).convert("RGBA")).astype(int)
    light = shown[..., :3].sum(axis=2)  # (360, 2)
    middle = round(3.6 * top / 2)
    assert light[5, 0] > light[middle + 10, 0]  # mel_1 above mel_0
    assert light[355, 1] > light[355, 0]
    assert shown[round(3.6 * top) - 2, 0, 3] == 0  # nothing is drawn between them
    assert shown[5, 0, 3] == 255
