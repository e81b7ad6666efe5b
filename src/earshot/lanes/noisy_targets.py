"""The encoder of a shared release: trained as that of home, towards song vectors with noise in them.

All that is shared follows from these vectors and from sound, so it tells no more of a listener than they do
(the Gaussian mechanism, Dwork and Roth 2014, appendix A). How much noise is set by a membership attack
(`benchmarks/sharing.py`) and not by a proof. What vectors tell of one listener falls with the number of
listeners, and so does the noise.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from earshot import versioning
from earshot.errors import UserError
from earshot.factors.numbers import WMF
from earshot.files import link
from earshot.params import CnnCheckpoint, Params, check_params
from earshot.releases.manifest import WMF_FACTORS, Manifest
from earshot.spaces.placing import Vectors
from earshot.stages.paths import Paths
from earshot.versioning import PreviousOutput

NOISE = 1500.0
"""Standard deviation, in root mean squares of the vectors' entries, times listeners."""
_SNAPSHOT = (
    "songs.parquet",
    "summary.json",
    "plays.parquet",
    "plays/",
    "users.parquet",
    "items.parquet",
    "recency.json",
    "hyper_images/",
)


def add_noise(vectors: Vectors, n_listeners: int, rng: np.random.Generator) -> Vectors:
    """Song vectors, float32 (n, d), as an encoder to be shared is trained towards.

    Example
    -------
    >>> ones, rng = np.ones((100, 100), np.float32), np.random.default_rng(0)
    >>> [round(float((add_noise(ones, n, rng) - ones).std()), 1) for n in (500, 2000)]
    [3.0, 0.7]
    """
    size = NOISE / n_listeners * np.sqrt(np.square(vectors, dtype=np.float64).mean())
    noisy: Vectors = (vectors + size * rng.standard_normal(vectors.shape)).astype(np.float32)
    return noisy


def train_to_share(root: Path, home: Manifest, model: Path, params: Params) -> Paths:
    """Train the encoder of `home` once more; what was trained before is used again.

    Noise drawn anew for every file could be averaged out of several. Work that is killed goes on.

    Parameters
    ----------
    model
        Where wmf_factors of the model that serves is.
    params
        Of the workspace; how the encoder is trained is said by `home`.

    Returns
    -------
    The little workspace in `.earshot/shared/` with training_set, wmf_factors and cnn_checkpoint.

    Raises
    ------
    UserError
        `home` does not say how it was trained; its snapshot is not in DVC's cache; the training fails.
    """
    # it imports Lightning, which takes 8 s that other commands need not pay
    from earshot.stages.cnn_checkpoint import write_encoder

    where = f"release {home.release}: params.cnn_checkpoint"
    cnn = check_params(home.params.get("cnn_checkpoint"), where, CnnCheckpoint)
    params = replace(params, seed=int(home.params.get("seed", 0)), cnn_checkpoint=cnn)
    folder = root / ".earshot" / "shared" / home.release
    nothing = PreviousOutput(folder, None)
    inside = Paths(root, folder / "output", folder, folder / "failed", nothing).inside(folder)
    inside.make("training_set", lambda made: _link_snapshot(root, home, made.output))
    inside.make(WMF_FACTORS, lambda made: _write_targets(model / WMF_FACTORS, made.output))
    inside.make("cnn_checkpoint", lambda made: write_encoder(made, params))
    return inside


def _link_snapshot(root: Path, home: Manifest, folder: Path) -> None:
    snapshot = versioning.PreviousOutput(versioning.cache_folder(root), home.outputs.get("training_set"))
    names = [name for name in snapshot.files if name.startswith(_SNAPSHOT)]
    lost = [name for name in names if not snapshot.link(name, folder / name)]
    if lost or not names:
        what = lost[0] if lost else snapshot.md5
        raise UserError(
            f"release {home.release}: training_set ({what}) is not in DVC's cache; "
            "`dvc pull training_set`, or share it where it was trained"
        )


def _write_targets(source: Path, folder: Path) -> None:
    """The factorization `source` with noise in its songs, which nobody can draw again."""
    users = pd.read_parquet(source / "users.parquet")
    vectors = np.load(source / "item_factors.npy", allow_pickle=False)
    np.save(folder / "item_factors.npy", add_noise(vectors, len(users), np.random.default_rng()))
    for name in ("items.parquet", "user_factors.npy", "users.parquet", WMF):
        link(source / name, folder / name)
