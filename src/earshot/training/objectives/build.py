"""The objective that params.yaml names."""

from __future__ import annotations

from torch import nn

from earshot.encoders.components import load_class
from earshot.errors import UserError
from earshot.params import Component
from earshot.training.examples import Examples


def build_objective(component: Component, examples: Examples) -> nn.Module:
    """A new objective. Raises UserError for a class that is not there, or init_args it refuses."""
    kind = load_class(component.class_path, "cnn_checkpoint.objective.class_path")
    try:
        objective: nn.Module = kind(examples, **component.init_args)
    except (TypeError, ValueError) as error:
        raise UserError(f"cnn_checkpoint.objective.init_args={component.init_args!r}: {error}") from None
    return objective
