"""The ladder of the paper's table: a network's own answer, its last layer, all its layers, all networks'."""

from __future__ import annotations

from functools import partial
from typing import Any

from auto_tagging.heads import standardized, two_layer_head
from auto_tagging.networks import refuse_bad_network, tag_scores
from auto_tagging.page import draw_tag_page
from auto_tagging.protocol import TagFold, read_task
from auto_tagging.systems import CONTROLS, DESCRIPTIONS, TWO_LAYERS, Make, Scores
from auto_tagging.table import compare_taggers, folds_of, write_table_of_tags
from comparison.claims import Claim, above, write_claims
from comparison.foot import draw_sources
from earshot.checks import check
from earshot.stages.paths import Paths
from multi_level_2017.levels import (
    LAST_OF_ALL,
    LEVELS_OF_ALL,
    Part,
    Vectors,
    describe_ladder,
    ladder,
    level_vectors,
    refuse_networks_without_levels,
    write_levels,
)
from multi_level_2017.params import MultiLevel

PARAMS = MultiLevel

NAME = "multi-level features"


def run(paths: Paths, params: MultiLevel) -> dict[str, Any]:
    """Write the table of taggers, claims.json, report.html, and `levels/<fold>/` for the stage transfer."""
    task = read_task(paths, params)
    refuse_networks_without_levels(params.networks)
    for network in params.networks.values():
        refuse_bad_network(task, network.cnn)
    table = compare_taggers(task, params, makes(params), LEVELS_OF_ALL, paths.work)
    for fold in folds_of(task, params, paths.work):
        write_levels(paths.output / "levels" / fold.work.name, vectors_of(fold, params), task.store)
    claims = [claim for by in params.folds.by for claim in claims_of(table.differences[by], params, by)]
    write_table_of_tags(paths.output, table)
    write_claims(paths.output, claims)
    foot = draw_sources(
        paths.root,
        "reproductions/multi_level_2017/dvc.yaml:cross_validation",
        ["data/raw_audio", "data/hyper_images"],
    )
    page = draw_tag_page(table, claims, describe_systems(params), NAME, foot=foot)
    (paths.output / "report.html").write_text(page, encoding="utf-8")
    return {**table.summary(), "checks": _checks(table.differences, params)}


def vectors_of(fold: TagFold, params: MultiLevel) -> Vectors:
    """The layers of every network of the params, of all songs of the store."""
    return {name: level_vectors(fold, name, network) for name, network in params.networks.items()}


def makes(params: MultiLevel) -> dict[str, Make]:
    """How each system is made, by name, in the order of the table."""
    local: dict[str, Make] = {
        f"local_{name}": partial(_local, name=name, params=params) for name in params.networks
    }
    rungs: dict[str, Make] = {
        name: partial(_two_layers, part=part, params=params)
        for name, part in ladder(list(params.networks)).items()
    }
    return {**CONTROLS, **TWO_LAYERS, **local, **rungs}


def _local(fold: TagFold, name: str, params: MultiLevel) -> Scores:
    return tag_scores(fold, name, params.networks[name].cnn)


def _two_layers(fold: TagFold, part: Part, params: MultiLevel) -> Scores:
    vectors = part(vectors_of(fold, params))[fold.task.positions]
    return two_layer_head(fold, standardized(fold, vectors))


def describe_systems(params: MultiLevel) -> dict[str, str]:
    """What each system is, in words, by name."""
    local = {
        f"local_{name}": f"{name} itself: the mean of its windows of {network.training.window_seconds:g} s"
        for name, network in params.networks.items()
    }
    rungs = {name: f"two layers on {words}" for name, words in describe_ladder(list(params.networks)).items()}
    return DESCRIPTIONS | local | rungs


def claims_of(differences: dict[str, Any], params: MultiLevel, by: str) -> list[Claim]:
    """AUC on MagnaTagATune and the Million Song Dataset, from the authors' slides."""
    levels = [
        above(
            f"Every layer of {name} tells tags better than its last layer, held out by {by}",
            "one network: MTAT .8981, MSD .8783; every layer: MTAT .9002, MSD .8853",
            differences,
            (f"levels_of_{name}", f"last_of_{name}"),
        )
        for name in params.networks
    ]
    longest = list(params.networks)[-1]
    return [
        *levels,
        above(
            f"Layers of every network tell tags better than those of {longest}, held out by {by}",
            "every layer: MTAT .9002, MSD .8853; of every network: MTAT .9017, MSD .8878",
            differences,
            (LEVELS_OF_ALL, f"levels_of_{longest}"),
        ),
        above(
            f"Layers of every network tell tags better than {longest} itself, held out by {by}",
            "MTAT .9017 against .8981, MSD .8878 against .8783",
            differences,
            (LEVELS_OF_ALL, f"local_{longest}"),
        ),
    ]


def _checks(differences: dict[str, Any], params: MultiLevel) -> list[dict[str, Any]]:
    pairs = [(f"levels_of_{name}", f"last_of_{name}") for name in params.networks]
    pairs.append((LEVELS_OF_ALL, LAST_OF_ALL))
    return [_above(found, by, *pair) for by, found in differences.items() for pair in pairs]


def _above(differences: dict[str, Any], by: str, high: str, low: str) -> dict[str, Any]:
    lower, upper = differences[f"{high}_minus_{low}"]["auc_ci95_artists"]
    return check(
        f"{high}_above_{low}_by_{by}",
        f"every layer tells tags better than the last one alone, held out by {by}: paired interval of the "
        "AUC over artists",
        passed=lower is not None and lower > 0,
        observed=f"{lower} to {upper}",
        expected="above 0",
    )
