"""What composing is done with: a network, songs to begin at and to be made of, judges who know neither."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from earshot.catalogue import split
from earshot.classes import Component
from earshot.columns import ARTIST_ID
from earshot.errors import UserError
from earshot.params import HyperImages, Split
from earshot.predictors.load import load_encoder, read_description
from earshot.predictors.song_encoder import SongEncoder, build, with_network
from earshot.store.shards import Stored
from hyper_image.ascent import Network
from hyper_image.judges import Judges, fit_judges
from hyper_image.networks import read_network, train_network
from hyper_image.params import LABEL, HyperImageParams
from hyper_image.snippets import Catalogue, SnippetFold, make_fold, ways

_MFCC = ("mfcc", "mfcc_delta", "mfcc_delta2")
_DISTURBED = "hyper_image.disturbed:Disturbed"


@dataclass(frozen=True)
class Excerpts:
    """Snippets of real songs, uint8 (n, n_frames, n_rows), and the number of each one's label, (n,)."""

    images: Stored
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class Studio:
    """What composing is done with.

    Attributes
    ----------
    catalogue
        Of all snippets.
    settings
        What its hyper-images were made with.
    labels
        Those that the network tells; by number from here on.
    composed
        Numbers of those that pieces are composed for.
    left_out
        Why not for the others, by label.
    encoder
        The trained network of the paper.
    material
        Of songs that the network learned from, and no judge.
    held_out
        Of songs that neither has met.
    judges
        They learned from the other artists that the network learned from.
    params
        Of the whole paper.
    """

    catalogue: Catalogue
    settings: HyperImages
    labels: list[str]
    composed: list[int]
    left_out: dict[str, str]
    encoder: SongEncoder
    material: Excerpts
    held_out: Excerpts
    judges: Judges
    params: HyperImageParams

    @property
    def mel(self) -> NDArray[np.intp]:
        """The mel rows of an image, (n_mels,)."""
        return self.catalogue.store.row_slice(["mel"])

    @property
    def n_frames(self) -> int:
        """Of a window of the network."""
        return self.encoder.n_frames


def set_up(catalogue: Catalogue, settings: HyperImages, network: Path, params: HyperImageParams) -> Studio:
    """Read the network in the folder `network`, cut the songs in two by artist, and teach the judges.

    Raises
    ------
    UserError
        The network hears other images; fewer than two labels have artists on both sides; none is held out.
    """
    encoder, labels = read_network(network, catalogue.store, params)
    fold = fold_of(catalogue, params)
    learned = np.concatenate([fold.training, fold.validation])
    artists = catalogue.snippets[ARTIST_ID].iloc[learned]
    judging = split.cold(artists, artists, Split(by="song", folds=2, fold=0))
    to_judge, material, held_out = (
        _excerpts(catalogue, rows, labels, encoder.n_frames)
        for rows in (learned[judging], learned[~judging], fold.test)
    )
    left_out = {
        label: f"none of the artists that {side} has it"
        for side, there in (("judges learn from", to_judge), ("pieces are made of", material))
        for number, label in enumerate(labels)
        if number not in there.labels
    }
    composed = [number for number, label in enumerate(labels) if label not in left_out]
    if len(composed) < 2 or not np.isin(held_out.labels, composed).any():
        raise UserError(
            "composing: artists are cut in two, for judges to learn from and for pieces to be made of; "
            f"{len(composed)} of {len(labels)} {params.labels.word}s have some on both sides, two are "
            "wanted, and a held-out song of one; more artists are wanted, or a larger least_songs"
        )
    words, seed = params.composing.words, params.composing.seed
    judges = fit_judges(to_judge.images, to_judge.labels, catalogue.store.row_slice(_MFCC), words, seed)
    trained = _frozen(encoder)
    return Studio(
        catalogue, settings, labels, composed, left_out, trained, material, held_out, judges, params
    )


def fold_of(catalogue: Catalogue, params: HyperImageParams) -> SnippetFold:
    """The fold that the network was trained on: the first one held out, in the strictest way."""
    return make_fold(catalogue.snippets, ways(params.folds)[-1], params.folds.held_out[0], params.folds)


def _excerpts(catalogue: Catalogue, rows: NDArray[np.intp], labels: list[str], n_frames: int) -> Excerpts:
    names = catalogue.snippets[LABEL].iloc[rows]
    known = names.isin(labels).to_numpy()
    there = rows[known]
    images = catalogue.snippet_store.windows(there, np.zeros(len(there), dtype=np.int64), n_frames)
    return Excerpts(images, np.array([labels.index(name) for name in names[known]], dtype=np.int64))


def _frozen(encoder: SongEncoder) -> SongEncoder:
    """Ascent changes images, not weights."""
    for weight in encoder.parameters():
        weight.requires_grad_(False)
    return encoder.cpu().eval()


def untrained(studio: Studio, network: Path) -> SongEncoder:
    """The network as it was before it learned, on other weights; rows reach it on the same scale."""
    torch.manual_seed(studio.params.composing.seed)
    new = build(read_description(network))
    return _frozen(with_network(studio.encoder, new.network, len(studio.labels)))


def disturbed(studio: Studio, work: Path) -> SongEncoder:
    """The network trained to bear noise, jitter and time stretch, on the same songs; it is kept in `work`."""
    params = studio.params
    settings = params.composing.disturbed
    assert settings is not None
    component = Component(_DISTURBED, params.networks[params.candidate].init_args | vars(settings))
    if not (work / "encoder.json").is_file():
        fold = fold_of(studio.catalogue, params)
        train_network(studio.catalogue, fold, params.training.of(component), work, params.composing.seed)
    return _frozen(load_encoder(work, {_DISTURBED}))


def together(encoders: list[SongEncoder]) -> Network:
    """What several networks say on average, in logarithms of probabilities."""

    def network(windows: Tensor) -> Tensor:
        return torch.stack([each(windows).log_softmax(1) for each in encoders]).mean(dim=0)

    return network
