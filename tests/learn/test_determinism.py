"""The same seed, data and number of threads give the same model, to the last byte."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from drawn import TINY
from firstsight import api
from firstsight.learn.events import Event
from firstsight.model import Model

WIDE = ("encoder.width=24", "input.size=64", "training.steps=4", "training.average=0.5", "encoder.dropout=0.1")
"""Large enough that two threads share the work of every layer."""


def changed(*changes: str) -> list[str]:
    """The tiny recipe with changes."""
    keys = {c.split("=")[0] for c in changes}
    return [*(c for c in TINY if c.split("=")[0] not in keys), *changes]


@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize("threads", [1, 2])
def test_two_runs_are_one(threads: int, parts: int, shapes: Path, tmp_path: Path) -> None:
    """Two runs of one seed on 1 and on 2 threads have the same weights and network, byte for byte."""
    for name in ("one", "other"):
        torch.rand(7)  # what was drawn before does not matter
        changes = changed(*WIDE, f"training.threads={threads}", f"training.parts={parts}")
        api.train("folder", *changes, data=str(shapes), out=tmp_path / name)
    for file in ("encoder.safetensors", "encoder.onnx"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "other" / file).read_bytes()
    assert Model.load(tmp_path / "one").fingerprint == Model.load(tmp_path / "other").fingerprint


def test_a_resumed_run_keeps_its_number_of_threads(
    shapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With whole batches, a run begun on two threads and resumed on one goes on with two, says so, and gives back."""
    kept: list[dict[str, Any]] = []
    monkeypatch.setattr("firstsight.learn.run.save", lambda _, **parts: kept.append(parts["encoder"].state_dict()))
    changes = changed(*WIDE, "training.threads=0", "training.parts=1", "training.checkpoint_every=2")
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    seen: list[tuple[int, int]] = []
    notes: list[str] = []

    def stop(event: Event) -> None:
        if event.kind == "step" and event.step == 3:
            raise KeyboardInterrupt

    def watch(event: Event) -> None:
        if event.kind == "step":
            seen.append((event.step, torch.get_num_threads()))
        notes.append(event.message)

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        api.train("folder", *changes, data=str(shapes), out=whole)
        with pytest.raises(KeyboardInterrupt):
            api.train("folder", *changes, data=str(shapes), out=parts, listen=stop)
        torch.set_num_threads(1)
        api.train("folder", *changes, data=str(shapes), out=parts, resume=True, listen=watch)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
    assert seen == [(3, 2), (4, 2)]
    assert "going on with 2 threads, as begun, not 1" in notes
    assert all(bool((kept[0][k] == kept[1][k]).all()) for k in kept[0])


def test_another_torch_is_told(shapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is resumed with another torch than it was begun with says that its last bits may differ."""
    monkeypatch.setattr("firstsight.learn.run.save", lambda *_, **__: None)

    def stop(event: Event) -> None:
        if event.kind == "step" and event.step == 2:
            raise KeyboardInterrupt

    def resume() -> list[str]:
        notes: list[str] = []
        listen = partial(keep_note, notes)
        api.train("folder", *changes, data=str(shapes), out=tmp_path / "out", resume=True, listen=listen)
        return [note for note in notes if "begun with torch" in note]

    changes = changed("training.steps=2", "training.checkpoint_every=1")
    with pytest.raises(KeyboardInterrupt):
        api.train("folder", *changes, data=str(shapes), out=tmp_path / "out", listen=stop)
    checkpoint = (tmp_path / "out" / "checkpoint.pt").read_bytes()
    assert resume() == []
    (tmp_path / "out" / "checkpoint.pt").write_bytes(checkpoint)
    real = str(torch.__version__)
    monkeypatch.setattr(torch, "__version__", "99.0")
    assert resume() == [f"begun with torch {real}, here is 99.0: the last bits may differ"]


def keep_note(notes: list[str], event: Event) -> None:
    """Collect what is said."""
    notes.append(event.message)
