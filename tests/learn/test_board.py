"""TensorBoard: its event files hold what ``metrics.jsonl`` holds; without the package there is a sentence."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from drawn import TINY, Cli, Refused
from firstsight import api
from firstsight.learn.events import Event
from firstsight.model import Model

SHORT = (*TINY, "training.steps=30", "training.validate_every=15", "training.checkpoint_every=12")


def shown(folder: Path) -> dict[str, dict[int, float]]:
    """The curves that TensorBoard shows: name -> step -> value; a step shown twice fails the test."""
    events = EventAccumulator(str(folder))
    events.Reload()
    curves = {}
    for name in events.Tags()["scalars"]:
        points = [(point.step, point.value) for point in events.Scalars(name)]
        curves[name] = dict(points)
        assert len(curves[name]) == len(points), name
    return curves


def logged(out: Path) -> dict[str, dict[int, float]]:
    """The same, from the log."""
    curves: dict[str, dict[int, float]] = {}
    for line in (out / "metrics.jsonl").read_text().splitlines():
        row = json.loads(line)
        step = row.pop("step")
        for name, value in row.items():
            curves.setdefault(name, {})[step] = pytest.approx(value, rel=1e-6)
    return curves


@pytest.fixture(autouse=True)
def unsaved(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No export: these tests look at what happens before."""
    monkeypatch.setattr("firstsight.learn.run.save", lambda *_, **__: Model.load(tiny_model))


def test_the_events_are_the_log(shapes: Path, tmp_path: Path, cli: Cli) -> None:
    """Every number of the log is an event of its name and step, in a folder of the model's name."""
    out, board = tmp_path / "mine", tmp_path / "board"
    assert cli("train", "folder", shapes, *SHORT, "--out", out, "--tensorboard", board).code == 0
    assert [p.name for p in board.iterdir()] == ["mine"]
    curves = shown(board / "mine")
    assert curves == logged(out)
    assert set(curves["loss"]) == {10, 15, 20, 30}
    assert set(curves["validation_accuracy"]) == {15, 30}


def test_a_resumed_run_shows_no_step_twice(shapes: Path, tmp_path: Path) -> None:
    """Steps that are done again after a stop replace those that were shown before it."""
    out, board = tmp_path / "mine", tmp_path / "board"

    def stop(event: Event) -> None:
        if event.kind == "step" and event.step == 22:
            raise KeyboardInterrupt

    given: dict[str, Any] = {"data": str(shapes), "out": out, "tensorboard": board}
    with pytest.raises(KeyboardInterrupt):
        api.train("folder", *SHORT, **given, listen=stop)
    assert set(shown(board / "mine")["loss"]) == {10, 15, 20}
    api.train("folder", *SHORT, **given, resume=True)
    assert shown(board / "mine") == logged(out)


def test_a_missing_package_is_a_sentence(
    shapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    """Without TensorBoard the extra is named before anything is read; without the option it is not missed."""
    for name in [name for name in sys.modules if name.startswith(("tensorboard", "torch.utils.tensorboard"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    out = tmp_path / "out"
    command = ("train", "folder", shapes, *SHORT, "--out", out)
    refused(2, (*command, "--tensorboard", tmp_path / "board"), "needs tensorboard", "firstsight[tensorboard]")
    assert not out.exists()
    api.train("folder", *TINY, "training.steps=1", data=str(shapes), out=out)


def test_a_folder_that_cannot_be_is_a_sentence(shapes: Path, tmp_path: Path, refused: Refused, picture: Path) -> None:
    """A file where the folder should be is named."""
    command = ("train", "folder", shapes, *SHORT, "--out", tmp_path / "out")
    refused(2, (*command, "--tensorboard", picture), "can't be written", str(picture))


def test_it_is_loaded_only_when_asked_for() -> None:
    """Importing the lab does not import TensorBoard."""
    code = "import sys, firstsight.learn.train; print([m for m in sys.modules if 'tensorboard' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
