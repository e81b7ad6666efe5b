"""Questions to a workspace in which everything ran."""

import numpy as np
import pandas as pd
import pytest

from earshot.errors import UserError
from earshot.queries.hearing import hear
from earshot.queries.state import read_served
from tests.pipeline.workspace import Workspace


def test_a_file_is_heard_where_the_encoder_heard_its_song(finished: Workspace) -> None:
    data = finished.root / "data"
    # nothing is known of a file but its sound
    song = pd.read_parquet(data / "predicted_factors" / "sound_only.parquet")["song_id"][7]
    audio = pd.read_parquet(data / "raw_audio" / "songs.parquet").set_index("song_id")["audio"][song]
    factors = np.load(data / "predicted_factors" / "sound_only.npy")[7]
    served = read_served(finished.root)
    np.testing.assert_allclose(hear(served, finished.root / audio), factors, rtol=1e-4, atol=1e-6)
    with pytest.raises(UserError, match=r"params\.yaml: "):
        hear(served, finished.root / "params.yaml")
