"""From a folder of music to songs that can be asked for: taken in, heard, and learned from as plays allow."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from earshot.audio.containers import open_container
from earshot.audio.probing import quiet_codecs
from earshot.columns import ARTIST_ID, SOURCE, USER_ID
from earshot.costs import Size, in_words, read_unit_costs, slowness
from earshot.datasets.folder import AUDIO_SUFFIXES, import_folder
from earshot.datasets.histories import History, import_history, kind_of
from earshot.datasets.importing.sources import walk
from earshot.deliveries import delivered_plays, play_files, read_index, read_plays
from earshot.deliveries.inbox import INBOX
from earshot.deliveries.index import read_lines
from earshot.deliveries.ingest import Say, ingest
from earshot.errors import UserError
from earshot.files import read_json, write_json
from earshot.lanes.onboard import LANES, SERVING, SOUND_STAGES, any_plays, onboard, settle
from earshot.lanes.reproduce import reproduce_saying
from earshot.lanes.retrain import retrain
from earshot.params import load_params
from earshot.releases.manifest import Manifest, read_pointer
from earshot.stages.fold_models import ENOUGH_ARTISTS
from earshot.versioning import file_md5, read_pipeline, repair
from earshot.workspace import require_workspace

FEWEST_LISTENERS = 100
"""Of so many a first model is trained unasked; `dvc repro` tries it with fewer."""
DRAFTS = Path(INBOX, ".quickstart")
"""Hidden: what else waits in the inbox is taken in without it."""
ENCODER = "cnn_checkpoint"
_SAMPLE = 20
"""Files whose length is looked at."""
_CATALOGUE_SONG_SECONDS = 10.0
"""Of the embedded catalogue, whose songs unit_costs.yaml is of."""


@dataclass(frozen=True)
class Music:
    """What a folder holds: files of music by their names, and about how many seconds each is long."""

    folder: Path
    files: list[Path]
    seconds: float


def look_at(folder: Path) -> Music:
    """What is in a folder, without reading more of it than `_SAMPLE` headers. UserError without music."""
    if not folder.is_dir():
        raise UserError(f"{folder}: not a folder; wanted one with music")
    files = [path for path in walk(folder) if path.suffix.lower() in AUDIO_SUFFIXES]
    if not files:
        raise UserError(f"{folder}: no music; wanted {', '.join(sorted(AUDIO_SUFFIXES))}")
    return Music(folder, files, _mean_seconds(files[:: max(1, len(files) // _SAMPLE)][:_SAMPLE]))


def announce(root: Path, music: Music, listens: Path | None, release: Path | None, say: Say) -> None:
    """Say what there is, what is not, and how long it takes until songs can be asked for."""
    minutes = len(music.files) * music.seconds / 60
    say(f"there is: {len(music.files):,} files of music, about {minutes:,.0f} min, in {music.folder}")
    if listens is not None:
        say(f"there is: {listens}, a listening history of {kind_of(listens)}")
    if release is not None:
        say(f"there is: {release}, a shared release, by which songs and listeners are placed")
    elif isinstance(pointer := read_pointer(root), Manifest):
        say(f"there is: release {pointer.release}, by which songs and listeners are placed")
    else:
        say(
            "there is not: a release (`--release FILE`); lists for listeners then need plays of "
            f"{FEWEST_LISTENERS} listeners"
        )
    if listens is None:
        say("there is not: a listening history (`--listens EXPORT`): songs are placed by their sound alone")
    say(f"until songs can be asked for it takes about {in_words(_seconds_until_heard(root, music))}")


def refuse_without_plays(root: Path, release: Path, listens: Path | None) -> None:
    """UserError where nobody could be placed by `release`."""
    if listens is None and not any_plays(root):
        raise UserError(
            f"--release {release}: places listeners by their plays; there are none: wanted --listens EXPORT"
        )


def take_in(root: Path, music: Music, listens: Path | None, user: str, say: Say) -> None:
    """Make deliveries of the folder and of the history and take them in, unless that was done before.

    `user` is who listened where the history does not say it. Errors as of the imports and of `ingest`.
    """
    require_workspace(root)
    repair(root, say)
    songs = f"music-{_hash(_listing(music.folder, music.files))}"
    if not _is_there(root, songs):
        draft = root / DRAFTS / songs
        if not draft.is_dir():  # a run that was killed has left it whole, or not at all
            found = import_folder(music.folder, draft)
            say(
                f"read: {found.songs:,} songs, {found.with_artist:,} with artist, {found.with_genre:,} with "
                f"genre; {found.same_bytes:,} files twice, {found.set_aside:,} set aside (set_aside.csv)"
            )
        _ingest(root, draft, say)
    if listens is None:
        return
    found_in = _listing(listens, walk(listens)) if listens.is_dir() else file_md5(listens)
    plays = f"listens-{_hash([songs, user, found_in])}"
    if not _is_there(root, plays):
        draft = root / DRAFTS / plays
        if not draft.is_dir():
            matched = import_history(listens, draft, songs=root / "data" / "deliveries" / songs, user=user)
            say(
                f"read: {matched.plays:,} plays, {matched.matched_share:.0%} of songs that are there, "
                f"by {matched.listeners:,} {'listener' if matched.listeners == 1 else 'listeners'}"
            )
        _describe(draft, kind_of(listens))
        _ingest(root, draft, say)


def make(root: Path, say: Say) -> str:
    """Run what fits the case; what came of it, in a sentence.

    With plays and a release, what `earshot onboard` runs; else with many listeners the whole pipeline; else
    no more than songs need to be served by their sound alone.

    Raises
    ------
    UserError
        A stage failed, in its own words.
    """
    n_listeners = count_listeners(root)
    if n_listeners and isinstance(release := read_pointer(root), Manifest):
        onboard(root, None, say)
        return f"songs and listeners are placed by release {release.release}"
    if n_listeners < FEWEST_LISTENERS:
        _run(root, SOUND_STAGES, say)
        return "songs are served by their sound alone" + _too_few(n_listeners)
    _run(root, [each.target for each in read_pipeline(root) if each.lane == LANES[0]], say)
    say(f"a model learns from {n_listeners:,} listeners: about {in_words(_seconds_of_training(root))}")
    outcome = retrain(root, say)
    settle(root)
    return outcome


def count_listeners(root: Path) -> int:
    """Different listeners in the deliveries that count."""
    folder = root / "data" / "deliveries"
    counted = delivered_plays(folder, read_index(folder))
    return len(set[str]().union(*(_listeners_of(folder / each.name) for each in counted)))


def _listeners_of(delivery: Path) -> set[str]:
    found = set[str]()
    for path in play_files(delivery):
        for rows in read_plays(path, 1_000_000):
            found.update(rows[USER_ID].dropna())
    return found


def _describe(draft: Path, kind: History) -> None:
    """An export holds all that was heard so far: the next one of the same listener is to replace it."""
    listeners = _listeners_of(draft)
    who = f"listener {_hash(listeners.pop())}" if len(listeners) == 1 else "several listeners"
    write_json(draft / "delivery.json", {SOURCE: f"{kind}, {who}", "plays": "total"})


def _too_few(n_listeners: int) -> str:
    if not n_listeners:
        return ""
    who = "1 listener is" if n_listeners == 1 else f"{n_listeners} listeners are"
    return (
        f": {who} too few to learn from, {FEWEST_LISTENERS} were wanted; their plays are taken in, and count "
        "with a release (`--release FILE`)"
    )


def _run(root: Path, targets: Sequence[str], say: Say) -> None:
    for target in targets:
        reproduce_saying(root, target, say)


def _ingest(root: Path, draft: Path, say: Say) -> None:
    ingested = ingest(draft, root, say)
    say(f"{ingested.name}: {'taken in' if ingested.new else 'already there'}")
    shutil.rmtree(draft)


def _is_there(root: Path, name: str) -> bool:
    return name in {line.name for line in read_lines(root / "data" / "deliveries") if not line.withdrawn}


def _listing(folder: Path, files: Iterable[Path]) -> list[tuple[str, int, int]]:
    """Another wherever a file is another, as far as names, sizes and times tell."""
    found = [(str(path.relative_to(folder)), path.lstat()) for path in files]
    return [(name, status.st_size, status.st_mtime_ns) for name, status in found]


def _hash(content: object) -> str:
    return blake2b(repr(content).encode(errors="surrogatepass"), digest_size=4).hexdigest()


def _mean_seconds(files: Sequence[Path]) -> float:
    """As their containers say; of files that say nothing, nothing."""
    import av

    found = list[float]()
    with quiet_codecs():
        for path in files:
            try:
                with path.open("rb") as file, open_container(file) as container:
                    found.append((container.duration or 0) / av.time_base)
            except (OSError, ValueError, MemoryError, av.FFmpegError):
                continue
    return sum(found) / max(1, len(found))


def _seconds_until_heard(root: Path, music: Music) -> float:
    """Reading the folder, taking it in, and hearing the excerpt of every song."""
    excerpt = load_params(root / "params.yaml").hyper_images.excerpt_seconds
    costs, n_files = read_unit_costs(), len(music.files)
    whole, heard = (
        Size(round(n_files * seconds / _CATALOGUE_SONG_SECONDS), 0)
        for seconds in (music.seconds, min(music.seconds, excerpt))
    )
    seconds: float = (
        costs.folder.seconds(Size(n_files, 0))
        + costs.stages["raw_audio"].seconds(whole)
        + costs.stages["hyper_images"].seconds(heard)
    )
    return seconds * slowness(costs.probe_seconds)


def _seconds_of_training(root: Path) -> float:
    """With that of the other folds' models where so few artists are there that these are trained for sure."""
    import pandas as pd

    counted = read_json(root / "data" / "play_counts" / "summary.json")
    size, costs = Size(counted["songs"], counted["plays"]), read_unit_costs()
    lanes = ("training", SERVING)
    targets = [each.target for each in read_pipeline(root) if each.lane in lanes and each.target != ENCODER]
    # a small catalogue is gone through more often: `cnn_checkpoint.min_steps`
    encoder = costs.stages[ENCODER].seconds(Size(max(size.songs, costs.catalogue.songs), 0))
    artists = pd.read_parquet(root / "data" / "raw_audio" / "songs.parquet", columns=[ARTIST_ID])[ARTIST_ID]
    folds = load_params(root / "params.yaml").training_set.split.folds
    n_models = folds if artists.nunique() < ENOUGH_ARTISTS else 1
    seconds: float = n_models * encoder + sum(costs.stages[target].seconds(size) for target in targets)
    return seconds * slowness(costs.probe_seconds)
