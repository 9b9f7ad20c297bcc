"""On the real archives; not selected without them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from real_files import six_formats

import firstsight
from firstsight.datasets import open_data
from firstsight.learn.export import load_lab
from firstsight.model import Model

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
    assert 0 < report.metrics["fmr@threshold"].value < calibration.target_fmr * 2


def test_lab_equals_runtime_on_200_real_files(tmp_path: Path) -> None:
    """``embed(path)`` of the trained network and of the exported model agree to 1e-4 over six formats."""
    files = six_formats(tmp_path, 200)
    assert len({f.suffix for f in files}) == 6
    model = Model.load("glyphs")
    arrays = np.concatenate([model.input.read(f).arrays for f in files])
    assert np.abs(load_lab(model).embed_arrays(arrays) - model.embed(files)).max() < 1e-4
