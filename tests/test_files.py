import numpy as np
import pyarrow
from pyarrow import parquet

from earshot.files import read_batches

ROWS, GROUPS = 50_000, 40


def test_of_a_table_read_in_pieces_no_more_than_a_piece_is_held(tmp_path):
    path = tmp_path / "table.parquet"
    draw = np.random.default_rng(0)
    with parquet.ParquetWriter(
        path, pyarrow.schema({"song": pyarrow.int64(), "plays": pyarrow.int64()})
    ) as table:
        for _ in range(GROUPS):
            numbers = draw.integers(0, 2**62, ROWS)  # which nothing can pack
            table.write_table(pyarrow.table({"song": numbers, "plays": numbers}))
    before, held, read = pyarrow.total_allocated_bytes(), 0, 0
    for batch in read_batches(path, ["song"], rows=ROWS):
        assert batch.schema.names == ["song"]
        held, read = max(held, pyarrow.total_allocated_bytes() - before), read + batch.num_rows
    assert read == GROUPS * ROWS
    # of some pieces and pages; the whole column is 16 MB
    assert held < 8 * 8 * ROWS
