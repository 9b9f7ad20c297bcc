"""New images of learned classes: what a protocol for them refuses, and how its intervals are drawn."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drawn import STRANGERS, draw
from firstsight import api
from firstsight.datasets import open_data
from firstsight.errors import DataError
from firstsight.evaluation.baseline import Pixels
from firstsight.evaluation.diagnosis import diagnose
from firstsight.evaluation.protocols import PROTOCOLS
from firstsight.evaluation.retrieval import retrieval
from firstsight.evaluation.run import evaluate, refuse_learned
from firstsight.evaluation.subject import Protocol, Settings, Subject
from firstsight.evaluation.verification import verification
from firstsight.model import Model
from firstsight.spec import LEARNED


def started_from(model: Model, other: str) -> Model:
    """The model, as if its training had gone on from another, and without a record of images."""
    trained = model.spec.trained.model_copy(update={"started_from": other})
    files = {name: file for name, file in model.spec.files.items() if name != LEARNED}
    return Model(model.path, model.spec.model_copy(update={"trained": trained, "files": files}))


def test_images_that_were_learned_from_are_refused(uncalibrated_model: Path, strangers: Path) -> None:
    """One shared image is enough; other images of the same classes are not, nor are other classes."""
    model = Model.load(uncalibrated_model)
    learned = open_data(model.spec.trained.data)
    with pytest.raises(DataError, match="shares 1 image with folder:.*, what the model was trained on"):
        refuse_learned(model, learned.take([0], learned.name))
    new = replace(learned, examples=tuple(replace(e, key=f"new {e.key}") for e in learned.examples))
    refuse_learned(model, new)
    refuse_learned(model, open_data(f"folder:{strangers}"))


def test_learned_images_are_known_wherever_they_lie(uncalibrated_model: Path, tmp_path: Path) -> None:
    """Copied, renamed and touched they are still what was learned from."""
    model = Model.load(uncalibrated_model)
    copy = tmp_path / "copy"
    for example in open_data(model.spec.trained.data).examples:
        place = copy / example.label / f"x{Path(example.source).name}"
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(example.source, place)
    with pytest.raises(DataError, match="shares 24 images with folder:.*, what the model was trained on"):
        refuse_learned(model, open_data(f"folder:{copy}"))


def test_a_model_that_went_on_from_another_is_refused(uncalibrated_model: Path, strangers: Path) -> None:
    """Which images the one before saw is not recorded, so nothing can vouch for new ones of its classes."""
    model = started_from(Model.load(uncalibrated_model), "another")
    learned = open_data(model.spec.trained.data)
    with pytest.raises(DataError, match="went on from another, whose images are not known"):
        refuse_learned(model, learned)
    refuse_learned(model, open_data(f"folder:{strangers}"))


@pytest.fixture
def subject() -> Subject:
    """Ten classes of which one is hopeless: classes differ more than images do."""
    draw = np.random.default_rng(0)
    data = open_data("icons:validation")
    data = data.take(np.flatnonzero(data.labels < 10), data.name)
    centres = draw.normal(size=(10, 8)).astype(np.float32)
    vectors = centres[data.labels] + 0.1 * draw.normal(size=(len(data), 8)).astype(np.float32)
    vectors[data.labels == 0] = draw.normal(size=(int((data.labels == 0).sum()), 8))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    arrays = draw.integers(0, 255, (len(data), 1, 8, 8)).astype(np.uint8)
    return Subject(Pixels(), data, arrays, vectors.astype(np.float32), Settings(across="examples"))


@pytest.mark.parametrize(("measure", "metric"), [(retrieval, "recall@1"), (verification, "eer")])
def test_intervals_of_learned_classes_resample_images(measure, metric: str, subject: Subject) -> None:
    """The value is the same; the interval no longer asks what other classes would give, so it is narrower."""
    classes, images = (measure(one).metrics[metric] for one in (subject, replace(subject, learned=True)))
    assert classes.value == images.value
    assert 0 < images.high - images.low < classes.high - classes.low


def test_a_diagnosis_says_that_the_classes_were_learned(subject: Subject) -> None:
    """Nobody should take such figures for those of new classes; few dimensions are no collapse here."""
    flat = replace(subject, embeddings=subject.embeddings * np.float32([1] + [0] * 7))
    few, learned = (diagnose(one, retrieval(one))[0] for one in (flat, replace(flat, learned=True)))
    assert any("collapsed" in sentence for sentence in few)
    assert not any("collapsed" in sentence for sentence in learned)
    assert "the model learned these classes: the figures are of new images of them, not of new classes" in learned


def test_evaluate_takes_learned_classes_where_the_protocol_says_so(
    uncalibrated_model: Path, shapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through the front door: new images of learned shapes are measured, the learned ones refused."""
    model = Model.load(uncalibrated_model)
    learned = model.spec.trained.data
    for label in open_data(learned).classes:
        (tmp_path / label).mkdir()
        for number in (100, 101, 102):
            draw(label, number).save(tmp_path / label / f"{number}.png")
    protocol = Protocol("shapes", retrieval, f"folder:{tmp_path}", unseen="images")
    monkeypatch.setitem(PROTOCOLS, "shapes", protocol)
    report = evaluate(model, "shapes")
    assert report.trials == 3 * len(open_data(learned).classes)
    assert any("learned these classes" in sentence for sentence in report.diagnosis)
    monkeypatch.setitem(PROTOCOLS, "shapes", replace(protocol, data=learned))
    with pytest.raises(DataError, match="what the model was trained on .*; train on others"):
        evaluate(model, "shapes")


def test_a_threshold_is_not_measured_on_the_images_that_chose_it(
    uncalibrated_model: Path, strangers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a protocol is of learned classes, other images of those that chose the threshold are welcome, these not."""
    new = tmp_path / "new"
    for label in STRANGERS:
        (new / label).mkdir(parents=True)
        for number in (100, 101, 102):
            draw(label, number).save(new / label / f"{number}.png")
    shutil.copytree(uncalibrated_model, tmp_path / "model")
    api.calibrate(tmp_path / "model", f"folder:{strangers}")
    model = Model.load(tmp_path / "model")
    protocol = Protocol("shapes", verification, f"folder:{new}", unseen="images", decides=True)
    monkeypatch.setitem(PROTOCOLS, "shapes", protocol)
    assert "fmr@threshold" in evaluate(model, "shapes").metrics
    monkeypatch.setitem(PROTOCOLS, "shapes", replace(protocol, data=f"folder:{strangers}"))
    with pytest.raises(DataError, match="what the threshold was chosen on; calibrate on others"):
        evaluate(model, "shapes")
