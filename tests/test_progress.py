"""Progress of training, where somebody waits for it."""

from __future__ import annotations

import builtins
import io
import sys
import types
from pathlib import Path

import pytest

from drawn import TINY
from firstsight import api
from firstsight.learn.events import Event
from firstsight.progress import Lines, in_notebook

STEPS = ("training.steps=4", "training.validate_every=4")


def test_a_notebook_is_shown_progress(
    shapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``train()`` in Jupyter prints what it reads, its steps and its notes on standard output; in a program it prints
    nothing, and where somebody listens it is theirs to show."""
    api.train("folder", *TINY, *STEPS, data=shapes, out=tmp_path / "plain")
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(builtins, "get_ipython", lambda: object(), raising=False)
    api.train("folder", *TINY, *STEPS, data=shapes, out=tmp_path / "notebook")
    out, err = capsys.readouterr()
    assert "step 4 of 4  loss " in out
    assert "held-out accuracy" in out
    assert err == ""
    heard: list[Event] = []
    api.train("folder", *TINY, *STEPS, data=shapes, out=tmp_path / "own", listen=heard.append)
    assert capsys.readouterr() == ("", "")
    assert heard


def test_ipython_is_known_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a program nor one that only imports IPython is a notebook."""
    monkeypatch.delattr(builtins, "get_ipython", raising=False)
    shell: list[object] = []
    module = types.ModuleType("IPython")
    module.get_ipython = lambda: shell[0] if shell else None  # type: ignore[attr-defined]
    assert not in_notebook()
    monkeypatch.setitem(sys.modules, "IPython", module)
    assert not in_notebook()
    shell.append(object())
    assert in_notebook()


def test_lines_come_now_and_then() -> None:
    """The first step is told, then one every so many seconds, every validation and the last."""
    out = io.StringIO()
    tell = Lines(out, every=3600)
    values = {"loss": 1.0, "examples_per_second": 10.0}
    for step in range(1, 101):
        tell(Event("step", step, 100, values=values | ({"validation_accuracy": 0.5} if step == 50 else {})))
    told = [line.split(" of ")[0] for line in out.getvalue().splitlines()]
    assert told[-2:] == ["step 50", "step 100"]
    assert len(told) <= 3
