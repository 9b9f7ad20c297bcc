"""The coursework report's flat triplet loss: what it is, and that it is named."""

import json

import pytest

from drawn import SHAPES, draw_classes
from firstsight import api
from firstsight.errors import TrainingError
from firstsight.learn.encoders.tanh_twin import TanhTwin
from firstsight.reproduce.catalogue import REPRODUCTIONS


def test_a_triplet_loss_that_lies_flat_at_its_margin_is_called_a_collapse(tmp_path, monkeypatch):
    """Embeddings that coincide cost exactly the margin, step after step, and training stops with the reason."""
    learned = TanhTwin.forward
    monkeypatch.setattr(TanhTwin, "forward", lambda self, images: 0 * learned(self, images) + 0.3)
    monkeypatch.setattr("firstsight.learn.train.CHECK_EVERY", 10)
    data = draw_classes(tmp_path / "shapes", SHAPES)
    what = REPRODUCTIONS["same-alphabet-flat"]
    small = ("data.validation=", "input.size=32", "sampling.count=64", "training.steps=40", "training.threads=1")
    with pytest.raises(TrainingError, match=r"the embedding collapsed: at step 30 it fills 0\.0 of 10 dimensions"):
        api.train(what.recipe, *what.changes, *small, f"data.train=folder:{data}", out=tmp_path / "m")
    losses = [json.loads(line)["loss"] for line in (tmp_path / "m" / "metrics.jsonl").read_text().splitlines()]
    assert losses == pytest.approx([2.0] * len(losses), abs=1e-3)
