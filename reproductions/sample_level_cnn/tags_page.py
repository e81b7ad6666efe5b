"""The page of the tags: the table, AUC against CPU minutes, pictures of filters and gates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from auto_tagging.systems import DESCRIPTIONS
from auto_tagging.table import TagTable
from comparison.claims import Claim
from earshot.pages.charts import lines_chart
from earshot.pages.claims import draw_claims
from earshot.pages.hyper_images import in_dark
from earshot.pages.render import number, render
from earshot.pages.results import draw_differences, draw_systems
from sample_level_cnn.gates import Gates
from sample_level_cnn.learning import StagedEpoch
from sample_level_cnn.params import SampleNetwork, TagSettings
from sample_level_cnn.pictures import Singles, filters_png, gates_png

HEADINGS = {"auc": "AUC", "pr_auc": "PR-AUC"}


class TagsShown(NamedTuple):
    """Of the first fold: epochs by network, spectra of filters by layer, gates by block."""

    epochs: Mapping[str, Sequence[StagedEpoch]]
    spectra: list[Singles]
    gates: Gates


def draw_page(
    table: TagTable,
    learned: TagsShown,
    claims: Sequence[Claim],
    tags: Sequence[str],
    settings: TagSettings,
    foot: str = "",
) -> str:
    """The page, above its `foot`: one HTML document that loads nothing, of what is in the files beside it."""
    by = settings.tagging.folds.by[0]
    split = table.metrics["splits"][by]
    described = DESCRIPTIONS | {name: _describe(each) for name, each in settings.networks.items()}
    slopes = learned.gates.slopes[0]
    return render(
        "tags_page.html",
        Path(__file__).parent,
        foot=foot,
        candidate=settings.candidate,
        auc=split["systems"][settings.candidate]["auc"],
        by=by,
        tags=tags,
        claims=draw_claims([asdict(claim) for claim in claims]),
        systems=draw_systems(split["systems"], described, HEADINGS, settings.candidate),
        differences=draw_differences(table.differences[by], HEADINGS, settings.candidate),
        courses=_courses(learned.epochs, settings),
        best={name: _best(course, settings.networks[name]) for name, course in learned.epochs.items()},
        pictures=settings.pictures,
        filters=filters_png(learned.spectra, settings.segments.sample_rate),
        gated=settings.gates,
        in_dark=in_dark,
        gates=gates_png(learned.gates.by_tag),
        rising=int((slopes > 0).sum()),
        falling=int((slopes < 0).sum()),
        asked=_asked(table),
    )


def minutes(segments: int, network: SampleNetwork) -> float:
    """CPU minutes to learn from so many segments, at the speed that the params tell."""
    return segments / network.windows_a_cpu_second / 60


def _courses(epochs: Mapping[str, Sequence[StagedEpoch]], settings: TagSettings) -> str:
    colours = {name: f"g{place}" for place, name in enumerate(settings.networks)}
    lines = {
        colours[name]: [(minutes(each.segments, settings.networks[name]), each.judged) for each in course]
        for name, course in epochs.items()
    }
    return lines_chart(lines, {colour: name for name, colour in colours.items()}, "CPU minutes")


def _best(course: Sequence[StagedEpoch], network: SampleNetwork) -> str:
    kept = min(course, key=lambda each: each.validation_loss)
    return (
        f"AUC {number(kept.judged)} after {number(minutes(kept.segments, network), 1)} CPU minutes, "
        f"{number(minutes(course[-1].segments, network), 1)} in all"
    )


def _describe(network: SampleNetwork) -> str:
    said = ", ".join(f"{name} {value}" for name, value in network.init_args.items())
    return f"{'mel frames' if network.mel else 'samples'}: {said}"


def _asked(table: TagTable) -> dict[str, str]:
    protocol = table.metrics["protocol"]
    return {
        "Songs": f"{protocol['songs']:,} of {protocol['artists']:,} artists",
        **{f"Left out: {why}": f"{n:,}" for why, n in protocol["left_out"].items()},
        **{tag: f"{n:,} songs" for tag, n in protocol["songs_by_tag"].items()},
    }
