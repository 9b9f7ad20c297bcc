"""Early stopping: training ends when looks bring nothing better, keeps the best weights, and resumes as it was."""

from pathlib import Path
from typing import Any

import pytest
import torch

import firstsight.learn.train as training
from drawn import TINY
from firstsight import api
from firstsight.datasets.readings import read_all
from firstsight.errors import ModelError, UsageError
from firstsight.evaluation.oneshot import query_credits
from firstsight.learn.best import Best
from firstsight.learn.data import tasks_of
from firstsight.learn.export.readable import LabEmbedder
from firstsight.learn.recipe import load
from firstsight.learn.run import Run
from firstsight.learn.train import with_data

STOPPING = ("training.steps=40", "training.validate_every=4", "training.checkpoint_every=4", "training.patience=2")
LOOKS = [0.3, 0.6, 0.5, 0.6, 0.9, 0.9]
"""Accuracies of the looks; the third and fourth are no better than the second."""


def looking(monkeypatch, values):
    """Replace validation by given accuracies, look by look."""
    left = list(values)

    def validate(self):
        self.validation = {"accuracy": left.pop(0)}
        return self.validation["accuracy"]

    monkeypatch.setattr(Run, "validate", validate)


def test_a_better_look_starts_the_count_again():
    """Patience counts looks since a better one; of equal ones the latest is kept; 0 waits for ever."""
    best, layer = Best(), torch.nn.Linear(2, 2)
    counted = []
    for step, accuracy in enumerate(LOOKS, 1):
        best.look(step, accuracy, layer)
        counted.append(best.looks)
    assert counted == [0, 0, 1, 2, 0, 1]
    assert (best.step, best.accuracy) == (6, 0.9)
    assert best.exhausted(1)
    assert not best.exhausted(2)
    assert not best.exhausted(0)


def test_of_looks_within_the_error_the_latest_is_kept():
    """A look a little lower than the highest is as good; one more below is not, however little below the last kept."""
    best, layer = Best(), torch.nn.Linear(2, 2)
    kept = []
    for step, accuracy in enumerate((0.8, 0.9, 0.89, 0.88, 0.895, 0.5), 1):
        best.look(step, accuracy, layer, 0.015)
        kept.append(best.step)
    assert kept == [1, 2, 3, 3, 5, 5]
    assert (best.accuracy, best.highest, best.looks) == (0.895, 0.9, 4)
    assert Best(**best.state()) == best


def test_without_patience_the_best_look_is_exported_too(shapes: Path, tmp_path: Path, monkeypatch):
    """The run goes on to its end, and its model is that of the look before."""
    looking(monkeypatch, [0.3, 0.6, 0.5])
    notes: list[Any] = []
    steps = ("training.steps=12", "training.validate_every=4")
    model = api.train("folder", *TINY, *steps, data=str(shapes), out=tmp_path / "m", listen=notes.append)
    assert model.spec.trained.steps == 12
    assert list(model.spec.trained.validation.values()) == [0.6]
    assert any("step 8, the best look" in event.message for event in notes)


def test_a_run_without_progress_ends(shapes: Path, tmp_path: Path, monkeypatch):
    """Half of the steps without a look as good as the best: it stops at step 16 of 24, and says why."""
    looking(monkeypatch, [0.6, 0.5, 0.4, 0.3, 0.2, 0.1])
    notes: list[Any] = []
    steps = ("training.steps=24", "training.validate_every=4")
    model = api.train("folder", *TINY, *steps, data=str(shapes), out=tmp_path / "m", listen=notes.append)
    assert model.spec.trained.steps == 16
    assert any("no look at the held-out classes was as good as that at step 4" in event.message for event in notes)


def test_a_run_without_a_loss_ends(shapes: Path, tmp_path: Path, monkeypatch):
    """Nothing is left to learn after 50 steps without a loss; the classes are looked at once more before the end."""
    monkeypatch.setattr("firstsight.learn.train.NO_LOSS", 1e9)
    notes: list[Any] = []
    steps = ("training.steps=80", "training.validate_every=1000")
    model = api.train("folder", *TINY, *steps, data=str(shapes), out=tmp_path / "m", listen=notes.append)
    assert model.spec.trained.steps == 50
    assert model.spec.trained.validation
    assert any("the loss has been 0 for 50 steps" in event.message for event in notes)


def test_the_best_weights_come_back():
    """What was learned after the best look is dropped, and a record that went through a checkpoint does the same."""
    best, layer = Best(), torch.nn.Linear(2, 2)
    best.look(1, 0.9, layer)
    kept = layer.weight.detach().clone()
    with torch.no_grad():
        layer.weight.add_(1.0)
    best.look(2, 0.5, layer)
    Best(**best.state()).restore(layer)
    assert torch.equal(layer.weight, kept)


def test_training_stops_and_keeps_the_best(shapes: Path, tmp_path: Path, monkeypatch):
    """Two looks without a better one end the run at step 16 of 40, and the model says the best accuracy."""
    looking(monkeypatch, [0.3, 0.6, 0.5, 0.55])
    notes = []
    model = api.train(
        "folder", *TINY, *STOPPING, data=str(shapes), out=tmp_path / "m", listen=lambda e: notes.append(e)
    )
    assert max(event.step for event in notes if event.kind == "step") == 16
    assert list(model.spec.trained.validation.values()) == [0.6]
    assert model.spec.trained.steps == 16
    assert any("step 8, the best look" in event.message for event in notes)


def test_a_stopped_run_resumes_to_the_same_end(shapes: Path, tmp_path: Path, monkeypatch):
    """Killed between two looks and resumed, the run ends at the same step with the same model."""
    looking(monkeypatch, LOOKS)
    whole = api.train("folder", *TINY, *STOPPING, data=str(shapes), out=tmp_path / "whole")
    looking(monkeypatch, LOOKS)

    class KilledError(Exception):
        pass

    def kill(event):
        if event.kind == "step" and event.step == 14:
            raise KilledError

    with pytest.raises(KilledError):
        api.train("folder", *TINY, *STOPPING, data=str(shapes), out=tmp_path / "cut", listen=kill)
    looking(monkeypatch, LOOKS[3:])
    resumed = api.train("folder", *TINY, *STOPPING, data=str(shapes), out=tmp_path / "cut", resume=True)
    assert resumed.fingerprint == whole.fingerprint


def test_a_run_killed_before_its_export_only_exports(shapes: Path, tmp_path: Path, monkeypatch):
    """After the last look nothing is trained again: the run goes straight to its model."""
    looking(monkeypatch, LOOKS)
    monkeypatch.setattr(training.Run, "export", lambda self, steps, folds: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        api.train("folder", *TINY, *STOPPING, data=str(shapes), out=tmp_path / "m")
    monkeypatch.undo()
    looking(monkeypatch, [])
    api.train("folder", *TINY, *STOPPING, data=str(shapes), out=tmp_path / "m", resume=True)


def test_what_is_learned_so_far_can_be_had_and_the_run_goes_on(shapes: Path, tmp_path: Path, monkeypatch):
    """A stopped run gives the model of its best look, twice the same, and then ends as if none had been asked for."""
    looking(monkeypatch, LOOKS)
    whole = api.train("folder", *TINY, *STOPPING, data=str(shapes), out=tmp_path / "whole")
    looking(monkeypatch, LOOKS)

    def stop(event):
        if event.kind == "step" and event.step == 14:
            raise KeyboardInterrupt

    there = {"data": str(shapes), "out": tmp_path / "cut"}
    with pytest.raises(KeyboardInterrupt):
        api.train("folder", *TINY, *STOPPING, **there, listen=stop)
    log = (tmp_path / "cut" / "metrics.jsonl").read_bytes()
    early = api.train("folder", *TINY, *STOPPING, **there, so_far=True)
    assert early.spec.trained.steps == 12
    assert list(early.spec.trained.validation.values()) == [0.6]
    assert api.train("folder", *TINY, *STOPPING, **there, so_far=True).fingerprint == early.fingerprint
    assert (tmp_path / "cut" / "metrics.jsonl").read_bytes() == log
    looking(monkeypatch, LOOKS[3:])
    resumed = api.train("folder", *TINY, *STOPPING, **there, resume=True)
    assert resumed.fingerprint == whole.fingerprint
    with pytest.raises(ModelError, match="holds a model already"):
        api.train("folder", *TINY, *STOPPING, **there, so_far=True)


def test_nothing_learned_so_far_is_refused(shapes: Path, tmp_path: Path):
    """Where no run was stopped, there is nothing to make a model of, and nothing is left behind."""
    with pytest.raises(UsageError, match=r"checkpoint\.pt does not exist"):
        api.train("folder", *TINY, *STOPPING, data=str(shapes), out=tmp_path / "none", so_far=True)
    assert not (tmp_path / "none").exists()


def test_patience_without_validation_classes_is_refused(shapes: Path, tmp_path: Path):
    """There is nothing to wait for without validation classes, which is said before the first step."""
    with pytest.raises(UsageError, match=r"training\.patience waits for a better look"):
        api.train("folder", *TINY, *STOPPING, data=f"{shapes}:train", out=tmp_path / "m")


def test_a_look_embeds_what_its_tasks_ask_for(shapes, tmp_path):
    """The accuracy is that of all held-out images embedded, and those that no task asks about are not."""
    recipe = with_data(load("folder", [*TINY, "training.validation_tasks=2"]), str(shapes))
    run = Run(recipe, tmp_path, lambda _: None)
    tasks = tasks_of(run.held, 2)
    lab = LabEmbedder(run.encoder, run.similarity, recipe.export.views)
    whole = lab.embed_arrays(read_all(run.held, run.reader))
    assert (run.looked_at == tasks.needed()[0]).all()
    assert len(run.looked_at) < len(run.held)
    assert run.validate() == query_credits(lab, whole, tasks).mean()
