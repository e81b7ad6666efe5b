"""The pages that people look at, drawn out of what other stages measured. Nothing here measures anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, NamedTuple

import pandas as pd

from earshot.code import key_of
from earshot.columns import FIRST_FRAME, N_FRAMES, SHARD, SONG_ID
from earshot.files import read_json, replace_bytes
from earshot.pages import drift, index, report, validation, warm_up
from earshot.pages.songs import Example, choose_sounds, describe_songs, in_order_of_need, read_clips
from earshot.params import HyperImages, Params
from earshot.stages.paths import Paths
from earshot.stages.reuse import linked
from earshot.store.reader import HyperImageStore
from earshot.versioning import file_md5

INDEX = "index.html"
EVALUATION = (
    *("metrics.json", "differences.json", "known_and_cold_artists.json"),
    *("map.parquet", "neighbours.json", "curves.csv"),
)
"""What its page is drawn from, beside over_folds.json, which is there where other folds have a model."""


class Page(NamedTuple):
    """A page: its file, what the index says of it, what below data/ it is drawn from, and what draws it."""

    file: str
    title: str
    shows: str
    needs: tuple[str, ...]
    draw: Callable[[Paths, Params], str]


def run(paths: Paths, params: Params) -> dict[str, Any]:
    """Draw every page whose numbers are there, and index.html, which says of the others what is missing.

    Pictures made of sound and images are kept in `pictures/`, and linked while what they show stays.
    """
    entries = [_draw(paths, params, page) for page in PAGES]
    (paths.output / INDEX).write_text(index.draw_page(entries), encoding="utf-8")
    missing = {entry.file: list(entry.missing) for entry in entries if entry.missing}
    return {
        "pages": [entry.file for entry in entries if not entry.missing],
        "notices": [f"{file} not drawn: {', '.join(paths)} not there" for file, paths in missing.items()],
    }


def _draw(paths: Paths, params: Params, page: Page) -> index.Entry:
    missing = [f"data/{name}" for name in page.needs if not paths.data(name).exists()]
    if not missing:
        (paths.output / page.file).write_text(page.draw(paths, params), encoding="utf-8")
    return index.Entry(page.file, page.title, page.shows, missing)


def _draw_evaluation(paths: Paths, params: Params) -> str:
    measured, training_set = paths.data("evaluation_report"), paths.data("training_set")
    songs = pd.read_parquet(training_set / "songs.parquet").set_index(SONG_ID, drop=False)
    clips, places = read_clips(training_set), pd.read_parquet(measured / "map.parquet")
    examples = _examples(paths, songs)
    first, recipe = examples[0].song.song_id, measured / "over_folds.json"
    return report.draw_page(
        report.Report(
            metrics=read_json(measured / "metrics.json"),
            differences=read_json(measured / "differences.json"),
            kinds=read_json(measured / "known_and_cold_artists.json"),
            recipe=read_json(recipe) if recipe.is_file() else None,
            curves=pd.read_csv(measured / "curves.csv"),
            songs=songs.loc[places[SONG_ID]],
            positions=places[["x", "y"]].to_numpy(),
            examples=examples,
            sheet=_sheet(paths, first, params.hyper_images),
            sounds=choose_sounds(clips, in_order_of_need(examples)),
            counted=read_json(training_set / "summary.json")["set_aside"],
        )
    )


def _examples(paths: Paths, songs: pd.DataFrame) -> list[Example]:
    """The songs of neighbours.json; `songs` are all, by song_id."""
    listed = read_json(paths.data("evaluation_report") / "neighbours.json")
    store = HyperImageStore.open(paths.data("training_set") / "hyper_images")
    named = {each[SONG_ID] for song in listed for each in (song, *song["neighbours"])}
    described = describe_songs(songs[songs[SONG_ID].isin(named)])
    return [
        Example(
            described[song[SONG_ID]],
            _image(paths, store, song[SONG_ID]),
            [(described[near[SONG_ID]], near["cosine"]) for near in song["neighbours"]],
        )
        for song in listed
    ]


def _sheet(paths: Paths, song_id: str, settings: HyperImages) -> bytes:
    """PNG: from sound to image, of a song with a clip."""

    def draw() -> bytes:
        from earshot.pages.song_sheet import song_sheet

        return song_sheet(clip, settings)

    clip = read_clips(paths.data("training_set"))[song_id]
    key = key_of([file_md5(clip), asdict(settings)], "earshot.pages.song_sheet")
    return _picture(paths, f"sheet-{key}", draw)


def _image(paths: Paths, store: HyperImageStore, song_id: str) -> bytes:
    """PNG of a song's hyper-image."""

    def draw() -> bytes:
        from earshot.pages.hyper_images import hyper_image_png

        return hyper_image_png(store.image(song_id), store.rows, store.frames_per_second)

    # a shard's name is the key of its content, so this is where the image lies and what it is
    place = store.songs.iloc[store.position(song_id)]
    made_of = [store.feature_key, str(place[SHARD]), int(place[FIRST_FRAME]), int(place[N_FRAMES])]
    return _picture(paths, f"image-{key_of(made_of, 'earshot.pages.hyper_images')}", draw)


def _picture(paths: Paths, name: str, draw: Callable[[], bytes]) -> bytes:
    """The picture `name`, out of the last output or drawn now; it is kept for the next run."""
    file = f"pictures/{name}.png"
    if not linked(paths, [file]):
        (paths.work / file).parent.mkdir(exist_ok=True)
        replace_bytes(paths.work / file, draw())
        linked(paths, [file])
    return (paths.output / file).read_bytes()


def _draw_warm_up(paths: Paths, params: Params) -> str:
    return warm_up.draw_page(read_json(paths.data("warm_up") / "warm_up.json"))


def _draw_drift(paths: Paths, params: Params) -> str:
    folder = paths.data("drift")
    hubs = read_json(folder / "summary.json")["hubs"]
    return drift.draw_page(pd.read_parquet(folder / "drift.parquet"), hubs)


def _draw_validation(paths: Paths, params: Params) -> str:
    return validation.draw_page(read_json(paths.data("play_counts") / "validation.json"))


PAGES = (
    Page(
        "evaluation.html",
        "Evaluation",
        "How well each system ranks songs that nobody has played; training, a map, a few songs closely.",
        tuple(f"evaluation_report/{name}" for name in EVALUATION),
        _draw_evaluation,
    ),
    Page(
        "warm_up.html",
        "Warm-up",
        "How fast a song's listeners take over from its sound.",
        ("warm_up/warm_up.json",),
        _draw_warm_up,
    ),
    Page(
        "drift.html",
        "Drift",
        "Whether delivered songs still sound like those trained on.",
        ("drift/drift.parquet",),
        _draw_drift,
    ),
    Page(
        "validation.html",
        "Validation",
        "What was expected of the plays, and what was observed.",
        ("play_counts/validation.json",),
        _draw_validation,
    ),
)
