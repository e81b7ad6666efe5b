"""Changing the small output of a stage by hand, so that DVC knows of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from earshot.versioning.lockfile import read_definition, read_lock
from earshot.versioning.locks import locked
from earshot.versioning.repair import keep_lockfile

if TYPE_CHECKING:
    from dvc.repo import Repo
    from dvc.stage import Stage


@contextmanager
def replacing_output(root: Path, stage: str, say: Callable[[str], object]) -> Iterator[None]:
    """Hold DVC's lock, and its write lock on the one output of `stage`; at the end record that output.

    Waits while another process holds either, and says for whom. Only the output
    is recorded: what dvc.lock says of the stage's deps stays, so a stage that had
    to run still has to.
    """
    from dvc.repo import Repo

    output = root / read_definition(root, stage).output
    with Repo(str(root)) as repo, locked(repo, [output], stage, say):
        yield
        if stage in read_lock(root):
            changed = _load(repo, stage)
            changed.outs[0].save()
            changed.dvcfile.dump_stages([changed], update_pipeline=False)
    keep_lockfile(root)


def _load(repo: Repo, stage: str) -> Stage:
    return repo.stage.load_one(str(Path(repo.root_dir) / "dvc.yaml"), stage)
