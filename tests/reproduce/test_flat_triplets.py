"""The coursework report's flat triplet loss: what it is, and that it is named."""

import json

import pytest

from drawn import draw
from firstsight import api
from firstsight.errors import TrainingError
from firstsight.reproduce.catalogue import REPRODUCTIONS


def test_a_triplet_loss_that_lies_flat_at_its_margin_is_called_a_collapse(tmp_path, monkeypatch):
    """Classes that are drawn alike, at the reproduction's rate: the loss stays at the margin of 2, and that is named."""
    monkeypatch.setattr("firstsight.learn.train.CHECK_EVERY", 10)
    for number in range(48):
        place = tmp_path / "alike" / str(number // 8) / f"{number}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        draw("cross", number).save(place)
    what = REPRODUCTIONS["same-alphabet-flat"]
    small = ("data.validation=", "input.size=32", "sampling.count=6400", "training.steps=400", "training.threads=1")
    with pytest.raises(TrainingError, match="the embedding collapsed: .* fills 0.0 of 10 dimensions"):
        api.train(what.recipe, *what.changes, *small, f"data.train=folder:{tmp_path / 'alike'}", out=tmp_path / "m")
    losses = [json.loads(line)["loss"] for line in (tmp_path / "m" / "metrics.jsonl").read_text().splitlines()]
    assert losses[-1] == pytest.approx(2.0, abs=0.001)
