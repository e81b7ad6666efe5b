"""What Dagster shows of an output: numbers to plot, tables to read, rows and columns of its main table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from earshot.checks import CANDIDATE
from earshot.files import read_json
from earshot.releases import candidate, read_decision, refit_check
from earshot.serve.address import read_address
from earshot.stages.pages import INDEX, PAGES
from earshot.versioning import PipelineStage
from orchestration.columns import COLUMNS
from orchestration.workspace import ROOT

TABLES = {
    "raw_audio": "songs.parquet",
    "hyper_images": "index.parquet",
    "play_counts": "plays.parquet",
    "training_set": "plays.parquet",
    "predicted_factors": "items.parquet",
    "evaluation_report": "per_song.parquet",
    "served_factors": "items.parquet",
    "recommendations": "recommendations.parquet",
    "drift": "drift.parquet",
}
"""The main table of an output, by stage."""
REPORTS = {
    **{page.needs[0].split("/")[0]: f"pages/{page.file}" for page in PAGES},
    "pages": f"pages/{INDEX}",
}
"""The report that tells of an output, below data/, by stage."""
_ESTIMATE = {"value", "low", "high"}
_WIDE = 60
"""Letters of a cell, above which it is a sentence."""
_PLOTTED = 5
"""Entries of a dict that are metadata of their own each; of more of them one table is made."""


def summary(stage: PipelineStage) -> dict[str, Any]:
    """What the stage says of its output; of a release, the decision on the newest candidate."""
    output = ROOT / stage.output
    if output.is_file():
        decision = read_decision(ROOT, candidate(ROOT).release) or {}
        metrics = decision.get("metrics") or {}
        figures = {f"{CANDIDATE}_{metric}": value for metric, value in metrics.get(CANDIDATE, {}).items()}
        table = {"metrics": _side_by_side(metrics)} if metrics else {}
        return figures | decision | table | {"checks": [refit_check(decision)]}
    content: dict[str, Any] = read_json(output / "summary.json")
    return _judged(output, content) if stage.target == "evaluation_report" else content


def _judged(report: Path, content: Mapping[str, Any]) -> dict[str, Any]:
    """Of an evaluation the figures of the model that is judged, to be plotted; all systems in one table."""
    metrics = read_json(report / "metrics.json")
    names = (f"map_at_{metrics['protocol']['k']}", "auc")
    found = {system: {name: each[name] for name in names} for system, each in metrics["systems"].items()}
    figures = {f"{system}_{name}" for system in found for name in names}
    judged = {f"{CANDIDATE}_{name}" for name in names}
    return (
        {key: value for key, value in content.items() if key in judged}
        | {"systems": _side_by_side(found)}
        | {key: value for key, value in content.items() if key not in figures}
    )


def _side_by_side(systems: Mapping[str, Mapping[str, float | None]]) -> dict[str, dict[str, str]]:
    """mAP and AUC of systems, as narrow as Dagster's page wants them.

    >>> _side_by_side({"random": {"map_at_500": 0.10123, "auc": 0.496537}})
    {'random': {'mAP': '0.101', 'AUC': '0.497'}}
    """
    return {
        system: {
            "AUC" if name == "auc" else "mAP": "" if value is None else f"{value:.3f}"
            for name, value in each.items()
        }
        for system, each in systems.items()
    }


def stage_metadata(stage: PipelineStage) -> dict[str, Any]:
    """Where the output is, its report, its summary; rows and columns of its main table where it has one.

    Paths are those in the workspace: Dagster does not wrap them, and whole ones are wider than its page.
    """
    path = {"path": dg.MetadataValue.path(stage.output)}
    return path | report_metadata(stage.target) | table_metadata(stage) | as_metadata(summary(stage))


def report_metadata(target: str) -> dict[str, Any]:
    """The report that tells of an output: a link where the workspace is served, else its path.

    Nothing where it has none. Of what was judged for release the page of the models tells, if it is served.
    """
    url, name = read_address(ROOT), REPORTS.get(target)
    if target == "release":
        return {} if url is None else {"report": dg.MetadataValue.url(f"{url}/models")}
    if name is None:
        return {}
    return {
        "report": dg.MetadataValue.path(f"data/{name}")
        if url is None
        else dg.MetadataValue.url(f"{url}/reports/{name}")
    }


def table_metadata(stage: PipelineStage) -> dict[str, Any]:
    """Rows and columns, under the names that Dagster knows; nothing where there is no such table."""
    import pyarrow.parquet as pq

    table = ROOT / stage.output / TABLES.get(stage.target, "")
    if not table.is_file() or table.suffix != ".parquet":
        return {}
    schema = pq.read_schema(table)
    columns = [
        dg.TableColumn(field.name, str(field.type), description=COLUMNS.get(field.name)) for field in schema
    ]
    rows = pq.read_metadata(table).num_rows
    return {"dagster/row_count": rows, "dagster/column_schema": dg.TableSchema(columns=columns)}


def as_metadata(content: Mapping[str, Any]) -> dict[str, Any]:
    """A summary as metadata: numbers to six digits, which Dagster plots; lists and long dicts as tables.

    >>> as_metadata({"auc": 0.7986326530059, "hubs": {"skewness": 1.5}, "checks": []})
    {'auc': 0.798633, 'hubs/skewness': 1.5}
    """
    return dict(_entries({key: value for key, value in content.items() if key != "checks"}))


def _entries(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and 0 < len(value) <= _PLOTTED and not _has_nested(value):
            yield from _entries(value, f"{name}/")
        elif _is_nested(value):
            yield name, dg.MetadataValue.md(markdown(value))
        elif value is not None:
            yield name, float(f"{value:.6g}") if isinstance(value, float) else value


def _has_nested(value: Mapping[str, Any]) -> bool:
    return any(map(_is_nested, value.values()))


def _is_nested(value: Any) -> bool:
    return isinstance(value, dict | list | tuple)


def markdown(value: Mapping[str, Any] | Sequence[Any]) -> str:
    r"""A dict or a list as a table or a list in Markdown, floats to four digits.

    What has sentences is a list: Dagster does not wrap a table, which its page then cuts off.

    >>> print(markdown([{"rule": "chance", "passed": True}, {"rule": "lists", "p": 0.0123456}]))
    | rule | passed | p |
    | --- | --- | --- |
    | chance | yes |  |
    | lists |  | 0.01235 |
    >>> print(markdown({"random": {"auc": 0.5}, "candidate": {"auc": 0.79863265}}))
    |  | auc |
    | --- | --- |
    | random | 0.5 |
    | candidate | 0.7986 |
    >>> print(markdown([{"rule": "chance", "passed": True, "told": "as long as the page, " * 3}]))
    - **chance**: yes; as long as the page, as long as the page, as long as the page,
    >>> print(markdown({"random": {"auc": {"value": 0.302, "low": 0.288, "high": 0.316, "artists": 110}}}))
    - **random**: auc +0.302 (+0.288 to +0.316), artists 110
    >>> markdown([]), markdown(["a", "b|c"])
    ('none', '- a\n- b\\|c')
    """
    if not value:
        return "none"
    if isinstance(value, Mapping):
        rows = list(value.values())
        if all(isinstance(row, dict) and _has_nested(row) for row in rows):
            return "\n".join(f"- **{key}**: {'; '.join(_parts(row))}" for key, row in value.items())
        if all(isinstance(row, dict) and row for row in rows):
            return _table([{"": key} | row for key, row in value.items()])
        return _table([{"": key, "value": row} for key, row in value.items()])
    if all(isinstance(row, dict) for row in value):
        return _lines(value) if any(map(_has_sentence, value)) else _table(value)
    return "\n".join(f"- {_cell(row)}" for row in value)


def _has_sentence(row: Mapping[str, Any]) -> bool:
    return any(isinstance(cell, str) and len(cell) > _WIDE for cell in row.values())


def _lines(rows: Sequence[Mapping[str, Any]]) -> str:
    cells = [[_cell(cell) for cell in row.values()] for row in rows]
    return "\n".join(f"- **{first}**: {'; '.join(filter(None, rest))}" for first, *rest in cells)


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    cells = [columns, ["---"] * len(columns), *([_cell(row.get(key)) for key in columns] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return ", ".join(_parts(value))
    if isinstance(value, list | tuple):
        return ", ".join(map(_cell, value))
    return "" if value is None else " ".join(str(value).replace("|", "\\|").split())


def _parts(value: Mapping[str, Any]) -> Iterator[str]:
    """Of a dict in a cell: an estimate with its interval, if it is one, and the rest by name."""
    estimate = _ESTIMATE if value.keys() >= _ESTIMATE and value["low"] is not None else set()
    if estimate:
        yield "{value:+.3f} ({low:+.3f} to {high:+.3f})".format(**value)
    yield from (f"{key} {_cell(each)}" for key, each in value.items() if key not in estimate)
