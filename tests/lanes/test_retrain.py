"""When a training is due: each criterion alone, at its limit and below; what stands in the workspace."""

from dataclasses import replace
from pathlib import Path

import pytest

from earshot.lanes import retrain as retraining
from earshot.lanes.retrain import News, weigh
from earshot.params import Retraining, load_params

QUIET = News(songs=1000, new_songs=1, plays=20000, new_plays=1, days=0.4, drifted=False)
NEVER = Retraining(
    new_songs=None, new_songs_share=None, new_plays_share=None, days=None, drift=None, retry_hours=1.0
)


@pytest.mark.parametrize(
    ("limit", "below", "at"),
    [
        ({"new_songs": 100}, {"new_songs": 99}, {"new_songs": 100}),
        ({"new_songs_share": 0.1}, {"new_songs": 99}, {"new_songs": 100}),
        ({"new_plays_share": 0.1}, {"new_plays": 1999}, {"new_plays": 2000}),
        ({"days": 7.0}, {"days": 6.99}, {"days": 7.0}),
        ({"drift": True}, {"drifted": None}, {"drifted": True}),
    ],
)
def test_each_criterion_alone(limit: dict[str, float], below: dict[str, float], at: dict[str, float]) -> None:
    settings = replace(NEVER, **limit)
    assert not weigh(replace(QUIET, **below), settings).due
    reached = weigh(replace(QUIET, **at), settings)
    assert reached.due
    assert sum("reached" in reason for reason in reached.reasons) == 1
    assert not weigh(replace(QUIET, **at), NEVER).due


def test_time_and_drift_alone_teach_nothing() -> None:
    settings = replace(NEVER, days=7.0, drift=True)
    late = replace(QUIET, days=30.0, drifted=True)
    assert weigh(late, settings).due
    idle = weigh(replace(late, new_songs=0, new_plays=0), settings)
    assert not idle.due
    assert "nothing new to learn from" in str(idle)


def test_the_answer_in_plain_words() -> None:
    settings = replace(NEVER, new_songs=100, new_songs_share=0.1, days=7.0)
    assert str(weigh(replace(QUIET, new_songs=12), settings)) == (
        "12 new songs (limit 100); 1.2% of the 1,000 trained on (limit 10%); 0.0% new plays (no limit); "
        "0.4 days since the last training (limit 7); no more drift than by chance (no limit) -> not due"
    )


def test_an_empty_workspace_is_not_due(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(Path("params.yaml").read_text())
    assert load_params(tmp_path / "params.yaml").retraining.retry_hours > 0
    assert not retraining.due(tmp_path).due
