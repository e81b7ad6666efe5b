"""Every delivery against the songs trained on: sound, files, what the released encoder makes of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from earshot.arrays import is_among
from earshot.catalogue.songs import NEW, FileCount, delivered_files, delivered_songs
from earshot.catalogue.split import chosen
from earshot.checks import NEW_DELIVERIES, check
from earshot.code import key_of
from earshot.columns import ARTIST_ID, DELIVERY, FIRST_FRAME, N_LISTENERS, SHARD, SONG_ID
from earshot.errors import UserError
from earshot.evaluation.drift import (
    BANDWIDTH,
    LOUDNESS,
    MEASURES,
    PREDICTED_NORM,
    DescribedSongs,
    Line,
    Reference,
    allowed_by_chance,
    set_aside,
)
from earshot.evaluation.drift_words import WORDS, expected, observed
from earshot.extraction.statistics import describe
from earshot.files import read_json, replace_json, write_table
from earshot.params import Drift, Params
from earshot.recommend.encoding import read_encoded
from earshot.recommend.similar import K, describe_hubs, occurrences
from earshot.shared_files import CARD, REFERENCE_STATISTICS
from earshot.shared_files import REFERENCE as REFERENCE_SONGS
from earshot.stages.paths import Paths
from earshot.stages.reuse import linked, noted
from earshot.store.reader import HyperImageStore
from earshot.versioning import file_md5

REFERENCE = "reference"
SONGS, STATISTICS = "reference/songs.parquet", "reference/statistics.npy"
"""Some of the songs trained on, described once per training set."""
_MANY_TIMES, _MANY_PLACES = 5.0, 0.01
"""A delivery that takes so many times its share of neighbours, and so large a share, is reported."""
_MOST_NOTICES = 10
"""Deliveries far beyond chance that are reported, the newest."""


@dataclass(frozen=True)
class TrainedOn:
    """What deliveries are measured against.

    Attributes
    ----------
    versions
        Of all that a measurement hangs on but the delivery.
    files
        That the songs trained on came out of.
    """

    versions: list[Any]
    reference: Reference
    files: FileCount

    def set_aside(self, files: FileCount) -> Line:
        """The share of bad `files` in a delivery, beside what the songs trained on make likely."""
        return set_aside(files.bad, files.all, self.files.bad, self.files.all, self.reference.level)


def run(paths: Paths, params: Params) -> dict[str, Any]:
    """Write drift.parquet, a line a delivery and measure; how unevenly songs are neighbours, in the summary.

    A delivery is measured once per training set and released encoder. Where nothing was trained here,
    deliveries are held against what a shared release holds of the songs that it was trained on; one that
    was exported says nothing of them, and nothing is measured.

    Raises
    ------
    UserError
        The training set has other hyper-images than there are now.
    """
    raw_audio, images = paths.data("raw_audio"), paths.data("hyper_images")
    trained_here = (paths.data("training_set") / "hyper_images" / "index.parquet").is_file()
    if trained_here:
        _refuse_other_images(paths)
        songs = delivered_songs(raw_audio, images, paths.data("training_set") / "hyper_images")
        trained = _trained(paths, params)
    else:
        songs, shared = delivered_songs(raw_audio, images, None), _shared(paths, params)
        if shared is None:
            return _nothing_to_compare(paths, songs)
        trained = shared
    files = delivered_files(raw_audio, images)
    parts = [
        _measured(paths, trained, str(name), brought, files[str(name)], params.drift.songs)
        for name, brought in songs.groupby(DELIVERY, sort=False)
    ]
    lines = pd.DataFrame([line for part in parts for line in part])
    write_table(paths.output / "drift.parquet", lines)
    hubs, taken = _hubs(paths, songs)
    summary = summarize(lines, params.drift)
    return {**summary, "hubs": hubs, "notices": summary["notices"] + taken}


def _nothing_to_compare(paths: Paths, songs: pd.DataFrame) -> dict[str, Any]:
    hubs, taken = _hubs(paths, songs)
    why = "nothing was trained here, and the release says nothing of the songs that it was trained on"
    names = {NEW_DELIVERIES: "deliveries that differ from the songs trained on"}
    names |= {name: measure.description for name, measure in WORDS.items()}
    checks = [check(name, text, passed=True, observed=why, expected="") for name, text in names.items()]
    return {"deliveries": 0, "drifted": False, "hubs": hubs, "notices": [why, *taken], "checks": checks}


def _hubs(paths: Paths, songs: pd.DataFrame) -> tuple[dict[str, float], list[str]]:
    """How unevenly songs are among the neighbours of others, and which new deliveries take many places."""
    served = paths.data("served_factors")
    if not (served / "items.parquet").is_file():
        return {}, []
    items = pd.read_parquet(served / "items.parquet", columns=[SONG_ID, N_LISTENERS])
    if items.empty:
        return {}, []
    counts, _ = occurrences(np.load(served / "item_factors.npy", allow_pickle=False))
    hubs = describe_hubs(counts, items[N_LISTENERS].to_numpy())
    new = songs[songs[NEW]].merge(items.assign(places=counts), on=SONG_ID)
    notices = []
    for name, some in new.groupby(DELIVERY, sort=False):
        of_songs, of_places = len(some) / len(items), some["places"].sum() / max(1, counts.sum())
        if of_places > max(_MANY_TIMES * of_songs, _MANY_PLACES):
            notices.append(
                f"{name}: {len(some):,} of {len(items):,} songs take {of_places:.1%} of the places among "
                f"the {K} nearest of others"
            )
    return hubs, notices[-_MOST_NOTICES:]


def _refuse_other_images(paths: Paths) -> None:
    folders = (paths.data("training_set") / "hyper_images", paths.data("hyper_images"))
    then, now = (HyperImageStore.open(folder).feature_key for folder in folders)
    if then != now:
        raise UserError(
            f"data/training_set has hyper-images of feature key {then}, data/hyper_images of {now}: they "
            "cannot be compared; `earshot retrain` trains on those of today"
        )


def _trained(paths: Paths, params: Params) -> TrainedOn:
    folder = paths.data("training_set")
    names = ("songs.parquet", "summary.json", "hyper_images/index.parquet")
    versions = [*(file_md5(folder / name) for name in names), params.drift.songs]
    songs = _reference_songs(paths, versions, params.drift.songs)
    snapshot = read_json(folder / "summary.json")
    bad = snapshot["set_aside"]["audio files set aside"]
    return _held_against(paths, params, versions, songs, FileCount(bad + snapshot["songs"], bad))


def _shared(paths: Paths, params: Params) -> TrainedOn | None:
    """The same out of a shared release; None where what serves is none."""
    folder = paths.data("served_factors") / "release"
    files = [folder / name for name in (REFERENCE_SONGS, REFERENCE_STATISTICS, CARD)]
    if not all(path.is_file() for path in files):
        return None
    songs, statistics = pd.read_parquet(files[0]), np.load(files[1], allow_pickle=False)
    figures = {name: songs[name].to_numpy() for name in (LOUDNESS, BANDWIDTH, PREDICTED_NORM)}
    described = DescribedSongs(songs["artist"].to_numpy(dtype=object), statistics, figures)
    card = read_json(files[2])
    counted = FileCount(card["sounds"], card["set_aside"])
    return _held_against(paths, params, [file_md5(path) for path in files], described, counted)


def _held_against(
    paths: Paths, params: Params, versions: list[Any], songs: DescribedSongs, files: FileCount
) -> TrainedOn:
    """`versions` are those of `songs` and `files`."""
    settings = params.drift
    level = settings.false_alarms / len(MEASURES)  # Bonferroni: one measure is enough to call it drifted
    reference = Reference(songs, settings.draws, params.seed, level)
    # what the described reference does not hang on, but a measurement against it does
    versions = [*versions, _encoder_key(paths), params.seed, settings.draws, settings.false_alarms]
    return TrainedOn(versions, reference, files)


def _reference_songs(paths: Paths, versions: list[Any], n_songs: int) -> DescribedSongs:
    described = replace(paths, previous=noted(paths, REFERENCE, key_of(versions, __name__)))
    if not linked(described, [SONGS, STATISTICS]):
        _describe_reference(paths, n_songs)
    songs = pd.read_parquet(paths.output / SONGS)
    return _songs(paths, songs, np.load(paths.output / STATISTICS, allow_pickle=False))


def _describe_reference(paths: Paths, n_songs: int) -> None:
    folder = paths.data("training_set")
    songs = pd.read_parquet(folder / "songs.parquet", columns=[SONG_ID, ARTIST_ID])
    (paths.output / "reference").mkdir()
    sample, statistics = _described(HyperImageStore.open(folder / "hyper_images"), songs, n_songs)
    write_table(paths.output / SONGS, sample)
    np.save(paths.output / STATISTICS, statistics)


def _described(store: HyperImageStore, songs: pd.DataFrame, n_songs: int) -> tuple[pd.DataFrame, Any]:
    """At most `n_songs` of the songs with loudness and bandwidth, and the statistics of their images."""
    sample = songs.set_index(SONG_ID).loc[chosen(songs[SONG_ID], n_songs, "drift")].reset_index()
    statistics, loudness, bandwidth = describe(store, sample[SONG_ID])
    return sample.assign(**{LOUDNESS: loudness, BANDWIDTH: bandwidth}), statistics


def _songs(paths: Paths, songs: pd.DataFrame, statistics: Any) -> DescribedSongs:
    artists = songs[ARTIST_ID].where(songs[ARTIST_ID].fillna("") != "", songs[SONG_ID])
    figures = {name: songs[name].to_numpy(np.float64) for name in (LOUDNESS, BANDWIDTH)}
    return DescribedSongs(artists.to_numpy(dtype=object), statistics, figures | _norms(paths, songs[SONG_ID]))


def _encoder_key(paths: Paths) -> str | None:
    """The encoder that serves; None where nothing is released."""
    listed = paths.data("served_factors") / "predicted" / "encoders.json"
    return str(read_json(listed)[0]) if listed.is_file() else None


def _norms(paths: Paths, song_ids: pd.Series) -> dict[str, Any]:
    """Lengths of the factors that the released encoder predicts, (n,), NaN for a song that is no more."""
    if _encoder_key(paths) is None:
        return {}
    store = HyperImageStore.open(paths.data("hyper_images"))
    there = store.songs[is_among(store.songs[SONG_ID], song_ids)]
    predicted = paths.data("served_factors") / "predicted"
    factors = read_encoded(store.only(there), predicted)
    norms = pd.Series(np.linalg.norm(factors, axis=1), there[SONG_ID])
    return {PREDICTED_NORM: norms.reindex(song_ids).to_numpy(np.float64)}


def _measured(
    paths: Paths, trained: TrainedOn, delivery: str, brought: pd.DataFrame, files: FileCount, n_songs: int
) -> list[dict[str, Any]]:
    """The lines of a delivery; measured anew only if nobody has."""
    images = brought[[SONG_ID, SHARD, FIRST_FRAME]].to_numpy().tolist()
    name = f"deliveries/{delivery}-{key_of([trained.versions, images, files], __name__)}.json"
    if not linked(paths, [name]):
        store = HyperImageStore.open(paths.data("hyper_images"))
        measured = _songs(paths, *_described(store, brought, n_songs))
        lines = [*trained.reference.compare(measured), trained.set_aside(files)]
        (paths.work / name).parent.mkdir(exist_ok=True)
        # in `work`, where it outlives a kill; then linked
        replace_json(paths.work / name, [_record(delivery, brought, line) for line in lines])
        linked(paths, [name])
    records: list[dict[str, Any]] = read_json(paths.output / name)
    return records


def _record(delivery: str, brought: pd.DataFrame, line: Line) -> dict[str, Any]:
    songs = {"songs": len(brought), "new_songs": int(brought[NEW].sum())}
    return {DELIVERY: delivery, **songs, **asdict(line), "drifted": line.drifted, "far": line.far}


def summarize(lines: pd.DataFrame, settings: Drift) -> dict[str, Any]:
    """A delivery far beyond chance counts by itself; of the others, more than chance gives."""
    new = lines[lines["new_songs"] > 0]
    names = new[DELIVERY].drop_duplicates().tolist()
    drifted, far = (new.loc[new[kind], DELIVERY].drop_duplicates().tolist() for kind in ("drifted", "far"))
    allowed = allowed_by_chance(len(names), settings.false_alarms)
    overall = check(
        NEW_DELIVERIES,
        "deliveries since the last training that differ from the songs trained on",
        passed=len(drifted) <= allowed and not far,
        observed=f"{len(drifted)} of {len(names)}",
        expected=f"at most {allowed} by chance, none far beyond it",
    )
    return {
        "deliveries": lines[DELIVERY].nunique(),
        "new_deliveries": len(names),
        "drifted": not overall["passed"],
        "drifted_deliveries": drifted,
        "far_deliveries": far,
        "notices": [
            _notice(name, new[new["far"] & (new[DELIVERY] == name)]) for name in far[-_MOST_NOTICES:]
        ],
        "checks": [overall, *_newest_checks(lines)],
    }


def _notice(delivery: str, far: pd.DataFrame) -> str:
    measures = (
        f"{WORDS[line['measure']].description} {observed(line)} (by chance {expected(line)})"
        for line in far.to_dict("records")
    )
    return f"{delivery} sounds unlike anything trained on: {'; '.join(measures)}"


def _newest_checks(lines: pd.DataFrame) -> Iterable[dict[str, Any]]:
    """A check a measure, of the newest delivery."""
    delivery = lines[DELIVERY].iloc[-1]
    newest = {line["measure"]: line for line in lines[lines[DELIVERY] == delivery].to_dict("records")}
    for name, measure in WORDS.items():
        line = newest.get(name)
        yield check(
            name,
            f"{measure.description} ({delivery})",
            passed=line is None or not line["drifted"],
            observed="nothing is released" if line is None else observed(line),
            expected="" if line is None else expected(line),
        )
