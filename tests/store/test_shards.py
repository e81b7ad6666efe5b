"""A shard is the same bytes however often its writing was cut short, and is never there half."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earshot.store.shards import ShardDraft, write_shard

N_ROWS = 3
IMAGES = [np.full((n, N_ROWS), n, np.uint8) for n in (4, 1, 9)]
OUTCOMES = [IMAGES[0], "broken: no end", IMAGES[1], IMAGES[2]]


def test_it_is_an_npy_file(tmp_path: Path) -> None:
    write_shard(tmp_path / "new" / "shard.npy", IMAGES, N_ROWS)
    np.save(tmp_path / "wanted.npy", np.concatenate(IMAGES))
    assert (tmp_path / "new" / "shard.npy").read_bytes() == (tmp_path / "wanted.npy").read_bytes()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["shard.npy"]
    write_shard(tmp_path / "empty.npy", [], N_ROWS)
    assert np.load(tmp_path / "empty.npy").shape == (0, N_ROWS)


@given(added=st.integers(0, 4), frames_lost=st.integers(0, 60), journal_lost=st.integers(0, 120))
def test_what_is_whole_after_a_cut_is_kept(
    added: int, frames_lost: int, journal_lost: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("shards") / "shard.npy"
    draft = ShardDraft(path, N_ROWS)
    for outcome in OUTCOMES[:added]:
        draft.add(outcome)
    written, entries = path.with_name("shard.npy.draft"), draft.entries
    for file, lost in ((written, frames_lost), (path.with_suffix(".jsonl"), journal_lost)):
        file.write_bytes(file.read_bytes()[: max(0, file.stat().st_size - lost)])
    again = ShardDraft(path, N_ROWS)
    assert again.entries == entries[: len(again.entries)]
    assert len(again.entries) == added or frames_lost or journal_lost
    for outcome in OUTCOMES[len(again.entries) :]:
        again.add(outcome)
    assert [entry.reason for entry in again.entries] == [None, "broken: no end", None, None]
    assert not path.exists()
    again.finish()
    np.testing.assert_array_equal(np.load(path), np.concatenate(IMAGES))


def test_frames_that_never_reached_the_disk_are_made_again(tmp_path: Path) -> None:
    draft = ShardDraft(tmp_path / "shard.npy", N_ROWS)
    for image in IMAGES:
        draft.add(image)
    written = tmp_path / "shard.npy.draft"
    content = bytearray(written.read_bytes())
    content[128 + 4 * N_ROWS] = 0
    written.write_bytes(content)
    assert [entry.n_frames for entry in ShardDraft(tmp_path / "shard.npy", N_ROWS).entries] == [4]


def test_a_finished_shard_that_nobody_noted_is_not_made_again(tmp_path: Path) -> None:
    draft = ShardDraft(tmp_path / "shard.npy", N_ROWS)
    for outcome in OUTCOMES:
        draft.add(outcome)
    draft.finish()
    assert ShardDraft(tmp_path / "shard.npy", N_ROWS).entries == draft.entries
