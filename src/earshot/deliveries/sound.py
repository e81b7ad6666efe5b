"""Whether the sound of a delivery can be used, by the rule that the stage raw_audio stops by."""

from __future__ import annotations

from pathlib import Path

from earshot.audio.catalogue import judge, too_many_bad, with_probes
from earshot.audio.probe_journal import intake_journal, probe_all
from earshot.columns import AUDIO
from earshot.deliveries.check import Refused
from earshot.deliveries.songs import read_songs
from earshot.params import load_params


def check_sound(folder: Path, copy: Path, root: Path, md5: str) -> None:
    """Probe the audio files of the delivery `folder`, of content `md5`, in its `copy`.

    What is found stays in `intake_journal`: the stage does not probe them again,
    nor does the next ingest of the same content after a kill.

    Raises
    ------
    Refused
        More of its files than `raw_audio.max_set_aside_share` cannot be used, how
        many, and the first of them. The stage would stop at it, and all others with it.
    UserError
        params.yaml is wrong.
    """
    songs = read_songs(copy)
    if not songs[AUDIO].any():
        return
    limits = load_params(root / "params.yaml").raw_audio
    journal = intake_journal(root, md5)
    probes = probe_all(copy, filter(None, songs[AUDIO]), journal, {}, "Listening")
    problem = too_many_bad(judge(with_probes(songs, probes), limits), limits.max_set_aside_share)
    if problem is not None:
        journal.unlink()
        raise Refused(f"{folder}: {problem}")
