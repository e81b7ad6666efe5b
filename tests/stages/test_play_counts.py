import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from earshot.catalogue.play_counts import read_play_counts
from earshot.catalogue.play_dates import UNDATED, read_play_dates
from earshot.catalogue.play_rows import DATES
from earshot.errors import UserError
from earshot.files import write_json
from earshot.pages.validation import draw_page
from earshot.stages import play_counts
from tests.stages.delivered import contents, deliver, params_with, paths_of

SONGS = "song_id\ns1\ns2\ns3\n"


def run(root: Path, **values: Any) -> dict[str, Any]:
    settings = {"min_plays": 1, "max_invalid_share": 1.0, "max_unknown_share": 1.0, **values}
    summary = play_counts.run(paths_of(root, "play_counts"), params_with("play_counts", **settings))
    write_json(root / "data" / "play_counts" / "summary.json", summary)  # as the runner does
    return summary


def counted(root: Path) -> dict[tuple[str, str], float]:
    counts = read_play_counts(root / "data" / "play_counts")
    matrix = counts.matrix.tocoo()
    pairs = zip(counts.user_ids[matrix.row], counts.song_ids[matrix.col], strict=True)
    return dict(zip(pairs, matrix.data.tolist(), strict=True))


def table(root: Path, name: str) -> list[tuple[Any, ...]]:
    return list(pd.read_parquet(root / "data" / "play_counts" / name).itertuples(index=False, name=None))


def test_deliveries_add_up_and_totals_replace_their_source(tmp_path: Path) -> None:
    deliver(tmp_path, "songs", songs=SONGS)
    deliver(
        tmp_path, "a", plays="user_id,song_id,play_count\nu,s1,2\nv,s1,1\nu,s1,3\n", delivery={"source": "x"}
    )
    deliver(tmp_path, "b", plays="user_id,song_id,played_at\nu,s1,2026-01-01\nv,s2,1772359200\n")
    run(tmp_path)
    assert counted(tmp_path) == {("u", "s1"): 6, ("v", "s1"): 1, ("v", "s2"): 1}
    total = {"source": "x", "plays": "total"}
    deliver(tmp_path, "c", plays="user_id,song_id,play_count\nv,s3,9\n", delivery=total)
    run(tmp_path)
    assert counted(tmp_path) == {("u", "s1"): 1, ("v", "s2"): 1, ("v", "s3"): 9}
    counts = read_play_counts(tmp_path / "data" / "play_counts")
    assert (counts.user_ids.tolist(), counts.song_ids.tolist()) == (["u", "v"], ["s1", "s2", "s3"])


def test_invalid_rows_are_set_aside_each_with_its_reason(tmp_path: Path) -> None:
    bad = [
        ("", "s1", "1", "", "user_id", "", "wanted an id"),
        ("u", "", "1", "", "song_id", "", "wanted an id"),
        ("u", "s1", "", "", "play_count", "", "wanted a number"),
        ("u", "s1", "many", "", "play_count", "many", "wanted a number"),
        ("u", "s1", "-3", "", "play_count", "-3", "wanted 1 to 1,000,000"),
        ("u", "s1", "0", "", "play_count", "0", "wanted 1 to 1,000,000"),
        ("u", "s1", "1000001", "", "play_count", "1000001", "wanted 1 to 1,000,000"),
        ("u", "s1", "1e400", "", "play_count", "1e400", "wanted 1 to 1,000,000"),
        ("u", "s1", "2.5", "", "play_count", "2.5", "wanted a whole number"),
        (
            "u",
            "s1",
            "1",
            "yesterday",
            "played_at",
            "yesterday",
            f"wanted {DATES}",
        ),
    ]
    good = ["u,s1,1000000,2026-01-01T00:00:00Z", "v,s2,2.0,1772359200", "v,s3,1,"]
    rows = [",".join(row[:4]) for row in bad]
    plays = "\n".join(["user_id,song_id,play_count,played_at", *rows, *good])
    deliver(tmp_path, "d", songs=SONGS, plays=plays)
    summary = run(tmp_path)
    assert counted(tmp_path) == {("u", "s1"): 10**6, ("v", "s2"): 2, ("v", "s3"): 1}
    assert table(tmp_path, "invalid.parquet") == [
        ("d", "plays.csv", row, column, value, reason)
        for row, (*_, column, value, reason) in enumerate(bad, 1)
    ]
    assert (summary["rows"], summary["invalid_rows"], summary["unknown_rows"]) == (13, 10, 0)
    by_name = {check["name"]: check for check in summary["checks"]}
    assert by_name["count_in_range"]["observed"] == "4 of 13 rows not: '-3', '0', '1000001', '1e400'"
    assert all(check["passed"] for check in summary["checks"])


def test_unknown_plays_wait_for_their_song(tmp_path: Path) -> None:
    deliver(tmp_path, "d", songs=SONGS, plays="user_id,song_id\nu,s1\nv,s2\nu,new\nu,new\nw,new\n")
    summary = run(tmp_path)
    assert counted(tmp_path) == {("u", "s1"): 1, ("v", "s2"): 1}
    assert table(tmp_path, "unknown.parquet") == [("d", "u", "new", 2, 2), ("d", "w", "new", 1, 1)]
    assert (summary["unknown_rows"], summary["listeners"]) == (3, 2)
    deliver(tmp_path, "later", songs="song_id\nnew\n")
    assert run(tmp_path)["unknown_rows"] == 0
    assert counted(tmp_path) == {("u", "s1"): 1, ("v", "s2"): 1, ("u", "new"): 2, ("w", "new"): 1}
    assert table(tmp_path, "unknown.parquet") == []


def test_new_songs_alone_change_no_byte_and_nothing_is_counted_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(tmp_path, "d", songs=SONGS, plays="user_id,song_id\nu,s1\nv,s2\nu,unknown\n")
    summary = run(tmp_path)
    before = contents(tmp_path / "data" / "play_counts")
    deliver(tmp_path, "songs", songs="song_id\nx\ny\n")
    with monkeypatch.context() as patched:
        patched.setattr(play_counts, "merge_parts", None)
        assert run(tmp_path) == summary
    assert contents(tmp_path / "data" / "play_counts") == before
    deliver(tmp_path, "more", songs="song_id\nunknown\n")  # a play waits for this one
    run(tmp_path)
    assert counted(tmp_path) == {("u", "s1"): 1, ("u", "unknown"): 1, ("v", "s2"): 1}


def test_a_delivery_is_validated_once(tmp_path: Path) -> None:
    folder = deliver(tmp_path, "d", songs=SONGS, plays="user_id,song_id,play_count\nu,s1,0\nv,s2,1\nu,s3,1\n")
    first = run(tmp_path)
    before = contents(tmp_path / "data" / "play_counts")
    (folder / "plays.csv").write_text("not,read\nagain,x\n")
    assert run(tmp_path) == first  # from DVC's cache
    assert contents(tmp_path / "data" / "play_counts") == before
    shutil.rmtree(tmp_path / "cache")
    shutil.rmtree(tmp_path / "data" / "play_counts")
    assert run(tmp_path) == first  # from the work of a run that was interrupted later
    shutil.rmtree(tmp_path / "work")
    shutil.rmtree(tmp_path / "data" / "play_counts")
    with pytest.raises(UserError, match=r"plays\.csv: column user_id is missing"):
        run(tmp_path)


@pytest.mark.parametrize("chunk_rows", [1, 7])
def test_chunks_change_nothing(tmp_path: Path, chunk_rows: int) -> None:
    rows = [f"u{n % 5},s{n % 4},{n % 6 - 1}" for n in range(50)]
    text = "\n".join(["user_id,song_id,play_count", *rows])
    for name, rows_at_once in [("whole", 10**6), ("chunked", chunk_rows)]:
        deliver(tmp_path / name, "d", songs=SONGS, plays=text)
        run(tmp_path / name, chunk_rows=rows_at_once)
    whole, chunked = (contents(tmp_path / name / "data" / "play_counts") for name in ("whole", "chunked"))
    report = "validation.json"
    assert json.loads(whole.pop(report)) == json.loads(chunked.pop(report))
    for name in whole:
        if name.endswith(".parquet"):
            folders = [tmp_path / where / "data" / "play_counts" / name for where in ("whole", "chunked")]
            pd.testing.assert_frame_equal(*map(pd.read_parquet, folders))


def two_listeners(root: Path) -> None:
    deliver(root, "d", songs=SONGS, plays="user_id,song_id,play_count\nu,s1,1\nv,s2,-1\nv,s3,1\nv,who,1\n")


def one_listener(root: Path) -> None:
    deliver(root, "d", songs=SONGS, plays="user_id,song_id\nu,s1\nu,s2\n")


@pytest.mark.parametrize(
    ("prepare", "values", "message"),
    [
        (two_listeners, {"max_invalid_share": 0.2}, r"0\.2500 \(1 of 4 rows of .*\), expected at most 0\.2"),
        (two_listeners, {"min_plays": 10}, r"totals: plays: observed 2, expected .*play_counts.min_plays=10"),
        (one_listener, {"min_users": 2}, r"listeners: observed 1, expected at least 2 .*counts.min_users=2"),
        (one_listener, {"min_songs": 3}, r"totals: songs: observed 2, expected .*play_counts.min_songs=3"),
    ],
)  # fmt: skip
def test_failing_expectations_stop_the_stage(
    tmp_path: Path, prepare: Callable[[Path], None], values: dict[str, Any], message: str
) -> None:
    prepare(tmp_path)
    with pytest.raises(UserError, match=message):
        run(tmp_path, **values)
    report = json.loads((tmp_path / "failed" / "validation.json").read_text())
    assert report["success"] is False
    failed = [check for check in report["checks"] if check["verdict"] == "fails"]
    assert all(check["observed"] and check["expected"] for check in failed)
    assert (tmp_path / "failed" / "invalid.parquet").is_file()


def test_all_rows_invalid_is_no_crash(tmp_path: Path) -> None:
    deliver(tmp_path, "d", songs=SONGS, plays="user_id,song_id,play_count\nu,s1,0\nv,s2,-1\n")
    with pytest.raises(UserError, match="totals: listeners: observed 0"):
        run(tmp_path)


def test_no_plays_at_all_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no plays: none of the 0 deliveries"):
        run(tmp_path)
    deliver(tmp_path, "d", songs=SONGS)
    with pytest.raises(UserError, match="no plays: none of the 1 deliveries"):
        run(tmp_path)


def test_the_page_needs_no_network_and_trusts_nobody(tmp_path: Path) -> None:
    evil = "user_id,song_id,play_count\nu,s1,<script>alert(1)</script>\nu,s1,1\nv,s2,1\n"
    deliver(tmp_path, "d", songs=SONGS, plays=evil)
    run(tmp_path)
    page = draw_page(json.loads((tmp_path / "data" / "play_counts" / "validation.json").read_text()))
    assert not re.search(r"https?:|src=|<link|<script", page)
    assert "&lt;script&gt;" in page
    assert "1 of 3 rows not" in page


def test_real_play_counts(tmp_path: Path) -> None:
    source = Path(__file__).parents[3] / "shared" / "data" / "panda-lastfm"
    if not source.is_dir():
        pytest.skip("the real data is not here")
    folder = deliver(tmp_path, "panda-lastfm")
    for name in ("songs.csv", "plays.csv"):
        shutil.copyfile(source / name, folder / name)
    summary = play_counts.run(paths_of(tmp_path, "play_counts"), params_with("play_counts"))
    plays = pd.read_csv(source / "plays.csv", dtype={"user_id": str, "song_id": str})
    assert (summary["listeners"], summary["plays"]) == (plays["user_id"].nunique(), len(plays))
    assert (summary["invalid_rows"], summary["unknown_rows"]) == (0, 0)
    expected = plays.set_index(["user_id", "song_id"])["play_count"]
    counts = read_play_counts(tmp_path / "data" / "play_counts")
    matrix = counts.matrix.tocoo()
    index = pd.MultiIndex.from_arrays([counts.user_ids[matrix.row], counts.song_ids[matrix.col]])
    assert (expected.reindex(index).to_numpy() == matrix.data).all()


@pytest.mark.soak
def test_ten_million_rows_in_bounded_memory() -> None:
    script = Path(__file__).parents[2] / "benchmarks" / "play_counts_stage.py"
    command = [sys.executable, script, "10000000"]
    ran = subprocess.run(command, check=True, capture_output=True, text=True)
    measured = json.loads(ran.stdout.splitlines()[-1])
    assert (measured["rows"], measured["invalid_rows"]) == (10_000_000, 10_000)
    assert max(measured["peak_gb"], measured["added_peak_gb"]) < 2.5
    assert measured["added_cpu_seconds"] < 0.5 * measured["cpu_seconds"]


def test_a_delivery_that_is_gone_takes_its_songs_with_it(tmp_path: Path) -> None:
    deliver(tmp_path, "songs", songs=SONGS)
    index = tmp_path / "data" / "deliveries" / "index.csv"
    deliver(tmp_path, "more", songs="song_id\ns1\ns2\n")
    deliver(tmp_path, "a", plays="user_id,song_id\nu,s1\nv,s2\nv,s3\n")
    run(tmp_path)
    shutil.rmtree(tmp_path / "data" / "deliveries" / "songs")
    index.write_text(re.sub("songs,.*\n", "", index.read_text()))
    run(tmp_path)
    assert counted(tmp_path) == {("u", "s1"): 1, ("v", "s2"): 1}


def test_each_pair_keeps_when_it_was_first_and_last_played(tmp_path: Path) -> None:
    deliver(tmp_path, "d", songs=SONGS, plays="user_id,song_id,played_at\nu,s1,1772359200\nv,s2,\nu,s1,\n")
    deliver(tmp_path, "e", plays="user_id,song_id,played_at\nu,s1,2026-03-01T09:00:00Z\n")
    deliver(tmp_path, "f", feedback="user_id,song_id,kind,at\nu,s1,like,1772359200\nu,s2,skip,\n")
    assert run(tmp_path)["feedback_rows"] == 2
    plays = pd.read_parquet(tmp_path / "data" / "play_counts" / "plays.parquet")
    assert plays["first_played_at"].fillna(0).tolist() == [1772355600, 0]
    assert plays["last_played_at"].fillna(0).tolist() == [1772359200, 0]
    assert table(tmp_path, "feedback.parquet")[0] == ("f", "u", "s1", "like", 1772359200)


def test_plays_that_their_listener_excludes_count_as_if_they_had_never_been(tmp_path: Path) -> None:
    """Of u s1 both rows, of w the only one; what nobody has played and skips change nothing."""
    head = "user_id,song_id,play_count\n"
    left = ["u,s2,4\n", "v,s1,5\nv,s2,1\n"]
    out = ["u,s1,2\n", "u,s1,1\nw,s2,7\n"]
    feedback = "user_id,song_id,kind\nu,s1,exclude\nw,s2,exclude\nx,s1,exclude\nv,s1,unlike\nv,s2,skip\n"
    for name, number in (("a", 0), ("b", 1)):
        songs = {"songs": SONGS} if number == 0 else {}
        deliver(tmp_path / "excluded", name, plays=head + left[number] + out[number], **songs)
        deliver(tmp_path / "never", name, plays=head + left[number], **songs)
    before = run(tmp_path / "excluded")
    assert "excluded_rows" not in before
    deliver(tmp_path / "excluded", "c", feedback=feedback)
    excluded, never = run(tmp_path / "excluded"), run(tmp_path / "never")
    assert (excluded["excluded_rows"], excluded["rows"], excluded["plays"]) == (3, 6, 3)
    one, other = (contents(tmp_path / name / "data" / "play_counts") for name in ("excluded", "never"))
    for name in ("plays.parquet", "users.parquet", "items.parquet"):
        assert one[name] == other[name]
    assert (excluded["listeners"], never["listeners"], before["listeners"]) == (2, 2, 3)
    report = json.loads(one["validation.json"])
    assert report["totals"]["excluded_rows"] == 3
    assert "excluded by their listener" in draw_page(report)


def test_the_last_word_of_a_listener_about_a_song_counts(tmp_path: Path) -> None:
    """A like is ten plays more, a dislike as an exclude; what nobody names is liked in vain."""
    plays = "user_id,song_id,play_count\nu,s1,2\nu,s2,4\nv,s1,5\nw,s2,7\n"
    deliver(tmp_path, "a", songs=SONGS, plays=plays)
    words = "u,s1,like\nv,s2,like\nx,s1,like\nu,s2,dislike\nw,s2,exclude\nw,nowhere,like\n"
    deliver(tmp_path, "b", feedback=f"user_id,song_id,kind\n{words}")
    summary = run(tmp_path)
    assert counted(tmp_path) == {("u", "s1"): 12, ("v", "s1"): 5, ("v", "s2"): 10, ("x", "s1"): 10}
    assert (summary["rows"], summary["excluded_rows"]) == (4, 2)
    assert table(tmp_path, "left_out.parquet") == [("u", "s2"), ("w", "s2")]
    deliver(tmp_path, "c", feedback="user_id,song_id,kind\nu,s1,unlike\nw,s2,like\nu,s2,unlike\n")
    run(tmp_path)
    first = {("u", "s1"): 2, ("u", "s2"): 4, ("v", "s1"): 5, ("v", "s2"): 10}
    assert counted(tmp_path) == first | {("w", "s2"): 17, ("x", "s1"): 10}
    assert not (tmp_path / "data" / "play_counts" / "left_out.parquet").exists()


def test_a_like_counts_as_soon_as_its_song_is_named(tmp_path: Path) -> None:
    """Though the delivery that names it brings no play."""
    deliver(tmp_path, "a", songs="song_id\ns1\ns2\n", plays="user_id,song_id\nu,s1\nv,s2\n")
    deliver(tmp_path, "b", feedback="user_id,song_id,kind\nu,s3,like\n")
    run(tmp_path)
    assert counted(tmp_path) == {("u", "s1"): 1, ("v", "s2"): 1}
    deliver(tmp_path, "c", songs="song_id\ns3\n")
    run(tmp_path)
    assert counted(tmp_path) == {("u", "s1"): 1, ("v", "s2"): 1, ("u", "s3"): 10}


def test_dates_are_merged_replaced_and_kept_for_songs_that_are_named_later(tmp_path: Path) -> None:
    head = "user_id,song_id,played_at\n"
    steps: list[tuple[str, dict[str, Any]]] = [
        ("a", {"songs": "song_id\ns1\n", "plays": f"{head}u,s1,1600000500\nv,s1,\nu,new,1600000900\n"}),
        ("b", {"plays": f"{head}u,s1,2020-09-13T12:26:40Z\nu,s1,1600000700\nu,new,1600000800\nv,new,\n"}),
        ("c", {"plays": f"{head}u,s1,1500000000\n", "delivery": {"source": "x", "plays": "total"}}),
        ("d", {"plays": f"{head}v,s1,1600000600\n", "delivery": {"source": "x", "plays": "total"}}),
        ("e", {"songs": "song_id\nnew\n"}),
    ]
    for name, files in steps:
        for root in (tmp_path / "at once", tmp_path / "run by run"):
            deliver(root, name, **files)
        if name in ("b", "e"):
            run(tmp_path / "run by run", min_songs=1)
    run(tmp_path / "at once", min_songs=1)
    one, other = (tmp_path / name / "data" / "play_counts" for name in ("at once", "run by run"))
    assert contents(one) == contents(other)
    dates = read_play_dates(one)
    assert dates is not None
    # u s1, u new, v s1, v new: of d alone, as it is in place of c
    assert dates.first.tolist() == [1600000000, 1600000800, 1600000600, UNDATED]
    assert dates.last.tolist() == [1600000700, 1600000900, 1600000600, UNDATED]


def test_a_faultless_delivery_is_not_stopped_by_the_share_of_all(tmp_path: Path) -> None:
    deliver(tmp_path, "bad", songs=SONGS, plays="user_id,song_id,play_count\nu,s1,0\nv,s2,1\n")
    deliver(tmp_path, "good", plays="user_id,song_id\n" + "u,s1\nv,s2\n" * 50)
    with pytest.raises(UserError, match=r"0\.5000 \(1 of 2 rows of .*'bad'\)[\s\S]*deliveries withdraw"):
        run(tmp_path, max_invalid_share=0.05)


def test_plays_of_unknown_songs_warn_and_stop_nothing(tmp_path: Path) -> None:
    two_listeners(tmp_path)
    summary = run(tmp_path, max_unknown_share=0.3)
    (warned,) = (check for check in summary["checks"] if not check["passed"])
    assert (warned["name"], warned["observed"]) == ("unknown_share", "0.3333 (1 of 3 rows of delivery 'd')")
    report = json.loads((tmp_path / "data" / "play_counts" / "validation.json").read_text())
    assert report["success"] is True
    assert [check["name"] for check in report["checks"] if check["verdict"] == "warns"] == ["unknown_share"]
    assert "checks warn" in draw_page(report)


def test_feedback_that_cannot_be_read_stops_nothing_and_alone_ends_in_words(tmp_path: Path) -> None:
    deliver(tmp_path, "old", feedback="user_id,song_id\nu,s1\n")
    with pytest.raises(UserError, match="no plays: none of the 1 deliveries"):
        run(tmp_path)
    two_listeners(tmp_path)
    assert run(tmp_path)["feedback_unreadable"] == ["old/feedback.csv"]
