"""The pages that people look at, drawn out of what other stages measured. Nothing here measures anything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from markupsafe import Markup

from earshot.code import key_of
from earshot.columns import SHARD, SONG_ID
from earshot.files import read_json, replace_bytes
from earshot.pages import drift, index, report, validation, warm_up
from earshot.pages.foot import draw_foot, draw_lines
from earshot.pages.songs import Example, choose_sounds, describe_songs, in_order_of_need, read_clips
from earshot.params import HyperImages, Params
from earshot.stages.paths import Paths
from earshot.stages.reuse import linked
from earshot.store.reader import HyperImageStore
from earshot.versioning import dep_md5s, file_md5, read_definition

INDEX = "index.html"
METRICS = "evaluation_report/metrics.json"
EVALUATION = (
    METRICS,
    "evaluation_report/differences.json",
    "evaluation_report/known_and_cold_artists.json",
    "evaluation_report/map.parquet",
    "evaluation_report/neighbours.json",
    "evaluation_report/clips/clips.parquet",
    "evaluation_report/hyper_images/rows.json",
    "evaluation_report/set_aside.json",
    "evaluation_report/curves.csv",
    "served_quality/served_quality.json",
)
"""What its page is drawn from, beside over_folds.json, which is there where other folds have a model."""


class DrawnPage(NamedTuple):
    """A page.

    Attributes
    ----------
    file, title, shows
        Its name in data/pages/, and what the index says of it.
    needs
        The files below data/ that it is drawn from; the first lies in the output that it tells of.
    draw
        Draws it over a foot.
    facts
        What its foot looks up beside what it does of every page; see `earshot.pages.foot`.
    """

    file: str
    title: str
    shows: str
    needs: tuple[str, ...]
    draw: Callable[[Paths, Params, Markup], str]
    facts: tuple[str, ...] = ()


def run(paths: Paths, params: Params) -> dict[str, Any]:
    """Draw every page whose numbers are there, and index.html, which says of the others what is missing.

    Pictures made of sound and images are kept in `pictures/`, and linked while what they show stays.
    """
    entries = [_draw(paths, params, page) for page in PAGES]
    foot = draw_lines(_md5s(paths, [name for page in PAGES for name in page.needs]))
    (paths.output / INDEX).write_text(index.draw_page(entries, foot), encoding="utf-8")
    missing = {entry.file: list(entry.missing) for entry in entries if entry.missing}
    return {
        "pages": [entry.file for entry in entries if not entry.missing],
        "notices": [f"{file} not drawn: {', '.join(paths)} not there" for file, paths in missing.items()],
    }


def _draw(paths: Paths, params: Params, page: DrawnPage) -> index.PageLine:
    missing = [f"data/{name}" for name in page.needs if not paths.data(name).exists()]
    if not missing:
        drawn = page.draw(paths, params, _foot(paths, page))
        (paths.output / page.file).write_text(drawn, encoding="utf-8")
    return index.PageLine(page.file, page.title, page.shows, missing)


def _foot(paths: Paths, page: DrawnPage) -> Markup:
    md5s = _md5s(paths, page.needs)
    model = read_json(paths.data(METRICS))["candidate"]["name"] if METRICS in page.needs else None
    return draw_foot(next(iter(md5s)), md5s, page.facts, model)


def _md5s(paths: Paths, files: Sequence[str]) -> dict[str, str]:
    """Of the outputs that hold `files`, which lie below data/, as far as they are there."""
    outputs = list(dict.fromkeys(f"data/{name.split('/')[0]}" for name in files))
    found = dep_md5s(paths.root, read_definition(paths.root, "pages"), outputs)
    return {path: md5 for path, md5 in found.items() if md5 is not None}


def _draw_evaluation(paths: Paths, params: Params, foot: Markup) -> str:
    measured = paths.data("evaluation_report")
    clips, songs = read_clips(measured / "clips"), pd.read_parquet(measured / "map.parquet")
    examples = _examples(paths, songs)
    recipe = measured / "over_folds.json"
    return report.draw_page(
        report.Report(
            metrics=read_json(measured / "metrics.json"),
            differences=read_json(measured / "differences.json"),
            kinds=read_json(measured / "known_and_cold_artists.json"),
            recipe=read_json(recipe) if recipe.is_file() else None,
            lists=read_json(paths.data("served_quality") / "served_quality.json"),
            curves=pd.read_csv(measured / "curves.csv"),
            songs=songs,
            positions=songs[["x", "y"]].to_numpy(),
            examples=examples,
            sheet=_sheet(paths, clips[examples[0].song.song_id], params.hyper_images),
            sounds=choose_sounds(clips, in_order_of_need(examples)),
            counted=read_json(measured / "set_aside.json"),
        ),
        foot,
    )


def _examples(paths: Paths, songs: pd.DataFrame) -> list[Example]:
    """The songs of neighbours.json; `songs` are those on the map, these among them."""
    measured = paths.data("evaluation_report")
    store, described = HyperImageStore.open(measured / "hyper_images"), describe_songs(songs)
    return [
        Example(
            described[song[SONG_ID]],
            _image(paths, store, song[SONG_ID]),
            [(described[near[SONG_ID]], near["cosine"]) for near in song["neighbours"]],
        )
        for song in read_json(measured / "neighbours.json")
    ]


def _sheet(paths: Paths, clip: Path, settings: HyperImages) -> bytes:
    """PNG: from sound to image, of a clip."""

    def draw() -> bytes:
        from earshot.pages.song_sheet import song_sheet

        return song_sheet(clip, settings)

    key = key_of([file_md5(clip), asdict(settings)], "earshot.pages.song_sheet")
    return _picture(paths, f"sheet-{key}", draw)


def _image(paths: Paths, store: HyperImageStore, song_id: str) -> bytes:
    """PNG of a song's hyper-image."""

    def draw() -> bytes:
        from earshot.pages.hyper_images import hyper_image_png

        return hyper_image_png(store.image(song_id), store.rows, store.frames_per_second)

    shard = store.songs.iloc[store.position(song_id)][SHARD]  # of this song alone
    files = (store.folder / "rows.json", store.folder / "shards" / f"{shard}.npy")
    return _picture(paths, f"image-{key_of([*map(file_md5, files)], 'earshot.pages.hyper_images')}", draw)


def _picture(paths: Paths, name: str, draw: Callable[[], bytes]) -> bytes:
    """The picture `name`, out of the last output or drawn now; it is kept for the next run."""
    file = f"pictures/{name}.png"
    if not linked(paths, [file]):
        (paths.work / file).parent.mkdir(exist_ok=True)
        replace_bytes(paths.work / file, draw())
        linked(paths, [file])
    return (paths.output / file).read_bytes()


def _draw_warm_up(paths: Paths, params: Params, foot: Markup) -> str:
    return warm_up.draw_page(read_json(paths.data("warm_up") / "warm_up.json"), foot)


def _draw_drift(paths: Paths, params: Params, foot: Markup) -> str:
    folder = paths.data("drift")
    hubs = read_json(folder / "summary.json")["hubs"]
    return drift.draw_page(pd.read_parquet(folder / "drift.parquet"), hubs, foot)


def _draw_validation(paths: Paths, params: Params, foot: Markup) -> str:
    return validation.draw_page(read_json(paths.data("play_counts") / "validation.json"), foot)


PAGES = (
    DrawnPage(
        "evaluation.html",
        "Evaluation",
        "How well each system ranks songs that nobody has played, and how good the list is that listeners "
        "get; training, a map, a few songs closely.",
        EVALUATION,
        _draw_evaluation,
        ("release", "run"),
    ),
    DrawnPage(
        "warm_up.html",
        "Warm-up",
        "How fast a song's listeners take over from its sound.",
        ("warm_up/warm_up.json",),
        _draw_warm_up,
        ("release", "run"),
    ),
    DrawnPage(
        "drift.html",
        "Drift",
        "Whether delivered songs still sound like those trained on.",
        ("drift/drift.parquet",),
        _draw_drift,
        ("release",),
    ),
    DrawnPage(
        "validation.html",
        "Validation",
        "What was expected of the plays, and what was observed.",
        ("play_counts/validation.json",),
        _draw_validation,
    ),
)
