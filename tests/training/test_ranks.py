"""A batch in parts, and steps that no device waits for."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim.optimizer import register_optimizer_step_post_hook
from torch.utils._python_dispatch import TorchDispatchMode

from earshot.params import Augment
from earshot.predictors.song_encoder import describe
from earshot.training.objectives.factors_mse import FactorsMse
from earshot.training.ranks import Ranks
from earshot.training.train import train
from earshot.training.windows import Channels, RandomWindows, WholeSongs
from tests.training.heard import cnn_params, read_heard, write_training_set

AUGMENT = Augment(share=0.5, gain_db=12, eq_db=6, low_pass_hz=3000)


@given(n=st.integers(1, 40), size=st.integers(1, 7))
def test_parts_side_by_side_are_the_batch(n: int, size: int) -> None:
    parts = [range(n)[Ranks(rank, size).part(n)] for rank in range(size)]
    assert all(parts)  # nobody hears nothing
    if n >= size:
        assert [thing for part in parts for thing in part] == list(range(n))
        assert max(map(len, parts)) - min(map(len, parts)) <= 1
    else:
        assert {thing for part in parts for thing in part} == set(range(n))


def test_ranks_hear_the_windows_of_one_process(tmp_path: Path) -> None:
    write_training_set(tmp_path)
    store, examples = read_heard(tmp_path)

    def windows(ranks: Ranks) -> RandomWindows:
        return RandomWindows(
            store,
            examples,
            n_frames=11,
            windows_per_song=2,
            batch_size=26,  # the last of 90 windows has 12
            seed=4,
            channels=Channels(store.format, AUGMENT),
            ranks=ranks,
        )

    three = [list(windows(Ranks(rank, 3))) for rank in range(3)]
    for (whole, songs), *parts in zip(windows(Ranks()), *three, strict=True):
        for part, all_songs in parts:
            assert torch.equal(all_songs, songs)
            assert 0 < len(part[0]) < len(songs)
        assert torch.equal(torch.cat([part[0] for part, _ in parts]), whole[0])


def test_ranks_hear_the_validation_songs_of_one_process(tmp_path: Path) -> None:
    write_training_set(tmp_path)
    store, examples = read_heard(tmp_path)
    (whole, average, songs), *_ = WholeSongs(store, examples, 11)
    two = [next(iter(WholeSongs(store, examples, 11, ranks=Ranks(rank, 2)))) for rank in range(2)]
    assert all(torch.equal(theirs, songs) for _, _, theirs in two)
    sounds = [average @ windows[0].double().mean(dim=(1, 2)).float() for windows, average, _ in two]
    torch.testing.assert_close(torch.cat(sounds), average @ whole[0].double().mean(dim=(1, 2)).float())


class _Read(TorchDispatchMode):
    """Counts how often a number is read from a tensor: on a GPU everything waits for it."""

    count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += func is torch.ops.aten._local_scalar_dense.default
        return func(*args, **(kwargs or {}))


def test_no_step_reads_a_number_from_a_tensor(tmp_path: Path) -> None:
    """By SGD: AdamW counts its steps in tensors, which it keeps on the CPU."""
    write_training_set(tmp_path)
    store, examples = read_heard(tmp_path)
    params = cnn_params(optimizer="sgd", max_epochs=2)
    description = describe(params.encoder, store.format, params.window_seconds, 2)
    counts: list[int] = []
    with _Read() as read:
        hook = register_optimizer_step_post_hook(lambda *_: counts.append(read.count))
        train(description, FactorsMse(examples), store, examples, params, seed=0, work=tmp_path)
        hook.remove()
    between = np.diff(counts)
    assert len(counts) == 24
    assert between[11] > 0  # an epoch ends, with a validation
    assert not between[:11].any()
    assert not between[12:].any()
