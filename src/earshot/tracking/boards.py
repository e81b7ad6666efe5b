"""A workspace and a report in W&B, as code: what the runs of a project are looked at with."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from earshot.errors import UserError

NAME = "earshot"
_CURVES = (
    ("Losses", ("training_loss", "validation_loss")),
    ("Learning rate", ("learning_rate",)),
    ("Gradient norm", ("gradient_norm",)),
    ("Windows a second", ("examples_per_second",)),
)
_FIGURES = ("auc", "map_at_500", "auc_centred")


def make_boards(root: Path, project: str) -> list[str]:
    """Save a workspace and a report of candidates into `project`; WANDB_PROJECT and WANDB_ENTITY go first.

    Returns
    -------
    Their addresses.

    Raises
    ------
    UserError
        wandb-workspaces is not installed, or W&B refuses: no key, no such entity, no network.
    """
    os.environ.setdefault("WANDB_DIR", str(root / ".earshot"))  # its logs; else wandb/ in the current folder
    try:
        from wandb_workspaces.reports import v2 as reports
        from wandb_workspaces.workspaces import Workspace
    except ImportError:
        raise UserError("wandb-workspaces is not installed: pip install 'earshot[boards]'") from None
    project = os.environ.get("WANDB_PROJECT", project)
    try:
        entity = os.environ.get("WANDB_ENTITY") or _own_entity()
        report = reports.Report(
            project=project,
            entity=entity,
            title=f"{NAME}: candidates",
            description="How candidates rank songs that nobody has played yet, and how they were trained.",
            blocks=_blocks(reports, entity, project),
        )
        report.save()
        workspace = Workspace(name=NAME, entity=entity, project=project, sections=_sections(reports))
        workspace.save()
    except Exception as error:  # of every kind, and none of them documented
        raise UserError(f"W&B: project={project!r}: {error}") from None
    return [workspace.url, report.url]


def _own_entity() -> str:
    import wandb

    return str(wandb.Api().default_entity)


def _panels(reports: Any) -> tuple[list[Any], list[Any], list[Any]]:
    """Figures of candidates, curves of trainings, songs."""
    figures = [reports.BarPlot(title=metric, metrics=[metric]) for metric in _FIGURES]
    figures.append(reports.ScatterPlot(title="AUC against mAP", x="map_at_500", y="auc"))
    curves = [reports.LinePlot(title=title, x="epoch", y=list(metrics)) for title, metrics in _CURVES]
    songs = [reports.MediaBrowser(media_keys=[key]) for key in ("songs/hyper_images", "songs/sounds")]
    return figures, curves, songs


def _sections(reports: Any) -> list[Any]:
    from wandb_workspaces.workspaces import Section

    names = ("Candidates", "Trainings", "Songs")
    return [
        Section(name=name, panels=panels, is_open=True)
        for name, panels in zip(names, _panels(reports), strict=True)
    ]


def _blocks(reports: Any, entity: str, project: str) -> list[Any]:
    """Evaluations over trainings; a run of either kind is told by its job type."""
    figures, curves, songs = _panels(reports)
    evaluations = _runs(reports, entity, project, "evaluation")
    trainings = _runs(reports, entity, project, "training")
    return [
        reports.H1("Candidates"),
        reports.P("A run a judged candidate; the ends of 95 % intervals over artists are in its summary."),
        reports.PanelGrid(runsets=[evaluations], panels=figures),
        reports.H1("Trainings"),
        reports.P("A run of the same group for each."),
        reports.PanelGrid(runsets=[trainings], panels=[*curves, *songs]),
    ]


def _runs(reports: Any, entity: str, project: str, job_type: str) -> Any:
    return reports.Runset(
        entity=entity, project=project, name=f"{job_type}s", filters=f"Metric('jobType') == '{job_type}'"
    )
