"""A network as ONNX, by its protocol buffers: a window times a matrix."""

from __future__ import annotations

import numpy as np

from tests.foreign.tf_checkpoints import field


def matmul_model(matrix: np.ndarray) -> bytes:
    """y = x @ matrix, x float32 (n, window); numbers of fields are those of `onnx.proto`."""
    dims = b"".join(field(1, length) for length in matrix.shape)
    tensor = dims + field(2, 1) + field(8, b"w") + field(9, matrix.astype("<f4").tobytes())
    node = field(1, b"x") + field(1, b"w") + field(2, b"y") + field(4, b"MatMul")
    graph = field(1, node) + field(2, b"graph") + field(5, tensor)
    graph += field(11, value(b"x", len(matrix))) + field(12, value(b"y", matrix.shape[1]))
    return field(1, 8) + field(8, field(2, 17)) + field(7, graph)  # IR 8, opset 17


def value(name: bytes, length: int) -> bytes:
    """float32 (n, length)."""
    shape = field(1, field(2, b"n")) + field(1, field(1, length))
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, shape)))
