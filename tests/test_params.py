"""params.yaml: every wrong key is named with its value and what is allowed, before any work."""

from pathlib import Path

import pytest

from earshot.errors import UserError
from earshot.files import parse_yaml
from earshot.params import Params, check_params, load_params

PARAMS = Path(__file__).parents[1] / "params.yaml"


def test_the_projects_own_params_are_read() -> None:
    params = load_params(PARAMS)
    assert (params.wmf_factors.epsilon, params.wmf_factors.iterations) == ("auto", 15)
    assert params.training_set.split.by == "song"


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("wmf_factors.factors", 0, "wmf_factors.factors=0: Input should be greater than or equal to 1"),
        ("wmf_factors.factors", 2.5, "wmf_factors.factors=2.5: Input should be a valid integer"),
        ("wmf_factors.factors", "20", "wmf_factors.factors='20': Input should be a valid integer"),
        ("wmf_factors.alpha", "atuo", "wmf_factors.alpha='atuo': Input should be a valid number, or 'auto'"),
        ("wmf_factors.iterations", "auto", "wmf_factors.iterations='auto': Input should be a valid integer"),
        ("wmf_factors.fators", 20, "wmf_factors.fators=20: unknown key; allowed here: factors, alpha,"),
        ("training_set.split.by", "album", "training_set.split.by='album': Input should be 'song', 'artist'"),
        ("training_set.split.fold", 4, "fold=4 must be below folds=4"),
        ("cnn_checkpoint.encoder.file", "net", "encoder={'file': 'net', 'class': 'Blocks'"),
        ("cnn_checkpoint.encoder.file", "data/deliveries/a/net.py", "nothing below data/ is run"),
        ("cnn_checkpoint.encoder.class_path", "a:B", "and class_path='a:B': wanted one"),
        ("cnn_checkpoint.objective.class", "no name", "objective.class_path='earshot.training.objectives.f"),
        ("sped", 1, "sped=1: unknown key; allowed here: seed, raw_audio,"),
    ],
)
def test_a_wrong_key_is_named(key: str, value: object, message: str) -> None:
    content = parse_yaml(PARAMS.read_text())
    *sections, last = key.split(".")
    section = content
    for name in sections:
        section = section[name]
    section[last] = value
    with pytest.raises(UserError) as error:
        check_params(content, "params.yaml", Params)
    assert message in str(error.value)
    assert str(error.value).startswith("params.yaml: ")


def test_all_wrong_keys_are_named_at_once() -> None:
    content = parse_yaml(PARAMS.read_text())
    del content["seed"]
    content["recommendations"]["k"] = 101
    with pytest.raises(UserError) as error:
        check_params(content, "params.yaml", Params)
    assert "seed: missing" in str(error.value)
    assert "recommendations.k=101" in str(error.value)


def test_a_file_that_is_not_yaml(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("seed: [1\n")
    with pytest.raises(UserError, match="not YAML"):
        load_params(path)
    with pytest.raises(UserError, match="not there"):
        load_params(tmp_path / "other.yaml")
