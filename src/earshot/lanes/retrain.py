"""When a new model pays: what is new since the last training, against the limits in params.yaml."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from earshot.arrays import is_among
from earshot.catalogue.play_counts import ITEMS
from earshot.columns import N_LISTENERS, SONG_ID
from earshot.errors import UserError
from earshot.files import parse_yaml, read_json, replace_json
from earshot.lanes.reproduce import reproduce_saying
from earshot.params import Retraining, load_params
from earshot.releases import (
    Manifest,
    NothingReleased,
    candidate,
    commit_release,
    nothing_released,
    read_decision,
    read_pointer,
)
from earshot.releases.manifest import REFIT
from earshot.store.reader import newer_images
from earshot.versioning import read_definition, read_lock, read_pipeline, repair, writers
from earshot.workspace import not_yet

DAY = 24 * 3600


@dataclass(frozen=True)
class News:
    """What is new since the last training.

    Attributes
    ----------
    songs, new_songs
        With a sound and a listener, as nothing is learned from others: trained on; not among these.
    plays, new_plays
        Pairs of a listener and a song: trained on; more than these.
    days
        Since the songs and plays trained on were put together.
    drifted
        Whether more new deliveries differ than chance allows; None where that was not measured.
    """

    songs: int
    new_songs: int
    plays: int
    new_plays: int
    days: float
    drifted: bool | None


@dataclass(frozen=True)
class Due:
    """Whether to train now, in words, and what that was made of."""

    due: bool
    reasons: tuple[str, ...]
    figures: dict[str, Any]

    def __str__(self) -> str:
        return f"{'; '.join(self.reasons)} -> {'due' if self.due else 'not due'}"


def due(root: Path) -> Due:
    """Whether a training of the workspace `root` is due.

    Raises
    ------
    UserError
        params.yaml is wrong, or dvc.lock does not name a training set that is there.
    """
    settings = load_params(root / "params.yaml").retraining
    data = root / "data"
    if not all((data / stage / "summary.json").is_file() for stage in ("hyper_images", "play_counts")):
        return Due(False, ("songs with audio, or plays, are not there yet",), {})
    if training := _under_way(root):
        return Due(False, (training,), {})
    release = read_pointer(root)
    trained = (data / "training_set" / "summary.json").is_file()
    if not trained and isinstance(release, Manifest) and release.derived_from is not None:
        why = (
            "a shared release serves, and nothing was trained here: `earshot retrain` trains on what is here"
        )
        return Due(False, (why,), {})
    if not trained:
        return Due(True, ("nothing was trained yet, or the last training was cut off",), {})
    snapshot = _recorded(root, "training_set", "outs", "data/training_set")
    if snapshot is None:
        raise UserError(
            f"{root / 'dvc.lock'}: no training_set, though data/training_set is there; run it again"
        )
    if _recorded(root, "release", "deps", "data/training_set") != snapshot:
        return Due(True, ("the last training came to no decision",), {"training_set": snapshot})
    weighed = weigh(_news(root, snapshot), settings)
    return Due(weighed.due, weighed.reasons, {"training_set": snapshot, **weighed.figures})


def weigh(news: News, settings: Retraining) -> Due:
    """`news` against the limits: one that is reached is enough, time and drift only if anything is new."""
    share, plays_share = news.new_songs / max(news.songs, 1), news.new_plays / max(news.plays, 1)
    limits = {
        f"{news.new_songs:,} new songs": _against(news.new_songs, settings.new_songs, "{:,}"),
        f"{share:.1%} of the {news.songs:,} trained on": _against(share, settings.new_songs_share, "{:.0%}"),
        f"{plays_share:.1%} new plays": _against(plays_share, settings.new_plays_share, "{:.0%}"),
        f"{news.days:.1f} days since the last training": _against(news.days, settings.days, "{:g}"),
        _describe_drift(news.drifted): _against(bool(news.drifted), settings.drift, "drift"),
    }
    reasons = [f"{what} ({limit})" for what, (_, limit) in limits.items()]
    anything = news.new_songs + news.new_plays > 0
    reached = any(is_reached for is_reached, _ in limits.values())
    if reached and not anything:
        reasons.append("but there is nothing new to learn from")
    return Due(reached and anything, tuple(reasons), asdict(news))


def _against(value: float, limit: float | None, shown: str) -> tuple[bool, str]:
    if limit is None:
        return False, "no limit"
    return value >= limit, f"limit {shown.format(limit)}{': reached' if value >= limit else ''}"


def _describe_drift(drifted: bool | None) -> str:
    if drifted is None:
        return "drift not measured since"
    return "new deliveries drifted" if drifted else "no more drift than by chance"


def _under_way(root: Path) -> str:
    """Which stage of the training lane runs now, in any process; `""` for none."""
    stages = parse_yaml((root / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    training = [name for name, stage in stages.items() if stage["meta"]["lane"] == "training"]
    running = writers(root)
    for name in training:
        if pid := running.get(str(root / read_definition(root, name).output)):
            return f"a training is under way: {name}, PID {pid}"
    return ""


def _news(root: Path, snapshot: str) -> News:
    data = root / "data"
    songs, new_songs = _songs(data)
    then, now = (
        read_json(data / stage / "summary.json")["plays"] for stage in ("training_set", "play_counts")
    )
    days = (time.time() - _trained_at(root, snapshot)) / DAY
    return News(songs, new_songs, then, max(0, now - then), days, _drifted(root, snapshot))


def _songs(data: Path) -> tuple[int, int]:
    """How many songs with a sound and a listener were trained on, and how many are there beside these."""
    import pandas as pd

    trained = pd.read_parquet(data / "training_set" / "songs.parquet", columns=[SONG_ID, N_LISTENERS])
    learned = trained.loc[trained[N_LISTENERS] > 0, SONG_ID]
    with_audio = pd.read_parquet(data / "hyper_images" / "index.parquet", columns=[SONG_ID])[SONG_ID]
    played = with_audio[is_among(with_audio, pd.read_parquet(data / "play_counts" / ITEMS)[SONG_ID])]
    other_sound = newer_images(data / "hyper_images", data / "training_set" / "hyper_images")
    # not learned from, or with another sound since
    return len(learned), int((~is_among(played, learned) | is_among(played, other_sound)).sum())


def _drifted(root: Path, snapshot: str) -> bool | None:
    """What the stage drift found, if it measured against this training set."""
    summary = root / "data" / "drift" / "summary.json"
    if _recorded(root, "drift", "deps", "data/training_set") != snapshot or not summary.is_file():
        return None
    return bool(read_json(summary)["drifted"])


def _trained_at(root: Path, snapshot: str) -> float:
    """When this training set appeared here; noted at first sight, as DVC's outputs hold no times."""
    note = root / ".earshot" / "last_training.json"
    noted = read_json(note) if note.is_file() else {}
    if noted.get("training_set") != snapshot:
        noted = {"training_set": snapshot, "at": (root / "data" / "training_set").stat().st_mtime}
        note.parent.mkdir(exist_ok=True)
        replace_json(note, noted)
    return float(noted["at"])


def _recorded(root: Path, stage: str, kind: str, path: str) -> str | None:
    """md5 that dvc.lock holds of an output (`outs`) or dep (`deps`) of `stage`; None where it has none."""
    entries = read_lock(root).get(stage, {}).get(kind, ())
    return next((entry.get("md5") for entry in entries if entry["path"] == path), None)


def retrain(root: Path, say: Callable[[str], object]) -> str:
    """Run the training lane, then the serving lane, through DVC; what became of the candidate.

    Raises
    ------
    UserError
        A stage failed, in its own words.
    """
    if not all((root / "data" / stage).is_dir() for stage in ("hyper_images", "play_counts")):
        raise not_yet(root, "songs with audio, or plays, are not there yet")
    repair(root, say)
    before = read_pointer(root)
    stages = read_pipeline(root)
    for stage in (stage for lane in ("training", "serving") for stage in stages if stage.lane == lane):
        reproduce_saying(root, stage.target, say)
        if stage.target == "release" and load_params(root / "params.yaml").release.git_commit:
            commit_release(root)
    return _outcome(root, before)


def _outcome(root: Path, before: Manifest | NothingReleased) -> str:
    name, now = candidate(root).release, read_pointer(root)
    if isinstance(before, Manifest) and before.release == name:
        return f"{name}: the model is the one that was released before"
    released = isinstance(now, Manifest) and now.release == name
    decision = read_decision(root, name) or {}
    told = (decision.get("reason"), decision.get(REFIT, {}).get("told"))
    reason = "; ".join(filter(None, told))
    if isinstance(now, NothingReleased):
        return f"{name}: refused; {nothing_released(root, now)}"
    return f"{name}: {'released' if released else 'refused, what was served stays'}: {reason}"
