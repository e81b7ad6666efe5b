"""The paper's own settings can be copied over the params file: only what makes them larger differs."""

from dataclasses import asdict
from pathlib import Path

import pytest

from earshot.params import read_params
from oord_2013.params import Oord2013

FOLDER = Path(__file__).parents[2] / "reproductions" / "oord_2013"
SMALL = {
    ("folds", "folds"): 5,
    ("folds", "most_played_songs"): 9330,
    ("folds", "most_active_users"): 20_000,
    ("wmf_factors", "factors"): 50,
    ("words",): 4000,
}
FULL = {
    ("folds", "folds"): 5,
    ("wmf_factors", "factors"): 400,
    ("words",): 4000,
    ("mlr",): False,
}


@pytest.mark.parametrize(("name", "differs"), [("small.yaml", SMALL), ("full.yaml", FULL)])
def test_a_setting_differs_in_size_alone(name: str, differs: dict[tuple[str, ...], object]) -> None:
    settings = asdict(read_params(FOLDER / "params.yaml", Oord2013))
    for key, value in differs.items():
        section = settings
        for part in key[:-1]:
            section = section[part]
        section[key[-1]] = value
    assert asdict(read_params(FOLDER / name, Oord2013)) == settings
