"""Hyper-images composed for each label by gradient ascent, turned into sound, and judged by others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from comparison.claims import write_claims
from comparison.foot import draw_sources
from earshot.checks import check
from earshot.files import write_json, write_table
from earshot.params import load_params
from earshot.processes import progress
from earshot.stages.paths import Paths
from earshot.store.shards import Stored
from hyper_image.composing_page import LABELS_SEEN, SEEN, ShownPiece, draw_page, picture_of
from hyper_image.judged import BOTH, GOAL, PIECE, WAY, claims_of, describe, judge
from hyper_image.networks import NETWORK
from hyper_image.params import LABEL, HyperImageParams
from hyper_image.pieces import INVERTED, NOISE, REAL, STRETCHES, Made, kept, ways_of
from hyper_image.snippets import read_catalogue
from hyper_image.sound import mp3, refuse_other_settings
from hyper_image.studio import Studio, set_up

PARAMS = HyperImageParams


def run(paths: Paths, params: HyperImageParams) -> dict[str, Any]:
    """Write metrics.json, pieces.parquet, sounds/, claims.json and report.html.

    A sound is an MP3 of the first piece of a label in a way of composing, called <way>-<number of the label>.
    """
    folders = (paths.data("raw_audio"), paths.data("hyper_images"))
    catalogue = read_catalogue(*folders, params.training.window_seconds, params.least_songs, params.labels)
    settings = load_params(paths.root / "params.yaml").hyper_images
    refuse_other_settings(settings, catalogue.store.format)
    network = paths.data("hyper_image") / "cross_validation" / NETWORK
    studio = set_up(catalogue, settings, network, params)
    (paths.output / "sounds").mkdir()
    tables, shown = [], []
    ways = ways_of(studio, network, paths.work / "disturbed")
    for way, make in progress(list(ways.items()), description="Ways of composing", unit="ways"):
        made = kept(paths.work / f"{way}.npz", make)
        table, heard = judge(studio, way, made)
        tables.append(table)
        shown += _firsts(paths, studio, table, made, heard)
    table = pd.concat(tables, ignore_index=True)
    found = describe(table)
    word = params.labels.word
    metrics = {
        "labels": [studio.labels[number] for number in studio.composed],
        "left_out": studio.left_out,
        "chance": round(1 / len(studio.labels), 6),
        "ways": found,
    }
    write_json(paths.output / "metrics.json", metrics)
    write_table(paths.output / "pieces.parquet", table.rename(columns={LABEL: word}))
    claims = claims_of(found, word)
    write_claims(paths.output, claims)
    foot = draw_sources(
        paths.root,
        "reproductions/hyper_image/dvc.yaml:composing",
        ["data/raw_audio", "data/hyper_images", "data/hyper_image/cross_validation"],
    )
    page = draw_page(metrics, claims, shown, word, foot)
    (paths.output / "report.html").write_text(page, encoding="utf-8")
    return _summary(found)


def _firsts(
    paths: Paths, studio: Studio, table: pd.DataFrame, made: Made, heard: Sequence[Stored]
) -> list[ShownPiece]:
    """The first piece of each label; its sound is written too."""
    firsts = []
    for _, row in table.drop_duplicates(LABEL).iterrows():
        number, way, label = row[PIECE], row[WAY], studio.labels.index(row[LABEL])
        sound = picture = b""
        if made.samples.shape[1]:
            sound = mp3(made.samples[number], studio.settings.sample_rate)
            # labels may hold what names of files may not
            (paths.output / "sounds" / f"{way}-{label}.mp3").write_bytes(sound)
        if way in SEEN and label in studio.composed[:LABELS_SEEN]:
            picture = picture_of(heard[number], studio.catalogue.store.format)
        firsts.append(ShownPiece(way, row[LABEL], bool(row[BOTH]), sound, picture))
    return firsts


def _summary(found: Mapping[str, Any]) -> dict[str, Any]:
    values = {f"{way}_{BOTH}": told[BOTH] for way, told in found.items()}
    reached = found[STRETCHES][BOTH]
    goal = check(
        "composed_as_wanted",
        "share of sounds of chosen stretches that two classifiers, which the network never met, call as is "
        "wanted",
        passed=reached >= GOAL,
        observed=f"{reached:.3f}; real songs {found[REAL][BOTH]:.3f}, "
        f"their mel rows as sound {found[INVERTED][BOTH]:.3f}, noise {found[NOISE][BOTH]:.3f}",
        expected=f"at least {GOAL}",
    )
    return {**values, "pieces": found[STRETCHES]["pieces"], "checks": [goal]}
