"""Genres told from the layers of networks that were trained for tags: the songs held out are the same."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from auto_tagging.heads import standardized, two_layer_head
from auto_tagging.page import draw_tag_page
from auto_tagging.protocol import TagFold, read_tag_task
from auto_tagging.systems import CONTROLS, DESCRIPTIONS, Make, Scores
from auto_tagging.table import compare_taggers, write_table_of_tags
from comparison.claims import Claim, above, write_claims
from comparison.foot import draw_sources
from earshot.columns import SONG_ID
from earshot.stages.paths import Paths
from multi_level_2017.levels import LEVELS_OF_ALL, Part, describe_ladder, ladder, read_levels
from multi_level_2017.params import MultiLevel

PARAMS = MultiLevel

NAME = "multi-level features: genres"


def run(paths: Paths, params: MultiLevel) -> dict[str, Any]:
    """Write the table of genres, claims.json and report.html."""
    tagging = params.of_genres
    task = read_tag_task(paths.data("raw_audio"), paths.data("hyper_images"), tagging.tags)
    levels, networks = paths.data("multi_level_2017") / "cross_validation" / "levels", list(params.networks)
    rungs: dict[str, Make] = {
        name: partial(_two_layers, part=part, levels=levels) for name, part in ladder(networks).items()
    }
    table = compare_taggers(task, tagging, {**CONTROLS, **rungs}, LEVELS_OF_ALL, paths.work)
    claims = [claim for by, found in table.differences.items() for claim in _claims(found, networks, by)]
    write_table_of_tags(paths.output, table)
    write_claims(paths.output, claims)
    described = DESCRIPTIONS | {
        name: f"two layers on {words}, learned for tags" for name, words in describe_ladder(networks).items()
    }
    foot = draw_sources(
        paths.root,
        "reproductions/multi_level_2017/dvc.yaml:genres",
        ["data/multi_level_2017/cross_validation", "data/raw_audio", "data/hyper_images"],
    )
    (paths.output / "report.html").write_text(
        draw_tag_page(table, claims, described, NAME, foot=foot), encoding="utf-8"
    )
    return table.summary()


def _two_layers(fold: TagFold, part: Part, levels: Path) -> Scores:
    vectors = part(read_levels(levels / fold.work.name, fold.task.songs[SONG_ID].to_numpy()))
    return two_layer_head(fold, standardized(fold, vectors))


def _claims(differences: dict[str, Any], networks: list[str], by: str) -> list[Claim]:
    return [
        above(
            f"Every layer of {name}, learned for tags, tells genres better than its last, held out by {by}",
            "GTZAN, fault-filtered: accuracy .720, before .659",
            differences,
            (f"levels_of_{name}", f"last_of_{name}"),
        )
        for name in networks
    ]
