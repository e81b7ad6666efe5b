"""Where songs and listeners are placed: all that evaluation, gate and serving know of a model's scores.

A taste space is saved with the model, in the folder of its encoder; a model without one lies in the space
of the factorization that it was trained towards. In every space the score of a song for a listener is the
product of their vectors.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

from earshot.errors import UserError
from earshot.foreign.checked_json import parse_object
from earshot.spaces.explaining import Explainer
from earshot.spaces.fused import Fused
from earshot.spaces.hybrid import COMBINATION, Hybrid
from earshot.spaces.learned import LearnedListeners
from earshot.spaces.placing import Ids, Placed, Vectors
from earshot.spaces.shared import GRAM, SharedWmf
from earshot.spaces.wmf import WmfSpace

if TYPE_CHECKING:
    from earshot.catalogue.play_counts import PlayCounts

SPACE_FILES = {
    LearnedListeners.kind: (
        "space.json",
        "space_items.parquet",
        "space_listeners.npy",
        "space_songs.npy",
        "space_users.parquet",
    ),
    Fused.kind: ("space.json",),
    Hybrid.kind: ("space.json", COMBINATION),
    WmfSpace.kind: (),
}
"""What each kind of space saves."""


class TasteSpace(Protocol):
    """A place for songs and listeners, which hangs on nothing but what the methods are given."""

    kind: ClassVar[str]

    def training_listeners(self) -> Placed:
        """The listeners that the model was trained with. UserError where they were not kept."""
        ...

    def training_songs(self) -> Placed:
        """The songs that listeners are held against where nothing is known but what was trained on."""
        ...

    def place_songs(
        self, ids: Ids, predicted: Vectors | None, plays: PlayCounts | None, n0: float | None
    ) -> Placed:
        """Place songs.

        Parameters
        ----------
        ids
            (n_songs,).
        predicted
            float32 (n_songs, d), what the model predicts for each, zeros where it has nothing to go by;
            None: they are placed by their listeners alone.
        plays
            All plays; listeners that the model was not trained with do not count.
        n0
            Listeners that a prediction stands for (`earshot.factors.solves`); None: the prediction alone,
            for which plays are not wanted.

        Returns
        -------
        The songs in the order of `ids`. The place of one hangs on its own prediction and its own plays.
        """
        ...

    def place_listeners(self, plays: PlayCounts, songs: Placed) -> Placed:
        """Every listener of `plays`, in their order, by their plays of `songs`; plays of others do not count.

        A song that nobody has played moves no listener.
        """
        ...

    def explainer(self, songs: Placed) -> Explainer:
        """What says which plays a score comes from, of listeners as `place_listeners` places them.

        `songs` as there. It says nothing of listeners whose place is not made of their plays alone.
        """
        ...


def kind_of(encoder: Path) -> str:
    """The kind of the space of the model whose encoder is in the folder; errors as of `read_space`."""
    path = encoder / "space.json"
    return str(parse_object(path.read_bytes(), path).get("kind")) if path.is_file() else WmfSpace.kind


def read_space(encoder: Path, factors: Path) -> TasteSpace:
    """The space of a model.

    Parameters
    ----------
    encoder, factors
        Folders as the stages cnn_checkpoint and wmf_factors write them, or a shared release holds them.

    Raises
    ------
    UserError
        A space.json that is of no kind known here, or without the files of its kind; a
        factorization without its numbers.
    """
    path = encoder / "space.json"
    if not path.is_file():
        return SharedWmf.read(factors) if (factors / GRAM).is_file() else WmfSpace.read(factors)
    content = parse_object(path.read_bytes(), path)
    try:
        if content["kind"] == LearnedListeners.kind:
            return LearnedListeners.read(encoder, content)
        if content["kind"] == Fused.kind:
            scales = tuple(float(scale) for scale in content["scales"])
            if not scales or not all(0 < scale <= 1 for scale in scales):
                raise ValueError(f"scales={scales}: wanted some between 0 and 1")
            return Fused(WmfSpace.read(factors), scales)
        if content["kind"] == Hybrid.kind:
            return Hybrid.read(encoder, factors, content)
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise UserError(f"{path}: not a taste space: {error}") from None
    raise UserError(f"{path}: kind={content['kind']!r:.100}: wanted one of {', '.join(SPACE_FILES)}")
