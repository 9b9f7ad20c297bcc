"""``train``: a recipe becomes a model directory. The loop's body logs, validates, saves and watches for collapse."""

from __future__ import annotations

import json
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from firstsight.datasets import addressed, is_whole
from firstsight.errors import TrainingError, count
from firstsight.evaluation.subject import Subject
from firstsight.files import append_line, sweep
from firstsight.learn import checkpoint
from firstsight.learn.best import IDLE, NO_LOSS
from firstsight.learn.board import Show, board, writer
from firstsight.learn.data import open_classes, without_labels
from firstsight.learn.events import Event, Listener
from firstsight.learn.fit import fit
from firstsight.learn.folds import folds_of
from firstsight.learn.machine import keep_memory
from firstsight.learn.recipe import Recipe
from firstsight.learn.run import Run
from firstsight.learn.schedules import momentum_of, rate_of
from firstsight.learn.settings import ADDRESSES
from firstsight.learn.shards import Map, workers
from firstsight.model import Model

CHECK_EVERY = 50
_FOLD = "fold-"  # begins the names of directories of folds
REPLACED = tuple(f"data.{key}=" for key in ADDRESSES)
"""How changes begin that data by its address replaces."""


def train(
    recipe: Recipe,
    out: Path,
    *,
    resume: bool = False,
    tensorboard: Path | None = None,
    listen: Listener = lambda _: None,
    network: Any = None,
) -> Model:
    """Train as the recipe says, and export to the directory ``out``.

    ``out`` receives ``metrics.jsonl`` and, until the model is written, ``checkpoint.pt``. A stopped run, or one whose
    model could not be written, goes on with ``resume`` and gives the model it would have given, to the last bit.

    Args:
        tensorboard: a folder that receives the numbers of ``metrics.jsonl`` too, below the name of ``out``.
        network: the ``torch.nn.Module`` that encoder ``module`` stands on.

    Raises:
        DataError: the data cannot serve, or validation shares classes with training.
        TrainingError: the loss is not finite, or the embedding collapsed.
        StorageError: the disk refused; the last checkpoint is intact.
    """
    if tensorboard is not None:
        writer()  # refused before an hour of reading
    keep_memory()
    with _threads(recipe.training.threads, recipe.training.parts) as spread:
        run = Run(recipe, out, listen, network)
        sweep(out)
        start = run.restore() if resume else run.begin()
        with board(tensorboard and tensorboard / out.resolve().name, start) as show:
            end = _learn(run, start, show, spread)
        model = run.export(end, _folds(run, spread, network, resume=resume))
        run.end()
        for fold in _places(out):
            shutil.rmtree(fold)
        return model


def _folds(run: Run, spread: Map[Any], network: Any, *, resume: bool) -> list[Subject]:
    """Models trained alike, each with the classes that it held out; none where many are held out as it is."""
    if run.old is not None or without_labels(run.recipe):
        return []
    folds = folds_of(run.data, run.held, run.recipe.training.folds)
    if not resume:
        for place in _places(run.out):
            shutil.rmtree(place)
    if folds and run.held:
        held = count(len(run.held.classes), "held-out class tells", "held-out classes tell")
        again = f"{len(folds)} times more" if len(folds) > 1 else "once more"
        message = f"{held} little: training {again} with others held out, for the verdict alone (training.folds=0: not)"
        run.listen(Event("note", message=message))
    subjects = []
    for number, sets in enumerate(folds, 1):
        place = run.out / f"{_FOLD}{number}"
        place.mkdir(exist_ok=True)
        try:
            fold = Run(run.recipe, place, _renamed(run.listen, f"fold {number} of {len(folds)}"), network, sets)
            start = fold.restore() if (place / checkpoint.NAME).exists() else fold.begin()
            _learn(fold, start, lambda *_: None, spread)
            fold.take_best()
            subjects.append(fold.judged())
        except TrainingError as error:
            run.listen(Event("note", message=f"fold {number} of {len(folds)} came to nothing ({error})"))
    return [subject for subject in subjects if subject is not None]


def _places(out: Path) -> list[Path]:
    """Directories of folds, which stay until the model is written."""
    return sorted(place for place in out.glob(f"{_FOLD}[0-9]*") if place.is_dir())


def _renamed(listen: Listener, name: str) -> Listener:
    """Hear of the steps of a fold, under its name; what else there is to tell was told of the first training."""

    def heard(event: Event) -> None:
        if event.kind == "step":
            listen(replace(event, kind="fold", message=name))

    return heard


def so_far(recipe: Recipe, out: Path, *, listen: Listener = lambda _: None, network: Any = None) -> Model:
    """The model of what a run in ``out`` has learned up to its checkpoint, written beside it; the run may go on.

    It is what the run would give if it ended there: the weights of the best look where early stopping keeps them.

    Raises:
        UsageError: there is no checkpoint, or it is of another recipe or data.
        StorageError: the disk refused; the checkpoint is intact.
    """
    with _threads(recipe.training.threads, recipe.training.parts):
        run = Run(recipe, out, listen, network)
        return run.export(int(run.load()["step"]))


def _learn(run: Run, start: int, show: Show, spread: Map[Any]) -> int:
    """The steps after ``start``, and what goes with them; returns the last."""
    recipe = run.recipe
    settings, began = recipe.training, time.perf_counter()
    steps = fit(
        run.trained,
        run.objective,
        run.batch,
        run.optimiser,
        steps=settings.steps,
        schedule=partial(rate_of, recipe.optimiser, steps=settings.steps),
        momentum=partial(momentum_of, recipe.optimiser) if recipe.optimiser.kind == "sgd" else None,
        start=start,
        clip=recipe.optimiser.clip,
        precision=run.precision,
        parts=settings.parts,
        run=spread,
    )
    step, examples = start, 0
    if _is_over(run, step):  # killed between its last step and its export
        return step
    with _interrupts() as interrupted:
        for done in steps:
            step, examples = done.step, examples + done.examples
            if settings.average:
                run.average.update_parameters(run.learned)
            run.idle = run.idle + 1 if done.loss < NO_LOSS else 0
            last = step == settings.steps or run.idle >= IDLE
            speed = examples / (time.perf_counter() - began)
            values = {"loss": done.loss, "learning_rate": done.learning_rate, "examples_per_second": speed}
            if step % CHECK_EVERY == 0 or last:
                values |= run.watch.look(done.embeddings, step)
                values["peak_mib"] = run.peak_mib()
            if step % settings.validate_every == 0 or last:
                accuracy = run.validate()
                if accuracy is not None:
                    values["validation_accuracy"] = accuracy
                    # whoever stops early, as papers do, takes the very best
                    run.best.look(step, accuracy, run.final, 0.0 if settings.patience else run.error)
            last = _is_over(run, step) or last
            run.listen(Event("step", step, settings.steps, values=values))
            if step % 10 == 0 or len(values) > 3:
                append_line(run.log, json.dumps({"step": step, **values}))
                show(step, values)
            if interrupted() or last or step % settings.checkpoint_every == 0:
                run.checkpoint(step)
            if interrupted():
                raise KeyboardInterrupt
            if last:
                break
    return step


def _is_over(run: Run, step: int) -> bool:
    """Whether more steps would bring nothing: early stopping, or no progress, or nothing left to learn."""
    if run.best.exhausted(run.recipe.training.patience):
        return True
    if run.idle >= IDLE:
        run.listen(
            Event(
                "note",
                message=f"stopped at step {step:,}: the loss has been 0 for {IDLE} steps, so these "
                "images teach no more; more classes or harder ones would",
            )
        )
        return True
    if run.best.stalled(step, run.recipe.training.steps):
        run.listen(
            Event(
                "note",
                message=f"stopped at step {step:,}: no look at the held-out classes was as good as "
                f"that at step {run.best.step:,}",
            )
        )
        return True
    return False


def with_data(recipe: Recipe, address: str | Path) -> Recipe:
    """The recipe on other data: a user's folder or manifest is split into classes to learn and classes held out.

    Data that is a split already, or a data set by name, is learned from as it is. How much of it, and what is learned
    again beside it, stays as the recipe says.
    """
    address = addressed(address)
    name = open_classes(recipe, address).name
    changed = dict.fromkeys(ADDRESSES, "") | {"train": address}
    if is_whole(address):
        held = f"{name}:validation"
        changed = {"train": f"{name}:train", "validation": held, "calibration": held}
    return replace(recipe, sections={**recipe.sections, "data": recipe.settings("data") | changed})


@contextmanager
def _interrupts() -> Iterator[Callable[[], bool]]:
    """Hold Ctrl-C until a step is whole, so that what is saved is consistent; a second Ctrl-C stops at once."""
    asked: list[int] = []

    def handle(number: int, frame: object) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = signal.signal(signal.SIGINT, handle)
    try:
        yield lambda: bool(asked)
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _threads(count: int, parts: int) -> Iterator[Map[Any]]:
    """How parts of a batch are spread: a thread each, or, for a whole batch, all threads inside every operation."""
    before = torch.get_num_threads()
    torch.set_num_threads((count or before) if parts == 1 else 1)
    try:
        with workers(1 if parts == 1 else min(count or before, parts)) as run:
            yield run
    finally:
        torch.set_num_threads(before)


__all__ = ["Event", "Listener", "train", "with_data"]
