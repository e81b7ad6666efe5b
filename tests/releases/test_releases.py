"""Candidates judged, released, served and put back in real repositories."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from earshot import releases, versioning
from earshot.errors import UserError
from earshot.evaluation.cold_start import read_cold_start
from earshot.factors.numbers import read_numbers, write_numbers
from earshot.files import replace_arrays, write_json
from earshot.releases.candidate import model_name
from earshot.releases.manifest import read_manifest
from earshot.versioning import cache_folder, cache_path
from tests.releases.tiny_workspace import (
    N_SONGS,
    NUMBERS,
    UNHEARD,
    WITHDRAWN,
    Repository,
    World,
    write_model,
    write_repository,
)

SERVING = ("served_factors", "recommendations")


def stale(repository: Repository) -> set[str]:
    return set(json.loads(repository.run("dvc", "status", "--json").splitlines()[-1]))


def pointer_bytes(repository: Repository) -> bytes:
    return (repository.root / "releases" / "current.json").read_bytes()


def test_a_first_candidate_that_beats_chance_is_released_and_served(first_release: Repository) -> None:
    manifest = first_release.pointer()
    name = manifest["release"]
    decision = first_release.decisions()[name]
    assert decision["released"]
    assert decision["reason"].startswith("beats random")
    assert set(decision["differences"]) == {"random", "shuffled_content"}
    for difference in decision["differences"].values():
        assert difference["auc"]["low"] > 0
        assert difference["auc"]["p"] <= 0.0001
        assert difference["auc"]["artists"] >= 20
    assert (manifest["number"], manifest["previous"], manifest["feature_key"]) == (1, None, "key-1")
    assert manifest["params"]["wmf_factors"]["iterations"] == 15
    assert "wmf_factors/wmf.json" in manifest["files"]
    assert [release.release for release in releases.list_releases(first_release.root)] == [name]
    assert releases.show_release(first_release.root, name[:4])["served"]
    assert stale(first_release) == set()


def test_lists_hold_what_a_listener_never_played_and_nothing_withdrawn(first_release: Repository) -> None:
    world, listed = World(), first_release.read("recommendations/recommendations.parquet")
    played = {
        (user, song)
        for user, songs in zip(world.user_ids, world.played, strict=True)
        for song in world.song_ids[songs]
    }
    pairs = list(zip(listed["user_id"], listed["song_id"], strict=True))
    possible = {(user, song) for user in world.user_ids for song in world.song_ids if song != WITHDRAWN}
    assert set(pairs) == possible - played  # the catalogue is shorter than a list may be
    assert len(pairs) == len(set(pairs))
    assert set(listed["release"]) == {first_release.pointer()["release"]}
    assert set(listed.loc[listed["cold"], "song_id"]) == {f"s{n:03d}" for n in UNHEARD}
    for _, of_user in listed.groupby("user_id"):
        assert of_user["rank"].tolist() == list(range(1, len(of_user) + 1))
        assert of_user["score"].is_monotonic_decreasing


def test_a_worse_candidate_is_refused_and_nothing_is_served_anew(repository: Repository) -> None:
    before = pointer_bytes(repository)
    write_model(repository.root / "made", seed=2, learned=False)
    ran = repository.repro()
    assert "Running stage 'release'" in ran
    assert not any(f"Running stage '{stage}'" in ran for stage in SERVING)
    assert pointer_bytes(repository) == before
    (refused,) = (made for made in repository.decisions().values() if not made["released"])
    assert refused["reason"].startswith(f"is clearly worse than {repository.pointer()['release']}")
    assert stale(repository) == set()


@pytest.mark.soak
def test_two_equally_good_ones_are_released_and_two_deaf_ones_refused(
    repository: Repository, second_release: Repository, refused_candidate: Repository
) -> None:
    """One of each are the fixtures; tests/pipeline/test_gate_decides.py has ten of each, trained for real."""
    first = repository.pointer()["release"]
    assert second_release.pointer()["previous"] == first
    assert refused_candidate.pointer()["release"] == first
    write_model(repository.root / "made", seed=3, learned=False)
    repository.repro("release")
    assert repository.pointer()["release"] == first
    write_model(repository.root / "made", seed=3)
    repository.repro("release")
    assert repository.pointer()["previous"] == first


@pytest.mark.parametrize("cached", [True, pytest.param(False, marks=pytest.mark.soak)])
def test_releases_kept_are_scored_again_where_they_are_cached(replaced: Repository, cached: bool) -> None:
    first, second = replaced.pointer()["previous"], replaced.pointer()["release"]
    if not cached:
        encoder = releases.show_release(replaced.root, first)["files"]["cnn_checkpoint/encoder.pt"]
        cache_path(cache_folder(replaced.root), encoder).unlink()
    write_model(replaced.root / "made", seed=3)
    replaced.repro("release")
    decision = replaced.decisions()[replaced.pointer()["release"]]
    found = {name: values["auc"] for name, values in decision["metrics"].items()}
    assert (first in found) == cached
    best = ["best_release"] if cached and found[first] > found[second] else []
    genres = ["genre jazz", "genre rock"]  # that are large by songs and by artists
    rules = ["release", "chance", *best, *genres, "lists", "checks"]
    assert [rule["name"] for rule in decision["rules"]] == rules
    others = {"random", "shuffled_content", second}
    assert set(decision["differences"]) == (others | {first} if best else others)
    assert decision["not_cached"] == ([] if cached else [first])
    assert decision["not_scored"] == []
    assert set(decision["lists"]) == {second}


@pytest.mark.soak
def test_of_growing_catalogues_the_champion_is_the_best_by_todays_figures(repository: Repository) -> None:
    """Figures of the days when they were released name the oldest one, however good the others are."""
    made = repository.root / "made"
    for seed, n_users in ((2, 200), (3, 320), (4, 500)):
        kept = [release.release for release in releases.list_releases(repository.root)]
        before = repository.decisions()
        for name in ("training_set", "play_counts"):
            shutil.rmtree(made / name)
        World(n_users=n_users).write_training_set(made / "training_set")
        World(n_users=n_users).write_plays(made / "play_counts")
        write_model(made, seed=seed)
        served = repository.pointer()["release"]
        repository.repro("release")
        after = repository.decisions()
        (decision,) = (after[name] for name in after.keys() - before.keys())
        # one model, one number: one figure of each release, on the question that the candidate is asked
        today = {name: decision["metrics"][name]["auc"] for name in kept}
        champion = max(today, key=lambda name: today[name])
        told = [rule["told"] for rule in decision["rules"] if rule["name"] == "best_release"]
        if champion == served:  # the rule `release` judges by it already
            assert told == []
        else:
            assert champion in told[0]
        assert decision["users"] > max(each["users"] for each in before.values())


def test_after_a_change_of_features_a_candidate_must_keep_up_with_a_ridge(repository: Repository) -> None:
    """To beat chance is little: with nothing to be paired with, it must reach the baselines of the report."""
    made, first = repository.root / "made", repository.pointer()["release"]
    for name in ("training_set", "hyper_images"):
        shutil.rmtree(made / name)
    World().write_training_set(made / "training_set", feature_key="key-2")
    World().write_images(made / "hyper_images", feature_key="key-2")
    write_model(made, seed=5)
    ids = read_cold_start(made / "training_set").song_ids
    folded = World().folded_in(made, ids)  # what no model can be better than
    replace_arrays(made / "evaluation_report" / "baselines.npz", linear_bow=folded, artist_mean=folded)
    repository.repro("release")
    assert repository.pointer()["release"] == first
    (refused,) = (each for each in repository.decisions().values() if not each["released"])
    assert "is clearly worse than linear_bow" in refused["reason"]
    assert "other hyper-images" in refused["rules"][0]["told"]
    assert {rule["name"] for rule in refused["rules"]} == {
        *("chance", "baseline linear_bow", "baseline artist_mean", "checks"),
    }


def test_a_candidate_that_is_the_release_already_changes_nothing(repository: Repository) -> None:
    before, decisions = pointer_bytes(repository), repository.decisions()
    repository.repro("--force", "--single-item", "release")
    assert pointer_bytes(repository) == before
    assert repository.decisions() == decisions


def test_without_a_release_serving_is_empty_and_says_why(tmp_path: Path) -> None:
    repository = write_repository(tmp_path / "workspace")
    made = repository.root / "made"
    write_model(made, seed=1, learned=False)
    repository.repro()
    assert repository.pointer()["release"] is None
    assert "does not clearly beat" in repository.pointer()["reason"]
    assert releases.list_releases(repository.root) == []
    listed = repository.read("recommendations/recommendations.parquet")
    assert len(listed) == 0
    assert list(listed) == ["user_id", "song_id", "rank", "score", "cold", "release"]
    assert (
        "nothing released yet: does not clearly beat"
        in (repository.root / "data" / "recommendations" / "summary.json").read_text()
    )
    with pytest.raises(UserError, match="nothing is released yet"):
        releases.roll_back(repository.root)
    (refused,) = repository.decisions()
    ways_out = (
        f"nothing released yet: does not clearly beat [^$]*similar SONG --candidate[^$]*promote {refused} "
    )
    for question in ("recommend", "listeners"):
        with pytest.raises(UserError, match=f"{ways_out}[^$]* import FILE"):
            repository.earshot(question, "s001")
    assert "sound:key-1" in repository.earshot("similar", "s001")
    assert "cosine" in repository.earshot("similar", "s001", "--candidate")
    repository.earshot("release", "promote", refused, "--force", "--reason", "to listen to it")
    with pytest.raises(UserError, match=f"{refused} is released and not served yet: `dvc repro`"):
        repository.earshot("similar", "s001")
    repository.repro("--single-item", *SERVING)
    assert refused in repository.earshot("similar", "s001")
    write_model(made, seed=1)
    repository.repro()
    assert repository.pointer()["number"] == 2
    assert len(repository.read("recommendations/recommendations.parquet")) > N_SONGS


def test_new_songs_join_the_lists_as_if_they_had_always_been_there(
    repository: Repository, first_release: Repository
) -> None:
    made, table = repository.root / "made" / "hyper_images", "data/recommendations/recommendations.parquet"
    for n_songs, encoded in ((UNHEARD.start, 0), (N_SONGS, 1)):
        shutil.rmtree(made)
        World().write_images(made, n_songs=n_songs)
        shutil.rmtree(repository.root / ".dvc" / "cache" / "runs")  # nothing comes back by itself
        assert repository.repro("recommendations").count("Predicting factors: 100%") == encoded
        listed = repository.read("recommendations/recommendations.parquet")
        assert listed["cold"].any() == (n_songs == N_SONGS)
    assert (repository.root / table).read_bytes() == (first_release.root / table).read_bytes()


def test_a_rollback_puts_back_what_was_served(replaced: Repository, first_release: Repository) -> None:
    second, served = replaced.pointer(), first_release.read("recommendations/recommendations.parquet")
    back = releases.roll_back(replaced.root)
    assert second["previous"] == back.release
    assert pointer_bytes(replaced) == pointer_bytes(first_release)
    assert stale(replaced) == {"served_factors"}
    assert "Stage 'served_factors' is cached" in replaced.repro()
    assert replaced.read("recommendations/recommendations.parquet").equals(served)
    assert [release.number for release in releases.list_releases(replaced.root)] == [1, 2]


def test_after_a_rollback_nothing_is_encoded_that_the_release_heard_before(replaced: Repository) -> None:
    releases.roll_back(replaced.root)
    ran = replaced.repro("--force", "--single-item", *SERVING)
    assert [stage for stage in ("release", *SERVING) if f"Running stage '{stage}'" in ran] == list(SERVING)
    assert "Predicting" not in ran


@pytest.mark.soak
def test_another_n0_is_another_release_of_the_same_ear(repository: Repository) -> None:
    first, places = repository.pointer(), repository.root / "data" / "served_factors" / "item_factors.npy"
    served = np.load(places)
    write_json(repository.root / "made" / "warm_up" / "warm_up.json", {"n0": 500.0})
    _, serving = repository.repro().split("Running stage 'served_factors'")
    assert "Predicting" not in serving
    second = repository.pointer()
    assert (first["n0"], second["n0"], second["previous"]) == (20.0, 500.0, first["release"])
    assert second["files"] == first["files"]
    n_listeners = repository.read("served_factors/items.parquet")["n_listeners"].to_numpy()
    assert ((np.load(places) != served).any(axis=1) == (n_listeners > 0)).all()


def test_a_manifest_from_before_n0_was_chosen_is_read_with_what_it_was_then(
    first_release: Repository, tmp_path: Path
) -> None:
    old = {key: value for key, value in first_release.pointer().items() if key != "n0"}
    write_json(tmp_path / "old.json", old)
    assert read_manifest(tmp_path / "old.json").n0 == 10.0


def test_the_numbers_of_a_release_are_its_own(repository: Repository, tmp_path: Path) -> None:
    """What stands in the workspace by now is not read; a manifest from before wmf.json has its parameters."""
    release = read_manifest(repository.root / "releases" / "current.json")
    newest = repository.root / "data" / "wmf_factors" / "wmf.json"
    newest.unlink()
    write_numbers(newest.parent, replace(NUMBERS, alpha=9.0))
    old = {name: md5 for name, md5 in release.files.items() if not name.endswith("wmf.json")}
    assert len(old) == len(release.files) - 1
    params = release.params | {"wmf_factors": asdict(NUMBERS)}  # which said them all before `auto` was known
    for name, each in {"new": release, "old": replace(release, files=old, params=params)}.items():
        releases.fetch(each, repository.root, tmp_path / name)
        assert read_numbers(tmp_path / name / "wmf_factors").alpha == NUMBERS.alpha
    assert model_name(old, release.n0) == release.release


def test_a_release_that_a_person_left_does_not_come_back_by_itself(replaced: Repository) -> None:
    second = replaced.pointer()["release"]
    first = releases.roll_back(replaced.root).release
    replaced.repro("--force", "--single-item", "release")
    assert replaced.pointer()["release"] == first
    assert replaced.decisions()[second]["rolled_back_to"] == first
    releases.roll_back(replaced.root, second)
    assert replaced.pointer()["release"] == second
    assert "rolled_back_to" not in replaced.decisions()[second]
    assert stale(replaced) == set()


@pytest.mark.soak
def test_a_rollback_leaves_a_candidate_to_be_judged(replaced: Repository) -> None:
    write_model(replaced.root / "made", seed=3)
    replaced.repro("evaluation_report")
    assert "release" in stale(replaced)
    releases.roll_back(replaced.root)
    assert "release" in stale(replaced)
    assert "Running stage 'release'" in replaced.repro()
    assert replaced.pointer()["number"] == 3


READS_THE_POINTER = """
import sys, time
from dvc.repo import Repo
from dvc.rwlock import rwlock
repo = Repo()
with rwlock(repo.tmp_dir, repo.fs, "a stage", [f"{repo.root_dir}/releases/current.json"], [], False):
    print("reading", flush=True)
    time.sleep(2)
"""


def test_a_rollback_waits_for_a_stage_that_reads_the_pointer(replaced: Repository) -> None:
    first, said = replaced.pointer()["previous"], list[str]()
    command = [sys.executable, "-c", READS_THE_POINTER]
    with subprocess.Popen(command, cwd=replaced.root, stdout=subprocess.PIPE) as stage:
        assert stage.stdout is not None
        stage.stdout.readline()
        before = pointer_bytes(replaced)
        assert releases.roll_back(replaced.root, say=said.append).release == first
        assert stage.wait(10) == 0  # it lets go of the lock a moment before it ends
    assert pointer_bytes(replaced) != before
    assert len(said) == 1
    assert f"(PID {stage.pid}): a stage" in said[0]


DIES_BEFORE_IT_IS_RECORDED = """
import os
from dataclasses import asdict, replace
from pathlib import Path
from dvc.dvcfile import ProjectFile
from earshot import releases
ProjectFile.dump_stages = lambda *_, **__: os._exit(9)
releases.roll_back(Path.cwd())
"""


def test_a_rollback_killed_before_it_is_recorded_still_holds(replaced: Repository) -> None:
    first = replaced.pointer()["previous"]
    replaced.run(sys.executable, "-c", DIES_BEFORE_IT_IS_RECORDED, succeeds=False)
    assert replaced.pointer()["release"] == first
    assert "release" in stale(replaced)
    replaced.repro()  # judges the newest candidate again
    assert replaced.pointer()["release"] == first
    assert stale(replaced) == set()


def test_roll_back_names_what_there_is(repository: Repository) -> None:
    name = repository.pointer()["release"]
    with pytest.raises(UserError, match=f"release 'nope': no such release; there are: {name}"):
        releases.roll_back(repository.root, "nope")
    with pytest.raises(UserError, match="is the first release"):
        releases.roll_back(repository.root)
    before = pointer_bytes(repository)
    assert releases.roll_back(repository.root, name).release == name
    assert pointer_bytes(repository) == before
    assert "rolled_back_to" not in repository.decisions()[name]


def test_a_clone_serves_the_release_after_a_refused_candidate(refused: Repository, tmp_path: Path) -> None:
    refused.run("dvc", "remote", "add", "--default", "store", str(tmp_path / "store"))
    refused.commit()
    refused.run("dvc", "push")
    served = refused.read("recommendations/recommendations.parquet")

    refused.run("git", "clone", "-q", str(refused.root), str(tmp_path / "clone"))
    clone = Repository(tmp_path / "clone")
    clone.run("dvc", "pull")
    released = clone.pointer()["outputs"]["cnn_checkpoint"]
    assert not cache_path(cache_folder(clone.root), released).exists()  # only the refused one's is there
    assert "Predicting" not in clone.repro("--force", "--single-item", *SERVING)
    assert clone.read("recommendations/recommendations.parquet").equals(served)
    assert stale(clone) == set()


def test_a_lost_or_damaged_object_is_named_and_fetched(repository: Repository, tmp_path: Path) -> None:
    name, md5 = "cnn_checkpoint/encoder.pt", repository.pointer()["files"]["cnn_checkpoint/encoder.pt"]
    lost = cache_path(cache_folder(repository.root), md5)
    whole = lost.read_bytes()
    again = ("--force", "--single-item", "served_factors")
    for was in ("damaged", "missing"):
        if was == "damaged":
            lost.chmod(0o644)
            lost.write_bytes(b"other")
        failed = repository.repro(*again, succeeds=False)
        assert f"{name} of release" in failed
        assert f"object {lost} was {was}, and there is no remote to fetch it from" in failed
    remote = tmp_path / "remote"
    repository.run("dvc", "remote", "add", "--default", "store", str(remote))
    cache_path(remote / "files" / "md5", md5).parent.mkdir(parents=True)
    cache_path(remote / "files" / "md5", md5).write_bytes(whole)
    assert f"object {md5} of DVC's cache was missing: fetched from the remote" in repository.repro(*again)
    assert lost.read_bytes() == whole


@pytest.mark.soak
def test_other_hyper_images_stop_serving_until_a_model_of_theirs_is_released(repository: Repository) -> None:
    made, world = repository.root / "made", World()
    shutil.rmtree(made / "hyper_images")
    world.write_images(made / "hyper_images", feature_key="key-2")
    failed = repository.repro("served_factors", succeeds=False)
    assert "feature key key-1" in failed
    assert "have key-2" in failed
    shutil.rmtree(made / "training_set")
    world.write_training_set(made / "training_set", feature_key="key-2")
    write_model(made, seed=2)
    repository.repro()
    pointer = repository.pointer()
    assert (pointer["number"], pointer["feature_key"]) == (2, "key-2")
    reason = repository.decisions()[pointer["release"]]["reason"]
    assert "judged as a first candidate" in reason
    assert "feature key key-1, now key-2" in reason


@pytest.mark.soak
def test_another_split_is_judged_as_a_first_candidate_too(repository: Repository) -> None:
    """And against the release on what was cold to both."""
    first = repository.pointer()["release"]
    repository.set_param("fold: 0", "fold: 1")
    write_model(repository.root / "made", seed=2)
    repository.repro()
    decision = repository.decisions()[repository.pointer()["release"]]
    told = {rule["name"]: rule["told"] for rule in decision["rules"]}
    assert f"judged as a first candidate: {first} has another split" in told["chance"]
    assert f"than {first}" in told["release"]


@pytest.mark.soak
@pytest.mark.parametrize("where", [[], ["--temp"]])
def test_an_experiment_judges_and_releases_nothing(repository: Repository, where: list[str]) -> None:
    before, decisions = pointer_bytes(repository), repository.decisions()
    repository.set_param("epsilon: 0.025", "epsilon: 0.5")
    write_model(repository.root / "made", seed=2)
    repository.commit()
    assert "Ran experiment" in repository.run("dvc", "exp", "run", *where)
    assert pointer_bytes(repository) == before
    assert repository.decisions() == decisions


def test_a_release_is_committed_and_tagged_with_its_own_files_alone(replaced: Repository) -> None:
    first = releases.roll_back(replaced.root).release
    (replaced.root / "mine.txt").write_text("staged")
    replaced.run("git", "add", "mine.txt")
    replaced.set_param("fold: 0", "fold: 1")
    assert releases.commit_release(replaced.root) == f"release/{first}"
    assert releases.commit_release(replaced.root) is None
    changed = replaced.run("git", "show", "--name-only", "--format=%s", f"release/{first}^{{commit}}").split(
        "\n"
    )
    assert changed[0] == f"Release 1: {first}"
    assert "releases/current.json" in changed
    assert "dvc.lock" in changed
    assert not {"mine.txt", "params.yaml"} & set(changed)
    assert "A  mine.txt" in replaced.run("git", "status", "--porcelain")
    assert " M params.yaml" in replaced.run("git", "status", "--porcelain")


def test_what_was_never_made_is_named_with_what_makes_it(repository: Repository) -> None:
    """As in a workspace that took songs in and trained nothing yet."""
    (repository.root / "releases" / "current.json").unlink()
    wanted = r"served_factors: releases/current\.json, which .* not there yet: `dvc repro release` makes it$"
    with contextlib.chdir(repository.root), pytest.raises(UserError, match=wanted):
        versioning.reproduce(repository.root, "served_factors", lambda _: None)


@pytest.mark.soak
def test_a_stage_whose_inputs_never_rest_is_given_up(repository: Repository) -> None:
    definition = repository.root / "dvc.yaml"
    content = json.loads(definition.read_text())
    stage = content["stages"]["served_factors"]
    stage["cmd"] += " && date +%N > made/tick"
    stage["deps"].append("made/tick")
    write_json(definition, content)
    (repository.root / "made" / "tick").touch()
    said = list[str]()
    again = r"served_factors: what it reads.*changed.*3 times in a row"
    with contextlib.chdir(repository.root), pytest.raises(UserError, match=again):
        versioning.reproduce(repository.root, "served_factors", said.append)
    assert len(said) == 2
    assert said[0].endswith("it runs again")


def test_a_spoilt_pointer_is_told_key_by_key(repository: Repository) -> None:
    pointer = repository.root / "releases" / "current.json"
    pointer.write_text('{"release": "288e3eecc90f", "number": 0}')
    with pytest.raises(UserError, match=r"current\.json: number=0: Input should be greater than"):
        releases.read_pointer(repository.root)
    pointer.write_text("{")
    with pytest.raises(UserError, match=r"current\.json: not JSON"):
        releases.read_pointer(repository.root)
