"""Tags that a vector tells are found, those it does not know are not; what cannot be judged is left out."""

from __future__ import annotations

import numpy as np

from earshot.evaluation.tags import tag_table


def test_what_a_vector_knows() -> None:
    draw = np.random.default_rng(0)
    loud, slow = draw.random(200) < 0.4, draw.random(200) < 0.2
    vectors = np.stack([loud + 0.1 * draw.standard_normal(200), draw.standard_normal(200)], axis=1)
    tags = [
        ";".join(["all", *["loud"] * int(a), *["slow "] * int(b), *["rare"] * (n < 3)])
        for n, (a, b) in enumerate(zip(loud, slow, strict=True))
    ]
    found = tag_table(tags, {"one": vectors, "noise": draw.standard_normal((200, 3))}, n_tags=50, seed=0)
    assert found["tag"].tolist() == ["loud", "slow"]
    assert found["n_songs"].tolist() == [loud.sum(), slow.sum()]
    assert found["one"][0] > 0.99
    assert abs(found["one"][1] - 0.5) < 0.15
    assert (found["noise"] - 0.5).abs().max() < 0.15
    assert tag_table(tags, {"one": vectors}, n_tags=1, seed=0)["tag"].tolist() == ["loud"]
    assert tag_table([""] * 20, {"one": vectors[:20]}, n_tags=5, seed=0).empty
