"""Every recipe of the classics can learn a tiny set by heart: the parts fit, and gradients reach all of them."""

import json
from pathlib import Path

import pytest

from drawn import draw_classes
from firstsight import api

SMALL = (
    "training.threads=1",
    "training.patience=0",
    "training.precision=float32",
    "training.validate_every=1000",
    "training.checkpoint_every=1000",
    "data.validation=",
)
RECIPES = {
    "koch": (
        "input.size=72",
        "encoder.width=16",
        "encoder.dim=128",
        "sampling.count=16",
        "sampling.size=16",
        "optimiser.lr=0.03",
        "optimiser.momentum_start=0.9",
        "training.steps=80",
    ),
    "same-alphabet-twin": (
        "input.size=32",
        "sampling.count=16",
        "sampling.size=16",
        "optimiser.lr=0.01",
        "training.steps=80",
    ),
    "same-alphabet": (
        "input.size=32",
        "encoder.width=8",
        "encoder.dim=16",
        "sampling.size=12",
        "optimiser.warmup=5",
        "training.turns=1",
        "training.steps=60",
    ),
    "facenet": (
        "input.size=32",
        "encoder.width=8",
        "encoder.dim=16",
        "sampling.classes=4",
        "sampling.each=3",
        "optimiser.warmup=5",
        "training.turns=1",
        "training.steps=60",
    ),
    **dict.fromkeys(
        ("simclr", "simsiam"),
        (
            "input.size=32",
            "encoder.width=8",
            "encoder.dim=16",
            "sampling.size=12",
            "optimiser.warmup=5",
            "training.turns=1",
            "training.steps=100",
            "augment.elastic=0.01",
            "augment.degrees=3.0",
            "augment.shear=0.05",
            "augment.stretch=0.05",
            "augment.scale=0.05",
            "augment.thicken=0.0",
        ),
    ),
}
"""Recipe -> settings that make it small."""


@pytest.fixture(scope="module")
def few(tmp_path_factory) -> Path:
    """Four classes of three drawings: two would lie on a line, which is called a collapse."""
    return draw_classes(tmp_path_factory.mktemp("few"), ("bars", "ring", "square", "cross"), 3)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_overfits_a_tiny_set(recipe, few, tmp_path):
    """After some dozens of steps on twelve drawings the loss is a third of what it was, or all but nothing."""
    data = f"data.train=folder:{few}"
    api.train(recipe, *SMALL, *RECIPES[recipe], data, out=tmp_path / "m")
    losses = [json.loads(line)["loss"] for line in (tmp_path / "m" / "metrics.jsonl").read_text().splitlines()]
    assert losses[-1] < max(losses[0] / 3, 0.02), losses
