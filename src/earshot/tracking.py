"""Weights & Biases: one run a training, offline unless asked. The only module that knows wandb.

WANDB_MODE, WANDB_PROJECT, WANDB_ENTITY and WANDB_DIR go before what is said
here. A training goes on without tracking where wandb fails, with a word to
stderr. What ran last stands in `.earshot/wandb/latest.json`, and in no output.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from earshot.columns import ARTIST, SONG_ID, SOURCE, TITLE
from earshot.files import read_json, replace_json, replace_text
from earshot.params import Params
from earshot.terminal import say

if TYPE_CHECKING:
    from earshot.store.reader import HyperImageStore
    from earshot.training.callbacks import Epoch

_LATEST = Path(".earshot", "wandb", "latest.json")
_MEDIA_SONGS = 6
_SECONDS_TO_CONNECT = 20.0
_SECONDS_TO_FINISH = 60.0


@dataclass
class TrainingRun:
    """The W&B run of a training; does nothing where there is none.

    Attributes
    ----------
    root
        The workspace.
    run
        wandb's run, or None.
    """

    root: Path
    run: Any
    _logged: set[int] = field(default_factory=set)

    def log_epoch(self, epoch: Epoch) -> None:
        """Add a point to the curves, once."""
        if epoch.epoch not in self._logged:
            self._logged.add(epoch.epoch)
            self._try(lambda run: run.log(asdict(epoch)))

    def log_songs(self, params: Params, training_set: Path, store: HyperImageStore) -> None:
        """Add pictures and sounds of a few songs, of the sources in `tracking.media` only."""
        self._try(lambda run: _log_songs(run, _media(params, training_set), training_set, store))

    def finish(self, epochs: Sequence[Epoch], summary: dict[str, Any], weights: Path) -> None:
        """Add what a killed part of the training has not logged, the summary, and whose weights these are."""
        for epoch in epochs:
            self.log_epoch(epoch)
        self._try(lambda run: run.summary.update(summary))
        if self.run is not None:
            content = read_json(self.root / _LATEST)
            replace_json(self.root / _LATEST, {**content, "weights": _hash(weights)})

    def _try(self, action: Callable[[Any], object]) -> None:
        if self.run is None:
            return
        try:
            action(self.run)
        except Exception as error:  # whatever fails there, the training is worth more
            _warn(f"goes on without W&B: {error}")
            self.run = None


@contextmanager
def training_run(root: Path, work: Path, params: Params) -> Iterator[TrainingRun]:
    """A run for the training in `work`; one that was killed there goes on under the same id."""
    run = _open(root, params.tracking.project, _kept_id(work), asdict(params))
    tracked = TrainingRun(root, run)
    if run is not None:
        tracked._logged |= set(range(int(run.summary.get("epoch", -1)) + 1)) if run.resumed else set()
    try:
        yield tracked
    finally:
        tracked._try(_close)


def log_report(root: Path, params: Params, weights: Path, tables: dict[str, Any]) -> None:
    """Add result tables (pandas, by name) to the run that made `weights`, if it was the last of `root`."""
    latest = _latest_of(root, weights)
    if latest is None:
        return
    report = TrainingRun(root, _open(root, params.tracking.project, latest["run_id"], asdict(params)))
    report._try(lambda run: run.log({name: _table(rows) for name, rows in tables.items()}))
    report._try(_close)
    replace_json(root / _LATEST, latest)


def run_of(root: Path, weights: Path) -> str | None:
    """Address or id of the run that made `weights`, if it was the last of `root`; else None."""
    latest = _latest_of(root, weights)
    return None if latest is None else str(latest["url"] or latest["run_id"])


def _latest_of(root: Path, weights: Path) -> dict[str, Any] | None:
    """The last run of `root`, if it made `weights`."""
    latest = latest_run(root)
    return latest if latest is not None and latest.get("weights") == _hash(weights) else None


def latest_run(root: Path) -> dict[str, Any] | None:
    """Where the last run of `root` is: run_id, project, entity, mode, folder, url; None where none was."""
    path = root / _LATEST
    if not path.is_file():
        return None
    content: dict[str, Any] = read_json(path)
    return content


def _kept_id(work: Path) -> str:
    path = work / "wandb_run_id"
    if not path.is_file():
        replace_text(path, secrets.token_hex(4))
    return path.read_text(encoding="ascii")


def _open(root: Path, project: str, run_id: str, config: dict[str, Any]) -> Any:
    """wandb's run: in the mode asked for, else offline, else None."""
    mode = os.environ.get("WANDB_MODE", "offline")
    (root / _LATEST).unlink(missing_ok=True)
    if mode == "disabled":
        return None
    for attempt in dict.fromkeys((mode, "offline")):
        try:
            run = _start(root, project, run_id, config, attempt)
            _write_latest(root, run, attempt)
            return run
        except Exception as error:  # no account, no network, a full disk, ...
            _warn(f"W&B cannot start in mode {attempt!r}: {error}")
            with suppress(Exception):
                _stop_service()
    return None


def _start(root: Path, project: str, run_id: str, config: dict[str, Any], mode: str) -> Any:
    import wandb

    folder = Path(os.environ.get("WANDB_DIR", root / ".earshot"))
    folder.mkdir(parents=True, exist_ok=True)
    settings = wandb.Settings(
        silent=True,
        console="off",
        disable_git=True,
        save_code=False,
        init_timeout=_SECONDS_TO_CONNECT,
        finish_timeout=_SECONDS_TO_FINISH,
    )
    run = wandb.init(
        id=run_id,
        resume="allow" if mode == "online" else None,
        mode=mode,  # type: ignore[arg-type]
        project=os.environ.get("WANDB_PROJECT", project),
        entity=os.environ.get("WANDB_ENTITY"),
        dir=folder,
        config=config,
        settings=settings,
    )
    run.define_metric("epoch")
    for curve in ("training_loss", "validation_loss"):
        run.define_metric(curve, step_metric="epoch")
    return run


def _close(run: Any) -> None:
    run.finish()
    _stop_service()


def _stop_service() -> None:
    """Afterwards all that was logged is on the disk, and the id of a run that failed to start is free."""
    import wandb

    wandb.teardown()


def _write_latest(root: Path, run: Any, mode: str) -> None:
    (root / _LATEST).parent.mkdir(parents=True, exist_ok=True)
    content = {
        "run_id": run.id,
        "project": run.project,
        "entity": run.entity or os.environ.get("WANDB_ENTITY"),
        "mode": mode,
        "folder": str(Path(run.dir).parent),
        "url": run.url if mode == "online" else None,
    }
    replace_json(root / _LATEST, content)


def _media(params: Params, training_set: Path) -> list[dict[Any, Any]]:
    """The first songs with a clip whose source may be shown: song_id, clip, title, artist."""
    import pandas as pd

    clips = pd.read_parquet(training_set / "clips" / "clips.parquet")
    songs = pd.read_parquet(training_set / "songs.parquet")[[SONG_ID, TITLE, ARTIST]]
    shown = clips[clips[SOURCE].isin(params.tracking.media)].merge(songs, on=SONG_ID)
    return shown.head(_MEDIA_SONGS).to_dict("records")


def _log_songs(run: Any, songs: list[dict[Any, Any]], training_set: Path, store: HyperImageStore) -> None:
    import wandb
    from matplotlib import colormaps

    if not songs:
        return
    captions = [f"{song[TITLE]} - {song[ARTIST]}" for song in songs]
    # upside down, since row 0 is the lowest
    pictures = [colormaps["magma"](store.image(song[SONG_ID])[::-1], bytes=True) for song in songs]
    sounds = [str(training_set / "clips" / song["clip"]) for song in songs]
    run.log(
        {
            "hyper_images": [
                wandb.Image(picture, caption=caption)
                for picture, caption in zip(pictures, captions, strict=True)
            ],
            "sounds": [
                wandb.Audio(sound, caption=caption) for sound, caption in zip(sounds, captions, strict=True)
            ],
        }
    )


def _table(rows: Any) -> Any:
    import wandb

    return wandb.Table(dataframe=rows)


def _hash(path: Path) -> str:
    return blake2b(path.read_bytes(), digest_size=16).hexdigest()


def _warn(text: str) -> None:
    say(f"earshot: {text}")
