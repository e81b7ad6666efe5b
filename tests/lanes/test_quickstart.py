"""What `earshot quickstart` takes in, and that a second call takes in no more than what is new."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from earshot.deliveries import delivered_plays, read_index
from earshot.errors import UserError
from earshot.lanes.quickstart import announce, count_listeners, look_at, refuse_without_plays, take_in
from tests.deliveries.workspaces import empty_workspace, sound

pytestmark = pytest.mark.slow


def listen(title: str, at: int) -> str:
    track = {"artist_name": "Ada", "track_name": title}
    return json.dumps({"listened_at": 1_700_000_000 + at, "track_metadata": track}) + "\n"


@pytest.fixture
def music(tmp_path: Path) -> Path:
    for number, title in enumerate(("One", "Two")):
        file = tmp_path / "music" / f"Ada - {title}.wav"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(sound(number))
    return tmp_path / "music"


def test_what_there_is_and_is_not(music: Path, tmp_path: Path) -> None:
    root, said = empty_workspace(tmp_path / "workspace"), list[str]()
    (tmp_path / "listens.jsonl").write_text(listen("One", 0))
    found = look_at(music)
    assert (len(found.files), found.seconds) == (2, pytest.approx(2, abs=0.1))
    announce(root, found, None, None, said.append)
    assert said[0].startswith("there is: 2 files of music, about 0 min")
    assert [line.partition(":")[0] for line in said] == [
        *("there is", "there is not", "there is not"),
        said[3].partition(":")[0],
    ]
    assert said[3].startswith("until songs can be asked for it takes about ")
    said.clear()
    announce(root, found, tmp_path / "listens.jsonl", tmp_path / "file", said.append)
    assert [line.partition(":")[0] for line in said[:3]] == ["there is"] * 3
    with pytest.raises(UserError, match="no music"):
        look_at(root)
    with pytest.raises(UserError, match="there are none: wanted --listens EXPORT"):
        refuse_without_plays(root, tmp_path / "file", None)


def test_again_is_nothing_and_a_later_export_replaces_the_one_before(music: Path, tmp_path: Path) -> None:
    root, said, export = empty_workspace(tmp_path / "workspace"), list[str](), tmp_path / "listens.jsonl"
    deliveries = root / "data" / "deliveries"
    export.write_text(listen("One", 0))
    for _ in range(2):
        take_in(root, look_at(music), export, "ada", said.append)
    assert [line for line in said if line.startswith("read: ")] == [
        "read: 2 songs, 2 with artist, 0 with genre; 0 files twice, 0 set aside (set_aside.csv)",
        "read: 1 plays, 100% of songs that are there, by 1 listener",
    ]
    assert len(read_index(deliveries)) == 2
    export.write_text(listen("One", 0) + listen("Two", 60))
    take_in(root, look_at(music), export, "ada", said.append)
    other = tmp_path / "other.jsonl"
    other.write_text(listen("Two", 90))
    take_in(root, look_at(music), other, "bob", said.append)
    index = read_index(deliveries)
    assert len(index) == 4
    assert delivered_plays(deliveries, index) == index[2:]
    assert count_listeners(root) == 2
    assert not list((root / "data" / "inbox" / ".quickstart").iterdir())
