"""The journal of players and what is delivered of it: each play once, whatever is killed when."""

from __future__ import annotations

import csv
import errno
import json
import os
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from earshot.cli.main import app
from earshot.deliveries.check import check
from earshot.deliveries.inbox import look
from earshot.errors import UserError
from earshot.lanes import scrobbles
from earshot.lanes.journal import JOURNAL, MOST_AN_HOUR, Journal, Mark, Unkept
from earshot.lanes.scrobbles import deliver, waiting
from earshot.workspace import _PARTS

NOON = 1_700_000_000_000
PLAY = Mark("ada", "s1", "play", NOON)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in _PARTS:
        (tmp_path / name).mkdir()
    return tmp_path


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_play_is_kept_once_over_restarts(root: Path) -> None:
    journal = Journal(root)
    assert journal.add("phone", [PLAY, PLAY, Mark("ada", "s2", "play", NOON)]) == 2
    assert journal.add("phone", [PLAY]) == 0
    assert Journal(root).add("tablet", [PLAY, Mark("bob", "s1", "play", NOON)]) == 1
    assert stat.S_IMODE((root / JOURNAL).stat().st_mode) == 0o600
    assert len((root / JOURNAL).read_bytes().splitlines()) == 3


def test_the_last_word_on_a_song_counts(root: Path) -> None:
    journal = Journal(root)

    def say(kind: str, moment: int) -> int:
        return journal.add("phone", [Mark("ada", "s1", kind, moment)])

    assert say("unlike", NOON) == 0  # nothing to take back
    assert (say("like", NOON), say("like", NOON + 1000)) == (1, 0)
    assert journal.liked("ada") == {"s1": "2023-11-14T22:13:20Z"}
    assert Journal(root).liked("bob") == {}
    assert (say("unlike", NOON + 2000), say("like", NOON + 3000), say("exclude", NOON + 4000)) == (1, 1, 1)
    assert Journal(root).liked("ada") == {}


def test_a_key_may_send_so_many_an_hour(root: Path) -> None:
    now = [0.0]
    journal = Journal(root, lambda: now[0])
    marks = [Mark("ada", "s1", "play", NOON + n) for n in range(MOST_AN_HOUR + 1)]
    with pytest.raises(Unkept, match="within an hour") as refused:
        journal.add("phone", marks)
    assert refused.value.status == 429
    assert not (root / JOURNAL).exists()  # none of them
    assert journal.add("phone", marks[:-1]) == MOST_AN_HOUR
    assert journal.add("phone", marks[:-1]) == 0  # what is there already counts nothing
    assert journal.add("tablet", [Mark("ada", "s9", "play", NOON)]) == 1
    with pytest.raises(Unkept):
        journal.add("phone", marks[-1:])
    now[0] = 3600.0
    assert journal.add("phone", marks[-1:]) == 1


@pytest.mark.parametrize("mark", [Mark("a\nb", "s1", "play", NOON), Mark("ada", "s" * 1001, "play", NOON)])
def test_what_no_delivery_can_hold_is_not_kept(root: Path, mark: Mark) -> None:
    with pytest.raises(Unkept, match="wanted an id"):
        Journal(root).add("phone", [PLAY, mark])
    assert not (root / JOURNAL).exists()


def test_a_full_disk_leaves_no_half_a_line(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal, write = Journal(root), os.write
    journal.add("phone", [PLAY])
    before = (root / JOURNAL).read_bytes()

    def full(descriptor: int, content: bytes) -> int:
        if len(content) < 20:
            raise OSError(errno.ENOSPC, "no room")
        return write(descriptor, content[: len(content) - 10])

    monkeypatch.setattr("os.write", full)
    with pytest.raises(Unkept) as refused:
        journal.add("phone", [Mark("ada", "s2", "play", NOON)])
    assert (refused.value.status, (root / JOURNAL).read_bytes()) == (507, before)
    monkeypatch.undo()
    assert journal.add("phone", [Mark("ada", "s2", "play", NOON)]) == 1


def test_one_delivery_of_what_came_since_the_last(root: Path) -> None:
    journal = Journal(root)
    assert deliver(root) is None
    assert not waiting(root)
    journal.add("phone", [PLAY, Mark('a,"b', "s2", "play", NOON + 999), Mark("ada", "s1", "like", NOON)])
    assert waiting(root)
    assert deliver(root) == ("scrobbles-000000000000", 3)
    assert not waiting(root)
    folder = root / "data" / "inbox" / "scrobbles-000000000000"
    check(folder)
    assert _rows(folder / "plays.csv") == [
        {"user_id": "ada", "song_id": "s1", "played_at": "2023-11-14T22:13:20Z"},
        {"user_id": 'a,"b', "song_id": "s2", "played_at": "2023-11-14T22:13:20Z"},
    ]
    assert _rows(folder / "feedback.csv") == [
        {"user_id": "ada", "song_id": "s1", "kind": "like", "at": "2023-11-14T22:13:20Z"}
    ]
    assert deliver(root) is None
    journal.add("phone", [Mark("ada", "s1", "unlike", NOON)])
    made = deliver(root)
    assert made is not None
    second = root / "data" / "inbox" / made[0]
    check(second)
    assert not (second / "plays.csv").exists()
    assert [each.name for each in look(root / "data" / "inbox")] == sorted([folder.name, second.name])


@pytest.mark.parametrize("step", ["_put", "_write_state"])
@pytest.mark.parametrize("after", [False, True])
def test_a_kill_at_any_step_delivers_everything_once(
    root: Path, monkeypatch: pytest.MonkeyPatch, step: str, after: bool
) -> None:
    """The delivery that is made again has the same content, by which ingest knows it."""
    journal = Journal(root)
    journal.add("phone", [PLAY])
    real, calls = getattr(scrobbles, step), []

    def killed(*arguments: object) -> None:
        calls.append(step)
        if after:
            real(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(scrobbles, step, killed)
    with pytest.raises(KeyboardInterrupt):
        deliver(root)
    monkeypatch.undo()
    journal.add("phone", [Mark("ada", "s2", "play", NOON)])
    while waiting(root):
        deliver(root)
    folders = sorted((root / "data" / "inbox").iterdir())
    songs = [row["song_id"] for folder in folders for row in _rows(folder / "plays.csv")]
    assert songs == ["s1", "s2"]


def test_lines_that_a_kill_cut_short_spoil_no_other(root: Path) -> None:
    Journal(root).add("phone", [PLAY])
    with (root / JOURNAL).open("ab") as file:
        file.write(b'{"user": "ada", "so')
    Journal(root).add("phone", [Mark("ada", "s2", "play", NOON)])
    made = deliver(root)
    assert made is not None
    assert made[1] == 2


def test_a_damaged_note_is_named(root: Path) -> None:
    Journal(root).add("phone", [PLAY])
    (root / JOURNAL).with_name("delivered.json").write_text(json.dumps({"end": 3}))
    with pytest.raises(UserError, match=r"delivered\.json: 'begin'; wanted begin, end and done"):
        deliver(root)


def test_the_command_says_what_it_made(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    Journal(root).add("phone", [PLAY])
    told = [CliRunner().invoke(app, ["scrobbles", "deliver"]).stdout for _ in range(2)]
    assert told[0].startswith("data/inbox/scrobbles-000000000000: 1 plays and stars")
    assert told[1] == "nothing new in the journal of plays\n"
