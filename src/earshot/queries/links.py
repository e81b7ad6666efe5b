"""Files of a served output as a folder, for what reads folders."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from earshot.queries.served_files import SERVED, ServedFiles


@contextmanager
def linked(
    served: ServedFiles, stage: str, below: str = "", wanted: Callable[[str], bool] = lambda _: True
) -> Iterator[Path]:
    """A folder of links into DVC's cache, gone afterwards.

    Parameters
    ----------
    stage
        One of `served.outputs`.
    below, wanted
        Only files whose names begin so, which are left without it, and that are wanted by what is left.

    Raises
    ------
    UserError
        One of them is not in the cache.
    """
    with TemporaryDirectory(prefix="earshot-served-") as made:
        for whole in served.outputs[stage].files:
            name = whole.removeprefix(below)
            if whole.startswith(below) and wanted(name):
                link = Path(made) / name
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(served.file(stage, whole))
        yield Path(made)


@contextmanager
def model_folder(served: ServedFiles) -> Iterator[Path]:
    """The model that serves: `cnn_checkpoint` and `wmf_factors` as their stages wrote them, or the refit."""
    parts = ("cnn_checkpoint/", "wmf_factors/")
    with linked(served, SERVED, f"{served.model}/", lambda name: name.startswith(parts)) as model:
        yield model
