"""Whether what params.yaml trains could be served: said before any stage works, not after a training."""

from __future__ import annotations

import ast

from earshot.classes import load_class
from earshot.code import module_file
from earshot.errors import UserError
from earshot.params import Params

SAVES_SPACE = "save_space"
"""What an objective has whose outputs lie in a taste space (`earshot.training.objectives`)."""


def refuse_unservable(params: Params) -> None:
    """UserError where nothing can be recommended by what the objective trains, such as genres."""
    class_path = params.cnn_checkpoint.objective.class_path
    module, _, name = class_path.partition(":")
    # most say so in their own file: importing it would import torch, in every stage
    if _says_so(module, name):
        return
    key = "cnn_checkpoint.objective"
    if not hasattr(load_class(class_path, key), SAVES_SPACE):
        raise UserError(
            f"{key}={class_path!r}: what it trains cannot be served: wanted an objective with "
            f"{SAVES_SPACE}(folder, hear), which says where songs and listeners are placed"
        )


def _says_so(module: str, name: str) -> bool:
    file = module_file(module)
    if file is None:
        return False
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return False
    classes = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    return any(
        isinstance(node, ast.FunctionDef) and node.name == SAVES_SPACE
        for kind in classes
        for node in kind.body
    )
