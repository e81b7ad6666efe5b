"""The networks of a fold of tags: the sound of its songs, each network trained on it once."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from torch import nn

from auto_tagging.protocol import TagFold, TagTask
from earshot.errors import UserError
from earshot.extraction.images import excerpts
from earshot.features.hyper_image import DEFAULTS
from earshot.stages.paths import Paths
from sample_level_cnn.clips import ClipTask, decoded
from sample_level_cnn.learning import StagedEpoch, learn, scores_of
from sample_level_cnn.params import Segments, TagSettings
from sample_level_cnn.twin import build_network

Sounds = NDArray[np.int16]


def refuse_bad_networks(settings: TagSettings, n_tags: int) -> None:
    """Build each once: UserError for one that cannot be built, before any is trained."""
    for name in settings.networks:
        _build(settings, name, n_tags, seed=0)


def _build(settings: TagSettings, name: str, n_tags: int, seed: int) -> nn.Module:
    cut = settings.segments
    try:
        return build_network(settings.networks[name], n_tags, cut.sample_rate, cut.n_samples, seed)
    except (TypeError, ValueError) as error:
        raise UserError(f"tags.networks.{name}.init_args: {error}") from None


def read_sounds(task: TagTask, cut: Segments, paths: Paths) -> Sounds:
    """The middle of every song, int16 `(n, n_segments, n_samples)`; it is kept.

    UserError for a song that cannot be heard any more.
    """
    settings = replace(DEFAULTS, excerpt_seconds=cut.seconds)
    wanted = [each._replace(path=paths.root / each.path) for each in excerpts(task.songs, settings)]
    kept = paths.work / "samples.npy"
    samples, unheard = decoded(wanted, cut, kept)
    for excerpt, why in zip(wanted, unheard, strict=True):
        if why:
            kept.unlink()  # so that the next run hears it where the file is back
            raise UserError(f"{excerpt.path}: {why}; it had a hyper-image: run hyper_images again")
    return samples


def clips_of(fold: TagFold, sounds: Sounds) -> ClipTask:
    """The songs of a fold as clips; those for early stopping and held out as the fold has them."""
    task = fold.task
    labels, artists = task.labels.astype(np.float32), task.artists
    return ClipTask(
        task.tags, False, sounds, labels, artists, fold.training, fold.validation, fold.test, task.left_out
    )


def trained(
    fold: TagFold, name: str, sounds: Sounds, settings: TagSettings
) -> tuple[nn.Module, list[StagedEpoch]]:
    """The network `name` with its best weights, and how it got there; `judged` is the AUC held out.

    What is trained already is read, and what was killed goes on.
    """
    network, clips = _build(settings, name, len(fold.task.tags), fold.seed), clips_of(fold, sounds)
    epochs = learn(
        network,
        clips,
        settings.training,
        seed=fold.seed,
        kept=fold.work / "networks" / f"{name}.pt",
        judge=partial(_auc, clips=clips, judged=fold.judged),
    )
    return network, epochs


def _auc(network: nn.Module, clips: ClipTask, judged: NDArray[np.bool_]) -> float:
    """Mean over the tags that are judged."""
    from sklearn.metrics import roc_auc_score

    scores, has = scores_of(network, clips, clips.test)[:, judged], clips.targets[clips.test][:, judged]
    return float(roc_auc_score(has, scores, average="macro"))
