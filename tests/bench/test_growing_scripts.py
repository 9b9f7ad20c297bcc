"""The scripts behind docs/growing.md run whole, at a size that takes seconds, and their rivals learn."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from firstsight.datasets import DataSet
from firstsight.learn.encoders.residual import Residual
from firstsight.model import Model
from scripts import script

TINY = ("encoder.width=8", "encoder.dim=16", "training.threads=1", "training.composites=0.0", "export.views=1")


def task(classes: int = 6, shots: int = 2, noise: float = 30.0) -> Any:
    """Classes of noisy patterns that any network can tell apart."""
    rng = np.random.default_rng(0)
    pattern = rng.integers(0, 2, (classes, 1, 1, 4, 4)) * 200.0
    drawn = np.kron(pattern, np.ones((1, 1, 1, 8, 8))) + noise * rng.random((classes, shots + 3, 1, 32, 32))
    arrays = drawn.clip(0, 255).astype(np.uint8)
    return script("enrolling").Task(arrays[:, :shots], arrays[:, shots:])


@pytest.fixture
def enrolling() -> ModuleType:
    """The script, with few probes and small batches."""
    return script("enrolling")


def test_the_rival_from_scratch_learns(enrolling: ModuleType) -> None:
    """A few steps on the references tell easy classes apart, turned classes or none; the cost is told."""
    for turns in (1, 4):
        found = enrolling.from_scratch(task(), 6, enrolling.Scratch(40, turns, 2e-3), 0)
        assert found["accuracy"] > 0.9
        assert found["core seconds"] > 0


def test_the_fine_tuned_rival_keeps_and_adds(enrolling: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Class after class is added, what the head knew is kept, and the encoder it began with is not touched."""
    monkeypatch.setattr(enrolling, "FIRST", 30)
    encoder = Residual(1, 32, width=8, growth=1.4, fine=True, dim=128)
    before = [p.clone() for p in encoder.parameters()]
    found = enrolling.fine_tuned(encoder, task(), (3, 4, 6), enrolling.Tuned(10, 1e-3, 0.25), 0)
    assert [row["accuracy"] > 0.8 for row in found] == [True] * 3
    assert all(row["core seconds"] > 0 for row in found)
    assert all(torch.equal(a, b) for a, b in zip(before, encoder.parameters(), strict=True))
    network = enrolling.Softmax(encoder, 0)
    network.widen(3)
    rows = network.head.weight.clone()
    network.widen(5)
    assert torch.equal(network.head.weight[:3], rows)


def test_references_and_probes_are_different_examples(enrolling: ModuleType) -> None:
    """A class's probes are none of its references, and the same classes come first whatever their number."""
    labels = np.repeat(np.arange(12), 12)
    data = type("Data", (), {"labels": labels, "classes": tuple(range(12))})()
    arrays = np.arange(len(labels))
    few, many = (enrolling.draw(data, arrays, n, 5, 3) for n in (4, 12))
    for row, probes in zip(many.references, many.probes, strict=True):
        assert not set(row.tolist()) & set(probes.tolist())
        assert len(set(labels[np.concatenate([row, probes])].tolist())) == 1
    assert labels[few.references[:, 0]].tolist() == labels[many.references[:4, 0]].tolist()


def test_enrolling_is_timed_and_scored(enrolling: ModuleType, tiny_model: Path, shapes: Path) -> None:
    """One more identity in a gallery costs some core-seconds; the references find themselves."""
    from firstsight.datasets import open_data

    model, data = Model.load(tiny_model), open_data(str(shapes))
    few: DataSet = data
    cost = enrolling.enrolling_cost(model, few, 2, 3, timed=3)
    assert 0 < cost["core seconds"] < 5
    rng = np.random.default_rng(0)
    seen = rng.integers(0, 256, (4, 1, *model.input.shape), np.uint8)
    assert enrolling.enrolled(model, enrolling.Task(seen, seen), (2, 4)) == [1.0, 1.0]


@pytest.mark.data
def test_little_data_runs_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every row of the learning curve and of the tail trains, on fewer alphabets; the tables have a row for each."""
    made = script("little_data")
    small = ("data.train=omniglot:validation", "data.validation=omniglot:lake-validation")
    monkeypatch.setattr(made, "PLACE", tmp_path)
    monkeypatch.setattr(made, "COMMON", (*made.COMMON, *TINY, *small))
    monkeypatch.setattr(made, "ALPHABETS", (2, 4))
    monkeypatch.setattr(made, "DRAWERS", (2,))
    monkeypatch.setattr(made, "REPEATED", ((2, 2),))
    result = made.measure(seeds=(0, 1), steps=1)
    curve = result["curve"]
    assert curve["2 alphabets, 2 drawers"]["classes"] < curve["4 alphabets, 2 drawers"]["classes"]
    assert [len(row["accuracy of seeds"]) for row in curve.values()] == [2, 1]
    assert made.curve_table(result).count("\n") == 3
    assert made.tail_table(result).count("\n") == 1 + len(made.TAIL)


@pytest.mark.data
def test_growing_runs_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The manifests cut the alphabets as said, every way of training further runs, and forgetting is told."""
    from firstsight.datasets import open_data

    made = script("growing")
    monkeypatch.setattr(made, "PLACE", tmp_path)
    monkeypatch.setattr(made, "COMMON", (*made.COMMON, *TINY))
    monkeypatch.setattr(made, "DATA", "omniglot:validation")
    monkeypatch.setattr(made, "UNSEEN", "omniglot:lake-validation")
    monkeypatch.setattr(made, "OLD", 3)
    made.write_images()
    old, new = (open_data(made.address(name, "learned")) for name in ("old", "new"))
    assert (len(old.groups[0]), len(new.groups[0])) == (3, 2)
    assert not set(old.classes) & set(new.classes)
    held = open_data(made.address("old", "held"))
    assert held.classes == old.classes
    assert not set(held.origins[0]) & set(old.origins[0])
    result = made.measure(seeds=(0,), steps=1, further=1)
    assert list(result["rows"]) == ["before", *made.WAYS, "all 25 alphabets at once"]
    for name in made.WAYS:
        (told,) = result["rows"][name]["told"]
        assert told["old"]["learned"] == told["old"]["classes"] == len(old.classes)
        assert told["old"]["after"] == pytest.approx(result["rows"][name]["old"][0], abs=1e-3)
        assert told["new"]["data"] == made.UNSEEN
        assert told["new"]["before"] == pytest.approx(result["rows"]["before"]["unseen"][0], abs=1e-3)
