"""``reproduce``: train as the catalogue says, measure, and write down what came of it as it comes."""

from __future__ import annotations

import json
import os
import platform
import re
import shlex
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import firstsight
from firstsight.errors import TrainingError, UsageError
from firstsight.files import FILE, state_of, write_atomically
from firstsight.model import Model
from firstsight.reproduce.catalogue import find
from firstsight.reproduce.measures import Found, draw_sphere, measure
from firstsight.reproduce.record import Measured, Record, Reproduction, Stage

if TYPE_CHECKING:
    from firstsight.learn.events import Event

RESULTS = Path("results/reproduce")
BUILD = Path("build/reproduce")
_OFTEN = 60.0  # seconds between partial results
_POINTS = 60  # of a curve
_NUMBERS = re.compile(r"\[[-+\d.eE,\s]*\]")  # a list that is no easier to read with a line for each


class Train(Protocol):
    """Training, as :func:`firstsight.api.train` is."""

    def __call__(
        self,
        recipe: str,
        *changes: str,
        out: Path,
        resume: bool,
        so_far: bool,
        overwrite: bool,
        listen: Callable[[Event], None],
    ) -> Model:
        """Learn, or go on learning, or only write what is learned, in ``out``."""


def reproduce(
    name: str,
    changes: Sequence[str] = (),
    *,
    train: Train,
    smoke: bool = False,
    seed: int = 0,
    out: Path | None = None,
    so_far: bool = False,
    listen: Callable[[Event], None] = lambda _: None,
) -> Record:
    """Train, measure and write ``NAME.json``; a run that was stopped goes on where it stopped.

    The file is written while training, too, once a minute and at every look, with the state ``training``.

    Where the catalogue names folds, each is trained too, in a folder below.

    Args:
        name: of the catalogue.
        changes: to its recipe, on top of the catalogue's; they stand in the command that the file holds.
        train: learns.
        smoke: everything in its smallest size; the file then lies beside the model, never among the results.
        seed: of the training and of the measures.
        out: folder of the training; default ``build/reproduce/NAME``.
        so_far: learn no further: measure what a stopped run has learned, and leave the state at ``training``.
        listen: called with what happens.

    Raises:
        UsageError: no such reproduction, ``out`` holds the run of another command, or ``so_far`` came where there is
            nothing to measure, or several trainings.
        TrainingError: training went wrong where that is not what is reproduced.
    """
    what = find(name)
    if so_far and (what.folds or what.before):
        raise UsageError(f"{name} is of several trainings, --so-far came; run it to its end")
    suffix = "" if seed == 0 else f"-seed-{seed}"
    place = out or BUILD / f"{name}{'-smoke' if smoke else ''}{suffix}"
    file = (place if smoke else RESULTS) / f"{name}{suffix}.json"
    options = [*(["--smoke"] if smoke else []), *(["--seed", str(seed)] if seed else [])]
    command = shlex.join(["firstsight", "reproduce", name, *changes, *options])
    resume = _resumed(place, command)
    book = _Book(file, _begun(name, what, command, seed, smoke=smoke), listen)
    if resume:
        book.goes_on(_curve(place))
    further = [*(what.smoke if smoke else ()), f"training.seed={seed}", *changes]
    try:
        further = [*_started(what.before, seed, place, train, smoke=smoke, book=book), *further]
        settings = _last([*what.changes, *further])
        model = _trained(what.recipe, settings, place, train, resume=resume, so_far=so_far, listen=book.hear)
        partial = so_far and state_of(place / "checkpoint.pt") == FILE
        book.learned(model, curve=_curve(place))
        held_out = _held_out(what, further, place, train, smoke=smoke, book=book)
    except TrainingError as error:
        book.keep(state="stopped", stopped=str(error), curve=_curve(place))
        if not what.collapses:
            raise
        return book.record
    book.keep(state="measuring")
    found: dict[str, Found] = {}
    for figure in what.figures[:1] if smoke else what.figures:
        if figure.measure not in found:
            found[figure.measure] = measure(figure.measure, model, seed, smoke=smoke, held_out=held_out)
            _draw(found[figure.measure], file)
        book.keep(
            figures=tuple(
                Measured(
                    f.name,
                    found[f.measure].protocol,
                    found[f.measure].trials,
                    f.paper,
                    f.source,
                    found[f.measure].metrics[f.metric],
                )
                for f in what.figures
                if f.measure in found
            ),
            details={
                k: {n: v for n, v in one.details.items() if n != "points"} for k, one in found.items() if one.details
            },
            pictures=tuple(f"{file.stem}-{picture}.png" for one in found.values() for picture in one.pictures),
        )
    book.keep(state="training" if partial else "done")
    return book.record


class _Book:
    """The record as it grows, on disk at every change that matters."""

    def __init__(self, file: Path, record: Record, listen: Callable[[Event], None]) -> None:
        self.file, self.record, self.listen = file, record, listen
        self.began, self.last = (time.monotonic(), time.process_time()), 0.0
        self.spent = (0.0, 0.0)

    def goes_on(self, curve: tuple[dict[str, float], ...]) -> None:
        """Take what a stopped run had spent, as the file has it, and what it had learned."""
        if state_of(self.file) == FILE:
            before = json.loads(self.file.read_text(encoding="utf-8"))
            core, wall = (60 * before.get(key, 0.0) for key in ("cpu_minutes", "wall_minutes"))
            self.began = (self.began[0] - wall, self.began[1] - core)
        self.record = replace(self.record, curve=curve)

    def keep(self, **changes: Any) -> None:
        """Change the record and write it."""
        self.record = replace(self.record, **changes)
        text = json.dumps(asdict(self.record), indent=1)
        write_atomically(self.file, (_NUMBERS.sub(lambda many: " ".join(many[0].split()), text) + "\n").encode())
        self.last = time.monotonic()

    def learned(self, model: Model, **changes: Any) -> None:
        """Note a training that is done, with the time it took."""
        trained = model.spec.trained
        self.keep(step=trained.steps, steps=int(trained.settings["training"]["steps"]))
        self.spent = (self.spent[0] + trained.core_seconds, self.spent[1] + trained.seconds)
        core, wall = (round(seconds / 60, 2) for seconds in self.spent)
        self.keep(cpu_minutes=core, wall_minutes=wall, **changes)

    def hear(self, event: Event) -> None:
        """Pass an event on, and write the record once a minute and at every look."""
        self.listen(event)
        if event.kind != "step":
            return
        looked = "validation_accuracy" in (event.values or {})
        if looked or time.monotonic() - self.last > _OFTEN:
            curve = [point for point in self.record.curve if point["step"] < event.step]  # some are done again
            if looked:
                curve.append({"step": event.step, **{k: v for k, v in (event.values or {}).items() if k in _SHOWN}})
            self.keep(
                step=event.step,
                steps=event.steps,
                curve=tuple(curve),
                cpu_minutes=round((time.process_time() - self.began[1]) / 60, 2),
                wall_minutes=round((time.monotonic() - self.began[0]) / 60, 2),
            )


_SHOWN = ("loss", "validation_accuracy", "effective_dimensions", "alignment", "uniformity")


def _resumed(place: Path, command: str) -> bool:
    """Whether ``place`` holds the same run, stopped or done; notes the command of a new one."""
    note = place / "reproduce.json"
    if state_of(note) == FILE:
        before = json.loads(note.read_text(encoding="utf-8"))["command"]
        if before != command:
            raise UsageError(
                f"{place} holds the run of {before!r}, {command!r} came; choose another --out, or remove it"
            )
    else:
        write_atomically(note, (json.dumps({"command": command}) + "\n").encode())
    return state_of(place / "checkpoint.pt") == FILE


def _trained(
    recipe: str,
    settings: list[str],
    place: Path,
    train: Train,
    *,
    resume: bool,
    so_far: bool = False,
    listen: Callable[[Event], None],
) -> Model:
    """The model in ``place``, learned now where it is not there yet."""
    if state_of(place / "model.json") == FILE and not resume:
        return Model.load(place.resolve())
    return train(recipe, *settings, out=place, resume=resume, so_far=so_far, overwrite=True, listen=listen)


def _started(
    before: Stage | None, seed: int, place: Path, train: Train, *, smoke: bool, book: _Book
) -> tuple[str, ...]:
    """The setting that starts from the model of an earlier stage, learned where it is not yet; none without one."""
    if before is None:
        return ()
    book.keep()
    there = place / "before"
    resume = state_of(there / "checkpoint.pt") == FILE
    changes = _last([*before.changes, *(before.smoke if smoke else ()), f"training.seed={seed}"])
    book.learned(_trained(before.recipe, changes, there, train, resume=resume, listen=book.hear))
    book.keep(earlier=_curve(there), curve=_curve(place))
    return (f"training.start={there.resolve()}",)


def _held_out(
    what: Reproduction, further: Sequence[str], place: Path, train: Train, *, smoke: bool, book: _Book
) -> tuple[tuple[str, Model], ...]:
    """The models of all folds, each with the address of the classes it never saw; learned where they are not yet."""
    found = []
    for fold in what.folds[:1] if smoke else what.folds:
        there = place / fold.name
        resume = state_of(there / "checkpoint.pt") == FILE
        changes = _last([*what.changes, *fold.changes, *further])
        learned = _trained(what.recipe, changes, there, train, resume=resume, listen=book.listen)
        book.learned(learned)
        found.append((fold.asked, learned))
    return tuple(found)


def _last(settings: Sequence[str]) -> list[str]:
    """Settings without those that a later one replaces."""
    return list({setting.partition("=")[0]: setting for setting in settings}.values())


def _begun(name: str, what: Reproduction, command: str, seed: int, *, smoke: bool) -> Record:
    return Record(
        name=name,
        title=what.title,
        paper=what.paper,
        command=command,
        seed=seed,
        commit=_commit(),
        date=datetime.now(UTC).date().isoformat(),
        machine=f"{os.cpu_count()} cores, {platform.machine()}, CPython {platform.python_version()}",
        smoke=smoke,
        state="training",
        differs=what.differs,
    )


def _commit() -> str:
    """Of the checkout that runs, or the version where it is none."""
    folder = Path(__file__).parent

    def git(*words: str) -> str:
        try:
            done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=False)
        except OSError:
            return ""
        return done.stdout.strip() if done.returncode == 0 else ""

    head = git("rev-parse", "--short", "HEAD")
    return f"{head}{'+' if git('status', '--porcelain', '.') else ''}" if head else firstsight.__version__


def _curve(place: Path) -> tuple[dict[str, float], ...]:
    """Loss and held-out accuracy from the log of training, thinned to few points; every look is kept."""
    log = place / "metrics.jsonl"
    if state_of(log) != FILE:
        return ()
    rows = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    every = max(1, len(rows) // _POINTS)
    kept = [r for i, r in enumerate(rows) if i % every == 0 or "validation_accuracy" in r or i == len(rows) - 1]
    return tuple({k: round(r[k], 5) for k in ("step", *_SHOWN) if k in r} for r in kept)


def _draw(found: Found, file: Path) -> None:
    for picture in found.pictures:
        draw_sphere(found.details["points"], file.with_name(f"{file.stem}-{picture}.png"))
