"""Manifests as they were written before they had a `format`: read for ever, names as they were computed then.

Their one feature key stands for the eight families of the image; what they call `cnn_mse` is the candidate.
"""

from __future__ import annotations

from typing import Any

from earshot.classes import module_stem


def as_format_2(content: dict[str, Any]) -> dict[str, Any]:
    """The content of a manifest of format 1 as format 2 has it; what is wrong with it stays as it is."""
    changed = content | {"format": 2}
    metrics = changed.get("metrics")
    if isinstance(metrics, dict) and "cnn_mse" in metrics:
        changed["metrics"] = {("candidate" if name == "cnn_mse" else name): metrics[name] for name in metrics}
    try:
        trained = content["params"]["cnn_checkpoint"]
        encoder, objective = (module_stem(trained[part]) for part in ("encoder", "objective"))
    except (KeyError, TypeError, ValueError):
        return changed
    named = {"name": f"{encoder}+{objective}", "encoder": encoder, "objective": objective, "space": "wmf"}
    return changed | {"candidate": named}
