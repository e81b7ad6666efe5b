"""Tags of the catalogue at hand by sample-level networks and their mel twins, and what these have learned."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from auto_tagging.protocol import TagFold, make_tag_fold, read_task
from auto_tagging.systems import CONTROLS, Make, Scores
from auto_tagging.table import TagTable, compare_taggers
from comparison.claims import write_claims
from comparison.foot import draw_sources
from earshot.checks import check
from earshot.encoders.sample_cnn import SampleCnn
from earshot.files import write_json, write_table
from earshot.stages.paths import Paths
from sample_level_cnn.claims import claims_of
from sample_level_cnn.filters import filter_spectra
from sample_level_cnn.gates import Gates, gates_by_tag
from sample_level_cnn.params import SampleLevelCnn, TagSettings
from sample_level_cnn.tag_networks import Sounds, clips_of, read_sounds, refuse_bad_networks, trained
from sample_level_cnn.tags_page import TagsShown, draw_page

PARAMS = SampleLevelCnn


def run(paths: Paths, params: SampleLevelCnn) -> dict[str, Any]:
    """Write metrics, differences, epochs and claims.json, per_tag.parquet, filters and gates.npz,
    report.html."""
    settings = params.tags
    task = read_task(paths, settings.tagging)
    refuse_bad_networks(settings, len(task.tags))
    sounds = read_sounds(task, settings.segments, paths)
    networks: dict[str, Make] = {
        name: partial(_scores, name=name, sounds=sounds, settings=settings) for name in settings.networks
    }
    table = compare_taggers(task, settings.tagging, CONTROLS | networks, settings.candidate, paths.work)
    chosen = settings.tagging.folds
    fold = make_tag_fold(
        task, settings.tagging, chosen.by[0], chosen.held_out[0], chosen.seeds[0], paths.work
    )
    learned = _look(fold, sounds, settings)
    claims = claims_of(table.differences[fold.by], settings)
    write_json(paths.output / "metrics.json", table.metrics)
    write_json(paths.output / "differences.json", table.differences)
    write_json(
        paths.output / "epochs.json",
        {name: [vars(each) for each in course] for name, course in learned.epochs.items()},
    )
    write_table(paths.output / "per_tag.parquet", table.per_tag)
    write_claims(paths.output, claims)
    _save(paths, learned)
    foot = draw_sources(
        paths.root, "reproductions/sample_level_cnn/dvc.yaml:tags", ["data/raw_audio", "data/hyper_images"]
    )
    page = draw_page(table, learned, claims, task.tags, settings, foot)
    (paths.output / "report.html").write_text(page, encoding="utf-8")
    return _summary(table, settings)


def _scores(fold: TagFold, name: str, sounds: Sounds, settings: TagSettings) -> Scores:
    from sample_level_cnn.learning import scores_of

    network, _ = trained(fold, name, sounds, settings)
    return scores_of(network, clips_of(fold, sounds), fold.test)


def _look(fold: TagFold, sounds: Sounds, settings: TagSettings) -> TagsShown:
    """The courses of the first fold's trainings, and what is drawn of its networks."""
    epochs = {name: trained(fold, name, sounds, settings)[1] for name in settings.networks}
    drawn, gated = (trained(fold, name, sounds, settings)[0] for name in (settings.pictures, settings.gates))
    assert isinstance(drawn, SampleCnn)  # the params have seen to it
    assert isinstance(gated, SampleCnn)
    return TagsShown(
        epochs,
        filter_spectra(drawn.cpu(), fold.seed),
        gates_by_tag(gated.cpu(), clips_of(fold, sounds), fold.test),
    )


def _save(paths: Paths, learned: TagsShown) -> None:
    layers = {f"layer_{number}": spectra for number, spectra in enumerate(learned.spectra, start=1)}
    np.savez(paths.output / "filters.npz", allow_pickle=False, **layers)
    gates: Gates = learned.gates
    blocks = {f"block_{number}": each for number, each in enumerate(gates.by_tag, start=1)}
    slopes = {f"loudness_{number}": each for number, each in enumerate(gates.slopes, start=1)}
    np.savez(paths.output / "gates.npz", allow_pickle=False, **blocks, **slopes)


def _summary(table: TagTable, settings: TagSettings) -> dict[str, Any]:
    by = settings.tagging.folds.by[0]
    systems = table.metrics["splits"][by]["systems"]
    shuffled = table.differences[by][f"{settings.candidate}_minus_shuffled_content"]["auc"]
    values = {f"{name}_auc": found["auc"] for name, found in systems.items()}
    return {
        **values,
        "checks": [
            check(
                "hears_tags",
                f"{settings.candidate} tells tags better than the same answers dealt to other songs",
                passed=bool(shuffled > 0),
                observed=f"{shuffled:+.3f} AUC",
                expected="above 0",
            )
        ],
    }
