"""Model folders altered at random, their hashes right again: refused in a sentence, or they work, and nothing else."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest

from firstsight.model import SHIPPED
from scripts import RESULTS


@pytest.fixture
def fuzz(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script that alters them, by a name by which its processes find it."""
    monkeypatch.syspath_prepend(RESULTS)
    return importlib.import_module("fuzz_models")


def test_a_hundred_altered_models_are_stood(fuzz: ModuleType, tiny_model: Path, picture: Path, tmp_path: Path) -> None:
    """Bytes, links, sizes, records and fields of the graph: no traceback, no hang, no death, nothing read outside."""
    models = [tiny_model, SHIPPED / "glyphs"]
    result = fuzz.fuzz(tmp_path, range(10_000, 10_100), models, picture.read_bytes())
    assert result["examples of faults"] == []
    ends = result["by family and end"]
    assert sum(ends.values()) == 100
    assert {told.partition(":")[0] for told in ends} >= {"bytes of a file", "kind of a file", "record", "fields"}
    assert any(told.endswith("works") for told in ends)


def test_what_is_read_outside_is_seen(fuzz: ModuleType, tiny_model: Path, picture: Path, tmp_path: Path) -> None:
    """The looking itself can find something: a file beside the folder that is opened counts as a fault."""
    for peek in (True, False):
        _, told, *_ = fuzz.tried(7, tmp_path, [tiny_model], picture.read_bytes(), peek=peek)
        assert told.startswith("FAULT: read outside") == peek, told
