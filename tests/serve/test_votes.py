"""Votes: counted once, kept for their owner alone, told with an interval; full disks, held locks."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
from collections.abc import Iterator
from math import comb, sqrt
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earshot.serve.ballots import Ballots
from earshot.serve.problems import Refused
from earshot.serve.votes import VOTES, Vote, VotedAlready, Votes, result_of


def vote(
    ballot: str, preferred: str | None, left: str = "aaa", right: str = "bbb", voter: str = "me"
) -> Vote:
    return Vote(ballot, left, right, preferred, "listener-0815", voter)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / ".earshot").mkdir()
    return tmp_path


def test_votes_are_counted_by_release_whichever_side_it_stood_on(root: Path) -> None:
    votes = Votes(root)
    assert votes.results() == []
    assert not (root / VOTES).exists()
    for n, preferred in enumerate(["aaa", "aaa", "bbb", None]):
        votes.add(vote(f"t{n}", preferred))
        votes.add(vote(f"u{n}", preferred, left="bbb", right="aaa", voter="you"))
    votes.add(vote("x", "ccc", left="ccc"))
    first, second = votes.results()
    assert (first.one, first.other, first.for_one, first.for_other, first.same) == ("aaa", "bbb", 4, 2, 2)
    assert first.voters == 2
    assert (second.one, second.other, second.for_one, second.for_other) == ("bbb", "ccc", 0, 1)


def test_a_ballot_has_one_vote(root: Path) -> None:
    votes = Votes(root)
    votes.add(vote("t", "aaa"))
    for preferred in ("aaa", "bbb", None):
        with pytest.raises(VotedAlready):
            votes.add(vote("t", preferred))
    assert votes.results()[0].for_one == 1


def test_interval_and_p_by_eye() -> None:
    """Ten of ten: Wilson's lower end is 1 / (1 + z2 / 10), p is 2 / 2^10."""
    ten = result_of("a", "b", 10, 0, 3, 1)
    assert (ten.share, ten.high) == (1.0, pytest.approx(1.0))
    assert ten.low == pytest.approx(1 / (1 + 1.959964**2 / 10), abs=1e-6)
    assert ten.p == pytest.approx(2 / 1024)
    even = result_of("a", "b", 5, 5, 0, 1)
    assert (even.share, even.p) == (0.5, pytest.approx(1.0))
    assert even.low == pytest.approx(1 - even.high)
    none = result_of("a", "b", 0, 0, 7, 1)
    assert (none.share, none.low, none.high, none.p) == (None, None, None, None)


@given(st.integers(0, 60), st.integers(0, 60))
def test_interval_and_p_against_their_formulas(n_one: int, n_other: int) -> None:
    """Wilson 1927; the sign test by adding up all that is no likelier under a coin."""
    n = n_one + n_other
    found = result_of("a", "b", n_one, n_other, 0, 1)
    if not n:
        assert found.share is None
        return
    share, z = n_one / n, 1.959963984540054
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    assert (found.low, found.high) == (pytest.approx(middle - half, abs=1e-9), pytest.approx(middle + half))
    likely = sum(comb(n, k) for k in range(n + 1) if comb(n, k) <= comb(n, n_one)) / 2**n
    assert found.p == pytest.approx(min(1.0, likely))


def test_only_the_owner_may_read_and_nobody_is_named(root: Path) -> None:
    Votes(root).add(vote("secret-token", "aaa", voter="somebody"))
    with sqlite3.connect(root / VOTES) as reading:
        assert reading.execute("pragma journal_mode").fetchone() == ("wal",)
        reading.execute("select * from votes").fetchall()
    reading.close()
    for path in (root / ".earshot").glob("votes.sqlite*"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        content = path.read_bytes()
        assert not any(word in content for word in (b"listener-0815", b"somebody", b"secret-token"))


def test_a_locked_file_and_one_that_is_none_are_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("earshot.serve.votes._WAIT_SECONDS", 0.1)
    votes = Votes(root)
    votes.add(vote("t", "aaa"))
    holder = sqlite3.connect(root / VOTES, isolation_level=None)
    holder.execute("begin immediate")
    with pytest.raises(Refused) as locked:
        votes.add(vote("u", "aaa"))
    assert (locked.value.status, "locked" in locked.value.detail) == (503, True)
    assert votes.results()[0].for_one == 1  # which can be read meanwhile
    holder.close()
    votes.add(vote("u", "aaa"))  # the same ballot, once there is room for it
    assert votes.results()[0].for_one == 2
    (root / VOTES).write_bytes(b"not a database" * 100)
    for ask in (votes.results, lambda: votes.add(vote("v", "aaa"))):
        with pytest.raises(Refused) as broken:
            ask()
        assert broken.value.status == 503
        assert str(root) not in broken.value.detail


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB."""
    folder = tmp_path / "volume"
    folder.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], capture_output=True
    ).returncode:
        pytest.skip("no file system may be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize("voted_before", [False, True])
def test_a_full_disk_keeps_no_vote_and_loses_none(volume: Path, voted_before: bool) -> None:
    (volume / ".earshot").mkdir()
    votes = Votes(volume)
    if voted_before:
        votes.add(vote("t", "aaa"))
    with (volume / "filler").open("wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(4096))
        except OSError:
            pass
    with pytest.raises(Refused) as full:
        votes.add(vote("u", "bbb"))
    assert full.value.status == 507
    (volume / "filler").unlink()
    votes.add(vote("u", "bbb"))
    (found,) = votes.results()
    assert (found.for_one, found.for_other) == (int(voted_before), 1)


def test_sides_are_dealt_by_a_coin_and_old_ballots_go() -> None:
    ballots = Ballots()
    dealt = [ballots.issue("served", "other", f"u{n}") for n in range(1200)]
    lefts = sum(ballot.left == "served" for _, ballot in dealt)
    assert 450 < lefts < 750  # 8.6 standard deviations of a fair coin
    assert all({ballot.left, ballot.right} == {"served", "other"} for _, ballot in dealt)
    assert ballots.find(dealt[0][0]) is None
    assert ballots.find(dealt[-1][0]) == dealt[-1][1]
    assert len({token for token, _ in dealt}) == 1200
    assert ballots.find("") is None
