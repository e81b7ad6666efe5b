import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from earshot.catalogue.split import cold, validation
from earshot.params import Split

SONGS = [f"song-{number}" for number in range(4000)]
ARTISTS = [f"artist-{number // 4}" for number in range(4000)]
FROZEN_COLD = "01001100101000000000"
FROZEN_VALIDATION = ["song-3", "song-10", "song-15", "song-21", "song-30"]


def test_every_song_is_cold_in_exactly_one_fold() -> None:
    folds = [cold(SONGS, ARTISTS, Split("song", 4, fold)) for fold in range(4)]
    assert (np.sum(folds, axis=0) == 1).all()
    assert all(abs(fold.mean() - 1 / 4) < 0.03 for fold in folds)


def test_artists_stay_together_and_a_song_without_one_stands_for_itself() -> None:
    by_artist = cold(SONGS, ARTISTS, Split("artist", 4, 0)).reshape(-1, 4)
    assert (by_artist.all(axis=1) == by_artist.any(axis=1)).all()
    nobody = [""] * len(SONGS)
    assert (cold(SONGS, nobody, Split("artist", 4, 0)) == cold(SONGS, nobody, Split("song", 4, 0))).all()


def test_mixed_is_cold_by_either_hash() -> None:
    song, artist, mixed = (cold(SONGS, ARTISTS, Split(by, 4, 1)) for by in ("song", "artist", "mixed"))  # type: ignore[arg-type]
    assert (mixed == (song | artist)).all()


def test_the_split_is_the_same_on_every_machine() -> None:
    assert (
        "".join(str(int(bit)) for bit in cold(SONGS[:20], ARTISTS[:20], Split("song", 4, 0))) == FROZEN_COLD
    )
    assert [song for song, held in zip(SONGS[:40], validation(SONGS[:40], 0.1), strict=True) if held] == (
        FROZEN_VALIDATION
    )


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), unique=True), st.integers(0, 3))
def test_other_songs_never_move_a_song(ids: list[str], fold: int) -> None:
    split = Split("song", 4, fold)
    alone = [bool(cold([song], [""], split)[0]) for song in ids]
    assert cold(ids, [""] * len(ids), split).tolist() == alone


def test_validation_has_nothing_to_do_with_cold() -> None:
    held, is_cold = validation(SONGS, 0.25), cold(SONGS, ARTISTS, Split("song", 4, 0))
    assert abs(held.mean() - 1 / 4) < 0.03
    assert abs((held & is_cold).mean() - 1 / 16) < 0.02
