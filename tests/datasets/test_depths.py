"""One depth for a data set: chosen by train and calibrate, kept with the model, told by evaluate."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from drawn import TINY, Cli
from firstsight import api
from firstsight.datasets import open_data
from firstsight.datasets.depths import chosen, depths_of, told
from firstsight.gallery import Gallery
from firstsight.model import Model


def deepened(source: Path, place: Path, *, dark: int = 0) -> Path:
    """The classes of a folder as pictures of 12 bits in files of 16; so many of them a sixteenth as bright."""
    for n, file in enumerate(sorted(source.rglob("*.png"))):
        pixels = np.asarray(Image.open(file).convert("L")).astype(np.uint16)
        target = place / file.parent.name / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels if n < dark else pixels << 4).save(target)
    return place


@pytest.fixture(scope="module")
def deep_shapes(shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shapes in 12 bits, two of them dark. Not to be altered."""
    return deepened(shapes, tmp_path_factory.mktemp("deep") / "shapes", dark=2)


@pytest.fixture(scope="module")
def deep_strangers(strangers: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The strangers in 12 bits. Not to be altered."""
    return deepened(strangers, tmp_path_factory.mktemp("deep") / "strangers")


def test_a_data_set_has_one_depth(deep_shapes: Path, shapes: Path) -> None:
    """Dark frames, which would be guessed too low, have the depth of the others; pictures of 8 bits have none."""
    found = depths_of([open_data(f"folder:{deep_shapes}"), open_data(f"folder:{shapes}")])
    assert found == {8: 2, 12: 34}
    assert (chosen(found), told(found)) == (12, "2 of 8 bits, 34 of 12 bits")
    assert chosen(depths_of([open_data(f"folder:{shapes}")])) == 0


def test_training_states_the_depth(deep_shapes: Path, uncalibrated_model: Path, tmp_path: Path) -> None:
    """A model that learns from 12 bits states them, says so, and goes on stating them; of 8 bits nothing is written."""
    heard: list[str] = []
    made = api.train(
        "folder", *TINY, data=str(deep_shapes), out=tmp_path / "deep", listen=lambda event: heard.append(event.message)
    )
    assert made.spec.input.settings["depth"] == 12
    assert made.spec.trained.settings["input"]["depth"] == 12
    assert Model.load(tmp_path / "deep").input.depth == 12
    assert any("input.depth=12 is stated from now on" in message for message in heard)
    assert "depth" not in Model.load(uncalibrated_model).spec.input.settings


def test_calibrating_states_the_depth(
    deep_strangers: Path, strangers: Path, uncalibrated_model: Path, tmp_path: Path, cli: Cli
) -> None:
    """A model without a depth gets that of its calibration data, and with it a fingerprint of its own; once."""
    place = Path(shutil.copytree(uncalibrated_model, tmp_path / "model"))
    before = Model.load(place)
    ran = cli("calibrate", place, f"folder:{deep_strangers}", "--fmr", "0.1")
    assert ran.code == 0
    assert "states input.depth=12 from now on" in ran.err
    after = Model.load(place)
    assert after.input.depth == 12
    assert after.fingerprint != before.fingerprint
    assert after.calibration is not None
    assert after.calibration.model == after.fingerprint
    assert cli("calibrate", place, f"folder:{deep_strangers}", "--fmr", "0.1").err == ""
    assert Model.load(place).fingerprint == after.fingerprint
    plain = Path(shutil.copytree(uncalibrated_model, tmp_path / "plain"))
    api.calibrate(plain, f"folder:{strangers}", fmr=0.1)
    assert Model.load(plain).fingerprint == before.fingerprint


def test_further_training_keeps_what_calibrating_stated(uncalibrated_model: Path, tmp_path: Path) -> None:
    """The depth is the model's, whoever stated it."""
    from firstsight.learn.start import recipe_from

    model = Model.load(uncalibrated_model).stating(12)
    assert recipe_from(model, None).sections["input"]["depth"] == 12


def test_blank_pictures_are_told(tiny_model: Path, strangers: Path, tmp_path: Path, cli: Cli) -> None:
    """Evaluate, calibrate and identify on data say how many pictures show nothing, and which."""
    place = Path(shutil.copytree(strangers, tmp_path / "set"))
    some = sorted(place.iterdir())[0] / "0.png"
    Image.new("RGB", (64, 64)).save(some)
    told = f"1 picture shows nothing to recognise (no ink or contrast): {some}"
    assert told in api.evaluate(tiny_model, "verification", f"folder:{place}").notes
    copied, gallery = shutil.copytree(tiny_model, tmp_path / "model"), tmp_path / "g.db"
    assert told in cli("calibrate", copied, f"folder:{place}", "--fmr", 0.1).err
    assert cli("enroll", empty(gallery, tiny_model), "--data", f"folder:{strangers}", "--override", "all").code == 0
    assert told in cli("identify", gallery, "--data", f"folder:{place}").err


def empty(place: Path, model: Path) -> Path:
    """An empty gallery."""
    Gallery.create(place, model).close()
    return place


def test_evaluation_tells_of_guesses(tiny_model: Path, deep_strangers: Path, strangers: Path, tmp_path: Path) -> None:
    """A report on deep pictures says that they were guessed one by one; else it is that on the same in 8 bits."""
    for file in strangers.rglob("*.png"):
        (tmp_path / "grey" / file.parent.name).mkdir(parents=True, exist_ok=True)
        Image.open(file).convert("L").save(tmp_path / "grey" / file.parent.name / file.name)
    report = api.evaluate(tiny_model, "verification", f"folder:{deep_strangers}")
    assert any("guessed one by one (36 of 12 bits)" in note for note in report.notes)
    plain = api.evaluate(tiny_model, "verification", f"folder:{tmp_path}/grey")
    assert not any("guessed" in note for note in plain.notes)
    assert report.metrics == plain.metrics
