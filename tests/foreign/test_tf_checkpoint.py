"""TensorFlow's checkpoints without TensorFlow."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earshot.errors import UserError
from earshot.foreign.tf_checkpoint import read_tensors
from tests.foreign.tf_checkpoints import write_checkpoint

TENSORS = {
    "conv2d/kernel": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    "conv2d/kernel/Adam": np.ones((2, 3, 4), np.float32),
    "conv2d_1/bias": np.float32([0.5, -1, 2]),
    "beta1_power": np.float32(0.9),  # of no axis
    "global_step": np.array(7, np.int64),
}
INDEX, DATA = write_checkpoint(TENSORS)


def test_tensors_are_read_by_name_in_their_shape() -> None:
    found = read_tensors(INDEX, DATA, "here")
    assert found.keys() == TENSORS.keys() - {"global_step"}
    for name, value in found.items():
        assert value.shape == TENSORS[name].shape
        assert np.array_equal(value, TENSORS[name])


@pytest.mark.parametrize(
    ("index", "data", "words"),
    [
        (INDEX, DATA[:-20], r"'conv2d_1/bias' of shape \(3,\): bytes \d+ to \d+ of \d+; wanted 12 that are"),
        (INDEX[:-3], DATA, "its index ends with"),
        (INDEX[:30], DATA, "its index ends with"),
        (b"", b"", "its index ends with b''"),
        (INDEX[-48:], DATA, "index out of range|cut short"),
    ],
)
def test_what_is_cut_short_is_named(index: bytes, data: bytes, words: str) -> None:
    with pytest.raises(UserError, match=f"^here: not a whole checkpoint of TensorFlow: .*({words})"):
        read_tensors(index, data, "here")


@given(at=st.integers(0, len(INDEX) - 1), byte=st.integers(0, 255))
def test_any_other_byte_is_read_or_refused(at: int, byte: int) -> None:
    with suppress(UserError):
        read_tensors(INDEX[:at] + bytes([byte]) + INDEX[at + 1 :], DATA, "here")
