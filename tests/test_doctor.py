"""The doctor sees what is well, and what is broken it says in a sentence with what mends it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from drawn import Cli
from firstsight import api
from firstsight.gallery import Gallery
from firstsight.model import Model
from firstsight.types import Verdict


@pytest.fixture
def place(model_copy: Path, tmp_path: Path) -> Path:
    """A store of a model that may be broken."""
    file = tmp_path / "g.db"
    Gallery.create(file, model_copy).close()
    return file


def test_all_is_well(tmp_path: Path, cli: Cli) -> None:
    """Versions, model with its hash and speed, disk, store, permissions: nothing is broken, and nothing is changed."""
    place = tmp_path / "glyphs.db"
    Gallery.create(place, "glyphs").close()
    before = place.read_bytes()
    ran = cli("doctor", place, "--json")
    assert ran.code == 0, ran.out
    found = {check["name"]: check for check in ran.json}
    assert set(found) >= {"versions", "extras", "model", "disk", "fsync", "store", "gallery", "permissions", "keys"}
    assert "ms an embedding" in found["model"]["value"]
    assert "usable at a door" in found["verdict"]["value"]
    assert not [check for check in ran.json if check["ok"] is False]
    assert place.read_bytes() == before
    assert "glyphs" in cli("doctor").out


def test_a_useless_model_is_not_well(place: Path, cli: Cli) -> None:
    """A gallery whose model misses most is broken, whatever else is in order."""
    model = Model.load(place.parent / "model")
    bad = Verdict("useless", "not usable at a door", "it learned nothing", "train longer", model=model.fingerprint)
    model.save_calibration(replace(model.calibration, verdict=bad))
    ran = cli("doctor", place)
    assert ran.code == 3
    assert "BROKEN verdict: main: not usable at a door; likeliest reason: it learned nothing" in ran.out
    assert "train longer" in ran.out


def damaged(place: Path, _: Path) -> None:
    """The middle of the file is another's."""
    data = bytearray(place.read_bytes())
    data[4096:20000] = bytes(len(data[4096:20000]))
    place.write_bytes(data)


def opened_to_all(place: Path, _: Path) -> None:
    """Others may read it."""
    place.chmod(0o644)


def without_model(_: Path, model: Path) -> None:
    """The model is gone."""
    shutil.rmtree(model)


def altered_model(_: Path, model: Path) -> None:
    """A file of the model has another byte."""
    file = model / "encoder.onnx"
    file.write_bytes(file.read_bytes()[:-1] + b"x")


def uncalibrated(_: Path, model: Path) -> None:
    """The model can't decide."""
    (model / "calibration.json").unlink()


@pytest.mark.parametrize("breaking", [damaged, opened_to_all, without_model, altered_model, uncalibrated])
def test_what_is_broken_is_found(
    place: Path, model_copy: Path, breaking: Callable[[Path, Path], None], cli: Cli
) -> None:
    """Exit code 3, and the check that is broken has an advice."""
    breaking(place, model_copy)
    ran = cli("doctor", place, "--json")
    assert ran.code == 3
    broken = [check for check in ran.json if check["ok"] is False]
    assert broken
    assert all(check["advice"] for check in broken)
    assert "BROKEN" in cli("doctor", place).out


def test_a_store_that_is_not_there(tmp_path: Path) -> None:
    """It is told, and not made."""
    assert [c.ok for c in api.doctor(tmp_path / "none.db") if c.name == "store"] == [False]
    assert not list(tmp_path.iterdir())
