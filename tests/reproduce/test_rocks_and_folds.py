"""The rocks: both learners fit a tiny set, every class is held out once, folds are measured apart."""

import json
from pathlib import Path

import pytest

from drawn import STRANGERS, TINY, draw_classes
from firstsight import api
from firstsight.datasets import open_data, rocks
from firstsight.errors import DataError, TrainingError
from firstsight.reproduce import measures, run
from firstsight.reproduce.catalogue import REPRODUCTIONS
from firstsight.reproduce.measures import Found, held_out_two_way
from firstsight.reproduce.record import Figure, Fold, Reproduction
from firstsight.types import Metric

NAMES = ("rocks", "rocks-triplets")
SMALL = (
    "encoder.width=8",
    "encoder.dim=16",
    "encoder.dropout=0.0",
    "training.steps=60",
    "training.threads=1",
    "training.precision=float32",
    "training.validate_every=1000",
    "training.checkpoint_every=1000",
    "optimiser.warmup=5",
    "augment.degrees=0.0",
    "augment.mirror=false",
    "sampling.size=12",
)


@pytest.mark.parametrize("name", NAMES)
def test_both_learners_overfit_a_tiny_set(name, tmp_path):
    """After some dozens of steps on four classes of three drawings the loss is a third of what it was, or nothing."""
    few = draw_classes(tmp_path / "few", ("bars", "ring", "square", "cross"), 3)
    what = REPRODUCTIONS[name]
    small = [s for s in SMALL if not s.startswith("sampling.") or what.changes or "size" in s]
    settings = run._last([*what.changes, *small, f"data.train=folder:{few}"])
    api.train(what.recipe, *settings, out=tmp_path / "m")
    losses = [json.loads(line)["loss"] for line in (tmp_path / "m" / "metrics.jsonl").read_text().splitlines()]
    assert losses[-1] < max(losses[0] / 3, 0.02), losses


@pytest.mark.parametrize("name", NAMES)
def test_every_rock_is_held_out_once(name):
    """Three folds; each learns the four rocks that it is not asked about."""
    folds = REPRODUCTIONS[name].folds
    pairs = [tuple(fold.asked.removeprefix("rocks:test-of-").split("-")) for fold in folds]
    assert sorted(rock for pair in pairs for rock in pair) == sorted(rocks.CLASSES)
    assert [fold.changes[0] for fold in folds] == [f"data.train={rocks.without('trainval', pair)}" for pair in pairs]


def test_triplets_are_those_of_the_seed():
    """Two classes drawn uniformly, two images of the one and one of the other, into the triplet loss."""
    changes = REPRODUCTIONS["rocks-triplets"].changes
    assert {"sampling.name=two_classes", "comparison.name=given_triplets", "loss.name=triplet"} <= set(changes)


def test_classes_held_out_are_asked_of_their_own_fold(tiny_model, strangers, shapes):
    """The mean over folds, each pair by name, the worst of them; a fold that learned what it is asked is refused."""
    model = api.Model.load(tiny_model)
    found = held_out_two_way(model, 0, smoke=True, held_out=[(f"folder:{strangers}", model)] * 2)
    assert list(found.details["folds"]) == [", ".join(sorted(STRANGERS))]
    fold = found.details["folds"][", ".join(sorted(STRANGERS))]
    assert found.metrics["accuracy"].value == pytest.approx(fold["accuracy"])
    assert found.metrics["worst pair"].value == pytest.approx(fold["accuracy"])
    assert 0 < found.metrics["pixels"].value <= 1
    with pytest.raises(DataError, match="shares .* with what its fold was trained on"):
        held_out_two_way(model, 0, smoke=False, held_out=[(f"folder:{shapes}", model)])


@pytest.fixture
def folded(tmp_path, monkeypatch):
    """A reproduction of two folds, whose measure says which addresses it was given."""
    monkeypatch.chdir(tmp_path)
    folds = tuple(
        Fold(name, (f"encoder.width={width}", "training.steps=50"), f"asked:{name}")
        for name, width in (("a", 8), ("b", 12))
    )
    figure = Figure("accuracy", "held-out-2way", "accuracy", 0.9, "table 1")
    what = Reproduction("t", "p", "folder", TINY, ("training.steps=4",), (figure,), ("All.",), folds=folds)
    monkeypatch.setitem(REPRODUCTIONS, "folded", what)
    asked = []

    def measure(name, model, seed, *, smoke, held_out):
        asked.extend(address for address, _ in held_out)
        return Found("by heart", 10, {"accuracy": Metric(0.8, 0.7, 0.9)})

    monkeypatch.setattr(run, "measure", measure)
    return asked


def test_folds_are_trained_below_and_their_time_is_counted(folded, tiny_model):
    """The fold's changes go on top, its folder lies within, and the record holds the time of all trainings."""
    seen = []

    def train(recipe, *changes, out, resume, so_far, overwrite, listen):
        seen.append((out, changes, resume))
        return api.Model.load(tiny_model)

    record = run.reproduce("folded", train=train)
    assert [out for out, _, _ in seen] == [run.BUILD / "folded", run.BUILD / "folded" / "a", run.BUILD / "folded" / "b"]
    assert [c for c in seen[2][1] if c.startswith("encoder.width")] == ["encoder.width=12"]
    assert folded == ["asked:a", "asked:b"]
    once = api.Model.load(tiny_model).spec.trained.core_seconds / 60
    assert record.cpu_minutes == pytest.approx(3 * once, abs=0.01)


def test_a_stopped_fold_goes_on_and_what_is_done_is_not_done_again(folded, tiny_model):
    """Only the fold with a checkpoint resumes; a finished training is loaded."""
    seen = []

    def train(recipe, *changes, out, resume, so_far, overwrite, listen):
        seen.append((out.name, resume))
        out.mkdir(parents=True, exist_ok=True)
        if out.name == "b" and not resume:
            (out / "checkpoint.pt").write_bytes(b"")
            raise KeyboardInterrupt
        for file in tiny_model.iterdir():
            (out / file.name).write_bytes(file.read_bytes())
        return api.Model.load(out.resolve())

    with pytest.raises(KeyboardInterrupt):
        run.reproduce("folded", train=train)
    assert json.loads(Path("results/reproduce/folded.json").read_text())["state"] == "training"
    run.reproduce("folded", train=train)
    assert seen == [("folded", False), ("a", False), ("b", False), ("b", True)]


def test_a_smoke_run_trains_one_fold(folded, tiny_model):
    """The smallest size shows that folds work; it trains one of them, and no longer than the rest."""
    seen = []

    def train(recipe, *changes, **_):
        seen.append([c for c in changes if c.startswith(("training.steps", "encoder.width"))])
        return api.Model.load(tiny_model)

    run.reproduce("folded", train=train, smoke=True)
    assert folded == ["asked:a"]
    assert seen == [["encoder.width=8", "training.steps=4"]] * 2


def test_a_fold_that_collapses_is_told(folded, tiny_model):
    """An error in a fold ends the reproduction with its sentence in the record."""

    def train(recipe, *changes, out, resume, so_far, overwrite, listen):
        if out.name == "b":
            raise TrainingError("the embedding collapsed")
        return api.Model.load(tiny_model)

    with pytest.raises(TrainingError):
        run.reproduce("folded", train=train)
    record = json.loads(Path("results/reproduce/folded.json").read_text())
    assert (record["state"], record["stopped"]) == ("stopped", "the embedding collapsed")


@pytest.mark.data
def test_pixels_and_folds_are_measured_on_the_real_rocks(tmp_path, monkeypatch):
    """From end to end in the smallest size, every measure of the rocks and not the first figure's alone."""
    what = REPRODUCTIONS["rocks"]
    changes = run._last([*what.changes, *what.smoke, "training.threads=1"])
    model = api.train("rocks", *changes, out=tmp_path / "m")
    for name in {figure.measure for figure in what.figures}:
        held_out = [(what.folds[2].asked, model)]
        found = measures.measure(name, model, 0, smoke=True, held_out=held_out)
        for figure in what.figures:
            if figure.measure == name:
                assert 0 <= found.metrics[figure.metric].value <= 1
    assert set(open_data(what.folds[2].asked).classes) == {"rhyolite", "schist"}
