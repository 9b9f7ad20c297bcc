"""On the real archives; not selected without them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from real_files import six_formats

import firstsight
from firstsight.datasets import open_data, refuse_overlap
from firstsight.errors import DataError
from firstsight.inputs.decode import decode
from firstsight.learn.export.directory import load_lab
from firstsight.model import SHIPPED, Model

pytestmark = pytest.mark.data


def test_omniglot_is_whole() -> None:
    """Every split holds what the paper says, and splits that must be disjoint are."""
    counts = {
        s: (len(d := open_data(f"omniglot:{s}")), len(d.classes), len(d.groups[0]))
        for s in ("background", "evaluation")
    }
    assert counts == {"background": (19280, 964, 30), "evaluation": (13180, 659, 20)}
    train, validation = open_data("omniglot:train"), open_data("omniglot:validation")
    calibration, test = open_data("omniglot:calibration"), open_data("omniglot:test")
    assert len(train) + len(validation) == 19280
    assert len(calibration) + len(test) == 13180
    assert not train.class_names & validation.class_names
    assert not calibration.class_names & test.class_names
    assert (len(calibration.groups[0]), len(test.groups[0])) == (10, 10)
    assert len(open_data("omniglot:background").origins[0]) == 20


def test_the_runs_are_as_published() -> None:
    """20 runs of 20 references and 20 probes, each probe with one reference of its class, by another drawer."""
    runs = open_data("omniglot:runs")
    assert len(runs) == 800
    assert all(np.bincount(runs.labels) == 2)
    for c in range(len(runs.classes)):
        assert len(set(runs.origins[1][runs.labels == c])) == 2


def test_kochs_split_keeps_alphabets_and_drawers_apart() -> None:
    """30 alphabets by 12 drawers, 10 others by 4 others, the last 10 by the last 4; no class and no drawer twice."""
    parts = [open_data(f"omniglot:koch-{s}") for s in ("train", "validation", "test")]
    assert [(len(d.groups[0]), len(d.origins[0]), len(d)) for d in parts] == [
        (30, 12, 964 * 12),
        (10, 4, 307 * 4),
        (10, 4, 352 * 4),
    ]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert not parts[one].class_names & parts[other].class_names
        assert not set(parts[one].origins[0]) & set(parts[other].origins[0])


def test_vinyals_split_is_as_published_and_its_turns_are_classes() -> None:
    """1,200 characters to learn from, 423 others to test on, four quarter turns each, of the published alphabets."""
    train, test = open_data("omniglot:vinyals-train"), open_data("omniglot:vinyals-test")
    assert (len(train.classes), len(train)) == (1200, 24000)
    assert (len(test.classes), len(test)) == (423 * 4, 423 * 4 * 20)
    assert {c.rsplit("/", 1)[0] for c in test.classes if c.startswith("Gurmukhi")} == {
        f"Gurmukhi/character{n}" for n in (42, 43, 44, 45)
    }
    assert not train.class_names & test.class_names
    one = [next(e for e in test.examples if e.label == f"Tibetan/character01/{d}") for d in (0, 90)]
    upright, turned = (np.asarray(decode(e.load(), colour=False)) for e in one)
    assert np.array_equal(np.rot90(upright), turned)


def test_a_model_of_the_background_is_refused_on_vinyals_characters_it_saw() -> None:
    """vinyals-test holds characters under turned labels; a model that learned them upright is refused all the same."""
    test = open_data("omniglot:vinyals-test")
    seen = frozenset({"omniglot:Tibetan/character01"})
    with pytest.raises(DataError, match="shares 1 class"):
        refuse_overlap("training", test, seen, "")


def test_mnist_is_whole() -> None:
    """10,000 test digits with their published counts; digits of mnist5k are known to be the same classes."""
    digits = open_data("mnist:test")
    assert np.bincount(digits.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert digits.classes == tuple("0123456789")
    assert np.asarray(decode(digits.examples[0].load(), colour=False)).shape == (28, 28)
    assert digits.class_names & open_data("mnist5k").class_names


def test_lake_runs_of_the_shipped_model() -> None:
    """The shipped model gets the published runs at least as right as people do."""
    report = firstsight.evaluate("glyphs", "omniglot-lake-20way")
    assert report.trials == 400
    assert report.metrics["accuracy"].value >= 0.955
    assert report.metrics["chance"].value == 0.05
    assert report.metrics["pixels"].value < 0.6


def test_shipped_threshold_holds_on_other_alphabets() -> None:
    """On ten alphabets that neither taught nor calibrated, the false match rate is below twice the target."""
    report = firstsight.evaluate("glyphs", "verification", "omniglot:test")
    calibration = Model.load("glyphs").calibration
    assert calibration is not None
    assert 0 < report.metrics["fmr@threshold"].value < calibration.target.value * 2
    assert report.metrics["ece"].value <= 0.03


def test_a_threshold_for_fpir_keeps_its_word_on_other_alphabets(tmp_path: Path) -> None:
    """Asked for FPIR 5 % among 20 on ten alphabets, 50 enrolments of ten others give it within a factor of 1.5."""
    copy = shutil.copytree(SHIPPED / "glyphs", tmp_path / "glyphs")
    firstsight.calibrate(copy, "omniglot:calibration", fpir=0.05, gallery_size=20)
    for shots in (1, 3):
        report = firstsight.evaluate(copy, "openset", "omniglot:test", shots=shots)
        assert 0.05 / 1.5 <= report.metrics["fpir@threshold"].value <= 0.05 * 1.5


def test_lab_equals_runtime_on_200_real_files(tmp_path: Path) -> None:
    """``embed(path)`` of the trained network and of the exported model agree to 1e-4 over six formats."""
    files = six_formats(tmp_path, 200)
    assert len({f.suffix for f in files}) == 6
    model = Model.load("glyphs")
    arrays = np.concatenate([model.input.read(f).arrays for f in files])
    assert np.abs(load_lab(model).embed_arrays(arrays) - model.embed(files)).max() < 1e-4
