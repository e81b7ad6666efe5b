"""Questions to a workspace in which everything ran."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from earshot.errors import UserError
from earshot.queries.hearing import hear, listen
from earshot.queries.served import read_served
from earshot.serve.hearing_process import HearingProcess, Unheard
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


def test_the_servers_own_process_hears_the_same(finished: Workspace, tmp_path: Path) -> None:
    songs = pd.read_parquet(finished.root / "data" / "raw_audio" / "songs.parquet")
    audio = tmp_path / "audio"  # as the server names what it is sent
    shutil.copy(finished.root / songs["audio"].dropna().iloc[0], audio)
    served, process = read_served(finished.root), HearingProcess()
    try:
        heard = process.hear(served, audio, 300.0)
        expected = listen(served, audio)
        np.testing.assert_array_equal(heard.vector, expected.vector)
        assert (heard.vector.dtype, heard.unlike) == (np.float32, expected.unlike)
        audio.write_bytes(b"no sound")
        with pytest.raises(Unheard, match=r"^not audio"):
            process.hear(served, audio, 300.0)
    finally:
        process.stop()
