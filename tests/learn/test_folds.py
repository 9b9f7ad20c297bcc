"""Folds: every class is held out once, the model is that of the first training, and the verdict is of all of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drawn import SHAPES, TINY, draw
from firstsight import api
from firstsight.datasets.dataset import DataSet
from firstsight.datasets.splits import split
from firstsight.errors import TrainingError
from firstsight.learn import train
from firstsight.learn.events import Event
from firstsight.learn.folds import FEW, folds_of
from firstsight.learn.run import Run
from firstsight.types import Example

FOLDED = (*TINY, "training.folds=2", "training.steps=30", "training.validate_every=30")


def world(classes: int, name: str = "folder:w", group: str = "") -> tuple[DataSet, DataSet]:
    """The two sides of a split of some classes of three examples."""
    rows = [
        Example(f"c{c:02d}", lambda c=c, n=n: f"{c} {n}".encode(), f"{c}/{n}", group=group and f"{group}{c // 3}")
        for c in range(classes)
        for n in range(3)
    ]
    whole = DataSet(name, tuple(rows))
    return split(whole, "train"), split(whole, "validation")


@pytest.fixture(scope="module")
def seven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven classes of six drawings."""
    place = tmp_path_factory.mktemp("seven") / "signs"
    for kind in (*SHAPES, "arrow"):
        (place / kind).mkdir(parents=True)
        for number in range(6):
            draw(kind, number).save(place / kind / f"{number}.png")
    return place


@pytest.mark.parametrize("classes", [5, 7, 12, 40])
def test_each_class_is_held_out(classes: int) -> None:
    """Once at least, never beside what is learned, and no training learns from fewer than two."""
    data, held = world(classes)
    folds = folds_of(data, held, 2)
    out = [*held.classes]
    for learned, kept in folds:
        assert set(learned.classes) | set(kept.classes) == {*data.classes, *held.classes}
        assert not set(learned.classes) & set(kept.classes)
        assert min(len(learned.classes), len(kept.classes)) >= 2
        assert (learned.name, kept.name) == (data.name, held.name)
        out += kept.classes
    assert set(out) == {*data.classes, *held.classes}
    assert len(out) - len(set(out)) <= 1


def test_groups_stay_together() -> None:
    """Where a split goes by groups, so do folds."""
    data, held = world(21, group="g")
    for learned, kept in folds_of(data, held, 2):
        assert not {e.group for e in learned.examples} & {e.group for e in kept.examples}


def test_there_are_none_where_enough_is_held_out_or_somebody_chose() -> None:
    """Twenty held-out classes tell enough; data of another name was held out by its owner; 0 is never."""
    data, held = world(4 * FEW)
    assert len(held.classes) >= FEW
    assert folds_of(data, held, 2) == []
    data, held = world(7)
    assert folds_of(data, held, 0) == []
    assert folds_of(data, None, 2) == []
    assert folds_of(data, world(9, "folder:other")[1], 2) == []
    assert folds_of(*world(9, "omniglot"), 2) == []


def test_the_verdict_is_of_all_classes_and_the_model_of_the_first_training(
    seven: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seven classes are seven, not two, and calibrating does not forget it, for data named by a relative path too; the
    weights are those of a run without folds, of which nothing stays."""
    heard: list[Event] = []
    monkeypatch.chdir(seven.parent)
    model = api.train("folder", *FOLDED, data="folder:./signs", out=tmp_path / "m", listen=heard.append)
    alone = api.train("folder", *FOLDED, "training.folds=0", data=seven, out=tmp_path / "alone")
    assert model.verdict is not None
    assert alone.verdict is not None
    assert (model.verdict.classes, model.verdict.trainings) == (7, 3)
    assert (alone.verdict.classes, alone.verdict.trainings) == (2, 1)
    assert "7 new classes, held out in turn by 3 trainings" in model.verdict.sentence
    assert model.spec.files["encoder.onnx"] == alone.spec.files["encoder.onnx"]
    assert model.spec.trained.classes == alone.spec.trained.classes
    assert not list((tmp_path / "m").glob("fold-*"))
    assert {event.message for event in heard if event.kind == "step"} == {""}
    assert {event.message for event in heard if event.kind == "fold"} == {"fold 1 of 2", "fold 2 of 2"}
    assert any("training 2 times more with others held out" in event.message for event in heard)
    made = api.calibrate(model, fmr=0.1)
    assert made.verdict is not None
    assert made.verdict.sentence == model.verdict.sentence


def test_a_fold_that_was_stopped_goes_on(seven: Path, tmp_path: Path) -> None:
    """Stopped within the second fold and resumed: the same verdict as of a run that was not."""

    def stop(event: Event) -> None:
        if event.message == "fold 2 of 2" and event.step == 20:
            raise KeyboardInterrupt

    whole = api.train("folder", *FOLDED, data=seven, out=tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        api.train("folder", *FOLDED, data=seven, out=tmp_path / "m", listen=stop)
    assert (tmp_path / "m" / "fold-1" / "checkpoint.pt").exists()
    model = api.train("folder", *FOLDED, data=seven, out=tmp_path / "m", resume=True)
    assert model.verdict == whole.verdict
    assert not list((tmp_path / "m").glob("fold-*"))


def test_a_fold_that_comes_to_nothing_is_told(seven: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The verdict stands on the others."""
    learn = train._learn

    def failing(run: Run, *more: Any) -> int:
        if run.out.name == "fold-1":
            raise TrainingError("it collapsed")
        return learn(run, *more)

    monkeypatch.setattr(train, "_learn", failing)
    heard: list[Event] = []
    model = api.train("folder", *FOLDED, data=seven, out=tmp_path / "m", listen=heard.append)
    assert model.verdict is not None
    assert model.verdict.trainings == 2
    assert model.verdict.classes < 7
    assert any("fold 1 of 2 came to nothing (it collapsed)" in event.message for event in heard)


def test_a_rate_of_several_is_their_mean() -> None:
    """By how many classes each has, where it has one."""
    from firstsight.evaluation.door import _mean

    values = [np.array([0.2, np.nan, np.nan]), np.array([0.8, 0.5, np.nan])]
    found = _mean(values, np.array([1.0, 3.0]))
    assert found[:2] == pytest.approx([0.65, 0.5])
    assert np.isnan(found[2])
