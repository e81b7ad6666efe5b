"""What runs by default is the small setting; the full one is read, and its networks can be built."""

from dataclasses import asdict
from pathlib import Path

import pytest

from auto_tagging.params import AutoTagging
from earshot.features.hyper_image import format_of
from earshot.params import load_params, read_params
from earshot.predictors.song_encoder import build, describe
from multi_level_2017.params import MultiLevel

ROOT = Path(__file__).parents[2]
PAPERS = {"auto_tagging": AutoTagging, "multi_level_2017": MultiLevel}


@pytest.mark.parametrize("paper", PAPERS)
def test_small_is_the_default_and_full_can_be_built(paper: str) -> None:
    folder, kind = ROOT / "reproductions" / paper, PAPERS[paper]
    small = asdict(read_params(folder / "small.yaml", kind))
    assert asdict(read_params(folder / "params.yaml", kind)) == small
    full = read_params(folder / "full.yaml", kind)
    assert len(full.folds.held_out) * len(full.folds.seeds) > len(small["folds"]["held_out"])
    stored = format_of(load_params(ROOT / "params.yaml").hyper_images)
    for network in full.networks.values():
        if network.encoder.init_args.get("families") != ["samples"]:
            build(describe(network.encoder, stored, network.training.window_seconds, 7))
