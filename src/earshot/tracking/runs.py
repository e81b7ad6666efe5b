"""Opening and closing runs, in the mode that is asked for, else offline, else not at all.

WANDB_MODE, WANDB_PROJECT, WANDB_ENTITY and WANDB_DIR go before what is said here. Whoever tracks goes on
where wandb fails, with a word to stderr. The last training's run stands in `.earshot/wandb/latest.json`, and
in no output.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from earshot.classes import module_stem
from earshot.files import read_json, replace_json, replace_text
from earshot.params import Params
from earshot.terminal import say
from earshot.versioning import dep_md5s, git_or_none, read_definition

LATEST = Path(".earshot", "wandb", "latest.json")
_SECONDS_TO_CONNECT = 20.0
_SECONDS_TO_FINISH = 60.0


@dataclass(frozen=True)
class Label:
    """How a run is called, and what it is found by.

    Attributes
    ----------
    run_id
        In its project.
    job_type
        `training` or `evaluation`.
    group
        Of a training and the evaluation of what it trained: the id of the training's run.
    name
        `<encoder>+<objective>`, by the names of their modules.
    tags
        Encoder, objective, what songs are held out by, ...
    """

    run_id: str
    job_type: str
    group: str
    name: str
    tags: tuple[str, ...]


def label_of(params: Params, run_id: str, job_type: str, group: str, *tags: str) -> Label:
    """The label of a run of what `params` train."""
    parts = (params.cnn_checkpoint.encoder, params.cnn_checkpoint.objective)
    encoder, objective = (module_stem(asdict(part)) for part in parts)
    held_out = f"held out by {params.training_set.split.by}"
    return Label(run_id, job_type, group, f"{encoder}+{objective}", (encoder, objective, held_out, *tags))


def config_of(root: Path, params: Params, stage: str) -> dict[str, Any]:
    """What a run was made of: params, `commit`, and `inputs`, the md5 of each folder that `stage` reads."""
    definition = read_definition(root, stage)
    data = [path for path in definition.deps if path.startswith("data/")]
    inputs = {path.removeprefix("data/"): md5 for path, md5 in dep_md5s(root, definition, data).items()}
    commit = git_or_none(root, "rev-parse", "HEAD")
    return {**asdict(params), "inputs": inputs, "commit": None if commit is None else commit.decode().strip()}


def open_run(root: Path, project: str, label: Label, config: Mapping[str, Any]) -> Any:
    """wandb's run: in the mode asked for, else offline, else None. One of this id that was there goes on."""
    mode = os.environ.get("WANDB_MODE", "offline")
    if mode == "disabled":
        return None
    for attempt in dict.fromkeys((mode, "offline")):
        try:
            return _start(root, project, label, config, attempt)
        except Exception as error:  # no account, no network, a full disk, ...
            warn(f"W&B cannot start in mode {attempt!r}: {error}")
            with suppress(Exception):
                _stop_service()
    return None


def _start(root: Path, project: str, label: Label, config: Mapping[str, Any], mode: str) -> Any:
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
    return wandb.init(
        id=label.run_id,
        resume="allow",  # offline too: else the steps of a second part begin at 0 again
        mode=mode,  # type: ignore[arg-type]
        project=os.environ.get("WANDB_PROJECT", project),
        entity=os.environ.get("WANDB_ENTITY"),
        dir=folder,
        name=label.name,
        group=label.group,
        job_type=label.job_type,
        tags=label.tags,
        config=dict(config),
        settings=settings,
    )


def attempt(run: Any, action: Callable[[Any], object]) -> bool:
    """Whether `action` could be done with the run; where it could not, a word of warning."""
    try:
        action(run)
    except Exception as error:  # whatever fails there, what is tracked is worth more
        warn(f"goes on without W&B: {error}")
        return False
    return True


def close_run(run: Any) -> None:
    """Finish the run; afterwards all that was logged is on the disk."""
    run.finish()
    _stop_service()


def _stop_service() -> None:
    """Afterwards all that was logged is on the disk, and the id of a run that failed to start is free."""
    import wandb

    wandb.teardown()


def forget_latest(root: Path) -> None:
    """What trains from now on has no run yet."""
    (root / LATEST).unlink(missing_ok=True)


def write_latest(root: Path, run: Any) -> None:
    """Note where the run of a training is."""
    (root / LATEST).parent.mkdir(parents=True, exist_ok=True)
    mode = "offline" if run.offline else "online"
    content = {
        "run_id": run.id,
        "project": run.project,
        "entity": run.entity or os.environ.get("WANDB_ENTITY"),
        "mode": mode,
        "folder": str(Path(run.dir).parent),
        "url": run.url if mode == "online" else None,
    }
    replace_json(root / LATEST, content)


def note_weights(root: Path, weights: Path) -> None:
    """Note which weights the latest run made."""
    replace_json(root / LATEST, {**read_json(root / LATEST), "weights": _hash(weights)})


def latest_run(root: Path) -> dict[str, Any] | None:
    """Where the last run of `root` is: run_id, project, entity, mode, folder, url; None where none was."""
    path = root / LATEST
    if not path.is_file():
        return None
    content: dict[str, Any] = read_json(path)
    return content


def run_of(root: Path, weights: Path) -> str | None:
    """Address or id of the run that made `weights`, if it was the last of `root`; else None."""
    latest = latest_of(root, weights)
    return None if latest is None else str(latest["url"] or latest["run_id"])


def latest_of(root: Path, weights: Path) -> dict[str, Any] | None:
    """The last run of `root`, if it made `weights`."""
    latest = latest_run(root)
    return latest if latest is not None and latest.get("weights") == _hash(weights) else None


def kept_id(work: Path) -> str:
    """The id of the training in `work`, the same after a kill."""
    path = work / "wandb_run_id"
    if not path.is_file():
        replace_text(path, secrets.token_hex(4))
    return path.read_text(encoding="ascii")


def _hash(path: Path) -> str:
    return blake2b(path.read_bytes(), digest_size=16).hexdigest()


def warn(text: str) -> None:
    """A line to stderr."""
    say(f"earshot: {text}")
