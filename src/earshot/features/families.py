"""Feature families beside the rows of the hyper-image: what else is stored of a song, one file each.

The eight families of rows (`earshot.store.rows.FAMILIES`) come out of one spectrum and share one key.
Every other family has a key of its own: adding one to params.yaml (`hyper_images.families`) changes no
key, byte or file of any other. It is named there as `{file: path/to/file.py, class: Class, init_args: {}}`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from numpy.typing import NDArray

from earshot.classes import Component, load_class
from earshot.errors import UserError
from earshot.params import HyperImages
from earshot.store.families import StoredFamily
from earshot.store.rows import FAMILIES

if TYPE_CHECKING:
    from earshot.audio.samples import Samples


@dataclass(frozen=True)
class SongSource:
    """What a family may look at.

    Attributes
    ----------
    row
        The song's line of `data/raw_audio/songs.parquet`, null for what no delivery said; of unit `song`.
    blocks
        The excerpt of its audio that the hyper-image shows, from its start, at a sample rate (Hz): mono,
        cut anywhere, each `(n_samples,)`; of units `frame` and `sound`.
    file
        A file of that name in the delivery that brought it, if there is one; of unit `song`.
    song_ids
        The songs of that delivery, in the order of its table; of unit `song`.
    """

    row: Mapping[str, Any] = field(default_factory=dict)
    blocks: Callable[[int], Iterator[Samples]] = lambda _: iter(())
    file: Callable[[str], Path | None] = lambda _: None
    song_ids: Callable[[], Iterable[str]] = lambda: ()


def file_in(delivery: Path, name: str) -> Path | None:
    """The file of that name in the folder of a delivery, None where there is none."""
    return delivery / name if (delivery / name).is_file() else None


class FeatureFamily(Protocol):
    """One family.

    Attributes
    ----------
    name
        By which encoders ask for it; of lower-case letters and `_`.
    unit
        `frame`: a line for every frame of the hyper-image; `sound`: a vector of all that it shows, both
        made once of a sound; `song`: a vector or words, of what the deliveries of today say of the song.
    dtype
        What is stored, as numpy names it; of a song, `words` too.
    version
        Raised by hand where the same settings make other bytes.
    """

    name: str
    unit: Literal["frame", "sound", "song"]
    dtype: str
    version: int

    def key_parts(self, settings: HyperImages) -> list[Any]:
        """Which of the settings its content hangs on, as plain JSON."""
        ...

    def width(self, settings: HyperImages) -> int:
        """Numbers in a line; 0 of words."""
        ...

    def compute(self, song: SongSource, settings: HyperImages) -> NDArray[Any] | list[str] | None:
        """`(n_frames, width)` of unit `frame`; of `sound` `(width,)`; of `song` that or words, or None.

        Raises
        ------
        AudioError
            A file that cannot be decoded.
        """
        ...


@runtime_checkable
class ChecksDeliveries(Protocol):
    """A family of unit `song` that can say, before a delivery is taken in, that a file in it is no good."""

    def check(self, delivery: SongSource) -> None:
        """Raise a UserError that names file, row, column and value; `row` of `delivery` is empty."""
        ...


def load_family(component: Component) -> FeatureFamily:
    """The family that params.yaml names. UserError where it cannot be made or is none."""
    where = "hyper_images.families"
    kind = load_class(component.class_path, where)
    try:
        family: FeatureFamily = kind(**component.init_args)
        usable = family.name.replace("_", "a").isalpha() and family.name.islower()
    except (AttributeError, TypeError, ValueError) as error:
        raise UserError(f"{where}: {component.class_path!r}, {component.init_args!r}: {error}") from None
    if not usable or family.name in FAMILIES or family.unit not in ("frame", "sound", "song"):
        raise UserError(
            f"{where}: {component.class_path!r}: name={family.name!r}, unit={family.unit!r}: wanted a name "
            "of letters and _ that no family of rows has, and the unit frame, sound or song"
        )
    return family


def described(family: FeatureFamily, settings: HyperImages) -> StoredFamily:
    """How `family` is stored under these settings."""
    content = [family.name, family.version, family.dtype, *family.key_parts(settings)]
    key = blake2b(json.dumps(content).encode(), digest_size=8).hexdigest()
    unit: Literal["frame", "song"] = "frame" if family.unit == "frame" else "song"
    width, heard = family.width(settings), family.unit == "sound"
    return StoredFamily(family.name, key, unit, family.dtype, width, heard)


def families_of(settings: HyperImages) -> list[StoredFamily]:
    """Those that params.yaml asks for. UserError where two have one name."""
    found = [described(load_family(component), settings) for component in settings.families]
    names = [family.name for family in found]
    if len({*names}) < len(names):
        raise UserError(f"hyper_images.families: {', '.join(names)}: wanted every name once")
    return found
