"""The manifest of the newest model, out of dvc.lock and DVC's cache."""

from __future__ import annotations

import json
from hashlib import blake2b
from pathlib import Path
from typing import Any

from earshot import versioning
from earshot.code import key_of
from earshot.errors import UserError
from earshot.factors.numbers import WMF
from earshot.files import read_json
from earshot.releases.history import list_releases
from earshot.releases.manifest import FOLD_MODELS, WMF_FACTORS, Manifest, ModelName, read_pointer
from earshot.store.rows import read_format
from earshot.trusted import named_classes

MADE_BY = (
    "training_set",
    "wmf_search",
    WMF_FACTORS,
    "cnn_checkpoint",
    FOLD_MODELS,
    "predicted_factors",
    "warm_up",
    "served_quality",
    "evaluation_report",
)
MODEL = (
    "cnn_checkpoint/encoder.json",
    "cnn_checkpoint/encoder.pt",
    "wmf_factors/item_factors.npy",
    "wmf_factors/items.parquet",
    "wmf_factors/user_factors.npy",
    "wmf_factors/users.parquet",
)
NUMBERS = f"{WMF_FACTORS}/{WMF}"
"""Those of the factorization; older manifests have them among their parameters alone."""
SPACE = "cnn_checkpoint/space"
"""How the names begin of the files of a taste space that is not the factorization's."""
BESIDE = (SPACE, "cnn_checkpoint/encoder.artists")
"""And of all that only some models have beside the files of `MODEL`."""
REPORT = "evaluation_report/metrics.json"
SONGS = "training_set/songs.parquet"
SNAPSHOT = ("data/raw_audio", "data/play_counts", "data/hyper_images")


def candidate(root: Path) -> Manifest:
    """The model that dvc.lock of `root` names: what a release of it would be.

    Raises
    ------
    UserError
        A stage that dvc.lock does not know, or an output that is not in DVC's
        cache or lacks a file; named, with what to do.
    """
    lock = versioning.read_lock(root)
    outputs = {stage: _output(lock, stage) for stage in MADE_BY}
    files = {name: _file(root, outputs, name) for name in (*MODEL, NUMBERS, REPORT, SONGS)}
    files |= _beside(root, outputs["cnn_checkpoint"]) | _fold_models(root, outputs[FOLD_MODELS])
    params = {key: value for stage in MADE_BY for key, value in _params(lock, stage).items()}
    n0 = float(read_json(root / "data" / "warm_up" / "warm_up.json")["n0"])
    name, inputs = model_name(files, n0), _inputs(lock)
    current = read_pointer(root)
    numbers = {release.release: release.number for release in list_releases(root)}
    return Manifest(
        release=name,
        # a model released before keeps its number
        number=numbers.get(name, 1 + max(numbers.values(), default=0)),
        previous=current.release if isinstance(current, Manifest) else None,
        feature_key=read_format(root / "data" / "training_set" / "hyper_images" / "rows.json").feature_key,
        split=params["training_set"]["split"],
        files=files,
        outputs=outputs,
        params=params,
        metrics=_metrics(root / "data" / REPORT, params["evaluation_report"]["k"]),
        n0=n0,
        inputs=inputs,
        deliveries=_deliveries(root, inputs.get("data/raw_audio")),
        **_described(root / "data" / "cnn_checkpoint"),
    )


def model_name(files: dict[str, str], n0: float) -> str:
    """Name of the release whose files have these md5s."""
    beside = [files[name] for name in sorted(files) if name.startswith(BESIDE)]
    parts = [*(files[name] for name in MODEL), *beside, n0]
    return blake2b(json.dumps(parts).encode(), digest_size=6).hexdigest()


def _output(lock: dict[str, Any], stage: str) -> str:
    if stage not in lock:
        raise UserError(f"dvc.lock: no {stage}; run the pipeline up to it first: dvc repro {stage}")
    md5: str = lock[stage]["outs"][0]["md5"]
    return md5


def _params(lock: dict[str, Any], stage: str) -> dict[str, Any]:
    values: dict[str, Any] = lock[stage].get("params", {}).get("params.yaml", {})
    return values


def _file(root: Path, outputs: dict[str, str], name: str) -> str:
    stage, _, file = name.partition("/")
    output = versioning.PreviousOutput(versioning.cache_folder(root), outputs[stage])
    if file not in output.files:
        raise UserError(
            f"{name}: not in the object {outputs[stage]} of DVC's cache; "
            f"`dvc commit {stage}` or `dvc repro {stage}` puts it there"
        )
    return output.files[file]


def _described(checkpoint: Path) -> dict[str, Any]:
    """Families, name and code of the model in the folder `checkpoint`."""
    encoder = read_json(checkpoint / "encoder.json")
    named = read_json(checkpoint / "summary.json").get("candidate")
    return {
        "families": {each["name"]: each["key"] for each in encoder.get("others", ())},
        "candidate": None if named is None else ModelName(**named),
        "code": code_of(encoder),
    }


def code_of(encoder: dict[str, Any]) -> str | None:
    """Of the classes that an encoder.json names, as they are today; None where one cannot be found."""
    try:
        return key_of([], *sorted(name.split(":")[0] for name in named_classes(encoder)))
    except (ModuleNotFoundError, ValueError):
        return None


def _beside(root: Path, md5: str) -> dict[str, str]:
    made = versioning.PreviousOutput(versioning.cache_folder(root), md5).files
    named = {f"cnn_checkpoint/{name}": each for name, each in sorted(made.items())}
    return {name: each for name, each in named.items() if name.startswith(BESIDE)}


def _fold_models(root: Path, md5: str) -> dict[str, str]:
    made = versioning.PreviousOutput(versioning.cache_folder(root), md5).files
    return {f"{FOLD_MODELS}/{name}": each for name, each in sorted(made.items()) if "/" in name}


def _inputs(lock: dict[str, Any]) -> dict[str, str]:
    recorded = {dep["path"]: dep.get("md5") for dep in lock["training_set"].get("deps", ())}
    return {path: recorded[path] for path in SNAPSHOT if recorded.get(path)}


def _deliveries(root: Path, raw_audio: str | None) -> dict[str, str]:
    """Of the catalogue `raw_audio`, which holds a part for each."""
    files = versioning.PreviousOutput(versioning.cache_folder(root), raw_audio).files
    parts = [Path(name).stem for name in files if name.startswith("parts/")]
    # a part is <delivery>-<key>
    return versioning.delivery_md5s(root, [part.rpartition("-")[0] for part in parts])


def _metrics(path: Path, k: int) -> dict[str, dict[str, float]]:
    systems = read_json(path)["systems"]
    shown = (f"map_at_{k}", "auc")
    named = {("candidate" if name == "cnn_mse" else name): values for name, values in systems.items()}
    return {name: {metric: values[metric] for metric in shown} for name, values in named.items()}
