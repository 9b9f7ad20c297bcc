"""Planted leaks: what a model learned is refused or named, however it is called and wherever it lies."""

from __future__ import annotations

import csv
import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from drawn import STRANGERS, Refused, draw, draw_classes
from firstsight import api
from firstsight.datasets import open_data
from firstsight.datasets.copies import Contents, telling
from firstsight.datasets.dataset import DataSet, shared_classes
from firstsight.datasets.readings import read_all
from firstsight.errors import DataError
from firstsight.evaluation.repeats import once
from firstsight.learned import Met, contents_of
from firstsight.model import Model
from firstsight.spec import LEARNED
from firstsight.types import Example


@pytest.fixture(params=["with a record", "of format 1 without one"])
def model(request: pytest.FixtureRequest, uncalibrated_model: Path, tmp_path: Path) -> Path:
    """The tiny model, with and without a record of the images it learned. To be altered at will."""
    place = Path(shutil.copytree(uncalibrated_model, tmp_path / "model"))
    if request.param != "with a record":
        (place / LEARNED).unlink()
        spec = json.loads((place / "model.json").read_text())
        del spec["files"][LEARNED]
        (place / "model.json").write_text(json.dumps(spec))
    return place


@pytest.fixture
def mixed(strangers: Path, tmp_path: Path) -> Path:
    """A copy of the strangers, in which leaks are planted."""
    return Path(shutil.copytree(strangers, tmp_path / "mixed"))


def learned(model: Path) -> list[Path]:
    """Files that the model learned from."""
    return [Path(e.source) for e in open_data(Model.load(model).spec.trained.data).examples]


def copied(file: Path, place: Path) -> None:
    """The same bytes."""
    shutil.copyfile(file, place / "x.png")


def packed_again(file: Path, place: Path) -> None:
    """The same pixels in another format."""
    Image.open(file).save(place / "x.bmp")


@pytest.mark.parametrize("protocol", ["nway", "openset", "verification", "retrieval", "identification"])
@pytest.mark.parametrize("plant", [copied, packed_again])
def test_a_learned_image_under_another_name_is_refused(
    protocol: str, plant: Callable[[Path, Path], None], model: Path, mixed: Path
) -> None:
    """One picture that was learned, copied or packed again into a class of another name, ends an evaluation."""
    plant(learned(model)[0], mixed / "arrow")
    with pytest.raises(DataError, match=r"shares 1 image with .*, what the model was trained on \(arrow/x"):
        api.evaluate(model, protocol, f"folder:{mixed}")


@pytest.mark.parametrize("plant", [copied, packed_again])
def test_a_threshold_is_not_chosen_on_a_learned_image(
    plant: Callable[[Path, Path], None], model: Path, mixed: Path
) -> None:
    """Calibration refuses it as well."""
    plant(learned(model)[0], mixed / "wedge")
    with pytest.raises(DataError, match=r"shares 1 image with what the model was trained on \(wedge/x"):
        api.calibrate(model, f"folder:{mixed}")


def test_the_thresholds_own_images_are_refused_under_other_names(model: Path, strangers: Path, tmp_path: Path) -> None:
    """What chose the threshold can't show what it is worth, whatever the classes are called; what is gone is told."""
    chosen = Path(shutil.copytree(strangers, tmp_path / "chosen"))
    api.calibrate(model, str(chosen))
    renamed = tmp_path / "renamed"
    for number, folder in enumerate(sorted(chosen.iterdir())):
        shutil.copytree(folder, renamed / f"class {number} of another")
    with pytest.raises(DataError, match="what the threshold was chosen on"):
        api.evaluate(model, "verification", str(renamed))
    shutil.rmtree(chosen)
    report = api.evaluate(model, "verification", str(renamed))
    assert any("the threshold was chosen on can't be found" in note for note in report.notes)


def test_the_shipped_thresholds_images_are_refused_in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A set that is known by name chose the threshold: its images in a folder of the user's are looked for too."""
    asked = []

    def images_at(address: str, *_: object) -> Met:
        asked.append(address)
        return Met(np.ones(12, bool), np.zeros(12, bool))

    monkeypatch.setattr("firstsight.evaluation.run.images_at", images_at)
    place = draw_classes(tmp_path / "own", STRANGERS[:2], each=6)
    with pytest.raises(DataError, match="omniglot:calibration, what the threshold was chosen on"):
        api.evaluate("glyphs", "verification", str(place))
    assert asked == ["omniglot:calibration"]


def test_pictures_that_are_all_there_twice_are_named(uncalibrated_model: Path, strangers: Path, tmp_path: Path) -> None:
    """Two copies of each picture: it is measured, and the report says that the figures flatter."""
    for folder in strangers.iterdir():
        (tmp_path / "twice" / folder.name).mkdir(parents=True)
        for file in sorted(folder.iterdir())[:2]:
            for copy in "ab":
                shutil.copyfile(file, tmp_path / "twice" / folder.name / f"{file.stem}{copy}.png")
    report = api.evaluate(uncalibrated_model, "retrieval", str(tmp_path / "twice"))
    assert any("the figures flatter" in note for note in report.notes)


def test_pairs_of_learned_images_are_refused(model: Path, tmp_path: Path) -> None:
    """A list of pairs has no labels; its images are known by content, in whatever folder they lie."""
    files = learned(model)
    (tmp_path / "flat").mkdir()
    for n, file in enumerate(files):
        shutil.copyfile(file, tmp_path / "flat" / f"{n}.png")
    rows = [(f"flat/{a}.png", f"flat/{b}.png", int(files[a].parent == files[b].parent)) for a, b in ((0, 1), (0, 20))]
    listed(tmp_path / "pairs.csv", rows)
    with pytest.raises(DataError, match="shares 3 images"):
        api.evaluate(model, "verification", tmp_path / "pairs.csv")
    with pytest.raises(DataError, match="shares 3 images"):
        api.calibrate(model, tmp_path / "pairs.csv")


def test_pairs_of_learned_classes_are_refused(model: Path, tmp_path: Path) -> None:
    """New images of learned classes, listed as pairs, are told by the folders they lie in."""
    classes = sorted({file.parent.name for file in learned(model)})[:2]
    for label in classes:
        (tmp_path / label).mkdir()
        for n in (100, 101):
            draw(label, n).save(tmp_path / label / f"{n}.png")
    one, other = classes
    listed(tmp_path / "pairs.csv", [(f"{one}/100.png", f"{one}/101.png", 1), (f"{one}/100.png", f"{other}/100.png", 0)])
    with pytest.raises(DataError, match="shares 2 classes"):
        api.evaluate(model, "verification", tmp_path / "pairs.csv")
    with pytest.raises(DataError, match="shares 2 classes"):
        api.calibrate(model, tmp_path / "pairs.csv")


def listed(file: Path, rows: list[tuple[str, str, int]]) -> None:
    """A manifest of pairs."""
    with file.open("w", newline="") as opened:
        csv.writer(opened).writerows([("left", "right", "same"), *rows])


@pytest.mark.parametrize("spell", [str.upper, lambda name: f"rocks:{name}", lambda name: f" {name} "])
def test_a_learned_class_is_known_by_its_own_name(
    spell: Callable[[str], str], model: Path, tmp_path: Path, refused: Refused
) -> None:
    """New pictures of it, in capitals or with a data set's name before it, are refused; the sentence says how to go on
    where they are others of that name, and then they are taken."""
    label = learned(model)[0].parent.name
    rows = ["path,label"]
    for name in (label, *STRANGERS):
        for n in range(100, 104):
            draw(name, n).save(tmp_path / f"{name}{n}.png")
            rows.append(f"{name}{n}.png,{spell(name) if name == label else name}")
    (tmp_path / "list.csv").write_text("\n".join(rows))
    asked = ("evaluate", model, "nway", tmp_path / "list.csv", "--ways", 5, "--tasks", 5)
    sentence = refused(2, asked, "shares 1 class with what the model was trained on", "--same-names-are-different")
    assert sentence.count("\n") == 0
    report = api.evaluate(model, "nway", tmp_path / "list.csv", ways=5, tasks=5, same_names_are_different=True)
    assert report.trials == 25
    made = api.calibrate(model, tmp_path / "list.csv", same_names_are_different=True)
    assert made.genuine_pairs


def test_equal_names_hide_no_learned_image(model: Path, mixed: Path) -> None:
    """Where others have the same names, content counts still."""
    file = learned(model)[0]
    (mixed / file.parent.name).mkdir()
    copied(file, mixed / file.parent.name)
    with pytest.raises(DataError, match="shares 1 image"):
        api.evaluate(model, "nway", f"folder:{mixed}", ways=5, same_names_are_different=True)


def test_classes_of_a_named_set_are_those_of_a_folder() -> None:
    """``folder:rocks`` after ``rocks``, and the other way round; sets known by name are told apart by it."""

    def held(name: str, *labels: str) -> DataSet:
        return DataSet(name, tuple(Example(label, lambda: b"", label) for label in labels))

    rocks = frozenset({"rocks:andesite", "rocks:gneiss"})
    assert shared_classes(held("folder:r", "Andesite", "basalt"), rocks) == ["own:Andesite"]
    assert shared_classes(held("rocks:test", "gneiss"), frozenset({"own:Gneiss"})) == ["rocks:gneiss"]
    assert shared_classes(held("rocks:test", "gneiss"), rocks, same_names_are_different=True) == ["rocks:gneiss"]
    assert shared_classes(held("icons:test", "gneiss"), rocks) == []
    assert shared_classes(held("mnist:test", "3"), frozenset({"omniglot:Greek/character03"})) == []
    assert shared_classes(held("folder:l", "a"), frozenset({"own:A"})) == []  # letters may well be told apart by case


def test_a_lossy_copy_is_named(uncalibrated_model: Path, mixed: Path) -> None:
    """A JPEG of a learned picture has other pixels; the note names it, and other strangers are not named."""
    files = learned(uncalibrated_model)
    for n, file in enumerate(files[:8]):
        Image.open(file).resize((96, 96)).save(mixed / "arrow" / f"copy{n}.jpg", quality=90)
    report = api.evaluate(uncalibrated_model, "nway", f"folder:{mixed}", ways=5, tasks=5)
    [note] = [n for n in report.notes if "the model learned" in n]
    assert "nearly equal" in note
    assert "arrow/copy" in note


def test_a_set_without_leaks_has_no_notes(model: Path, strangers: Path) -> None:
    """Strangers are taken without a word."""
    assert not api.evaluate(model, "nway", f"folder:{strangers}", ways=5, tasks=5).notes[1:]


def test_data_that_is_gone_is_told(model: Path, strangers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model without a record whose data can't be opened says that copies would not be found."""
    recorded = contents_of(Model.load(model)) is not None
    loaded = Model.load(model)
    trained = loaded.spec.trained.model_copy(update={"data": "folder:/gone"})
    moved = Model(model, loaded.spec.model_copy(update={"trained": trained}))
    notes = api.evaluate(moved, "nway", f"folder:{strangers}", ways=5, tasks=5).notes
    assert any("can't be found" in note for note in notes) == (not recorded)


def test_a_record_is_kept(uncalibrated_model: Path, tmp_path: Path) -> None:
    """An export and a further training keep what was learned before, and a record that was altered is refused."""
    before = contents_of(Model.load(uncalibrated_model))
    halved = api.export(uncalibrated_model, ["export.half=true"], out=tmp_path / "half")
    after = contents_of(halved)
    assert before is not None
    assert after is not None
    assert before.whole
    assert np.array_equal(before.images, after.images)
    assert len(before.images) == len(learned(uncalibrated_model))
    assert Contents.read(before.written()).looks.tolist() == before.looks.tolist()
    for broken in (b"", before.written()[:-1], b"x" * 40):
        with pytest.raises(DataError, match="was cut"):
            Contents.read(broken)


def test_ground_and_strokes_tell_nothing() -> None:
    """Two empty pages, or two strokes, are not one picture."""
    page = np.full((1, 1, 32, 32), 255, np.uint8)
    stroke = page.copy()
    stroke[:, :, 4:28, 14:18] = 0
    noise = np.random.default_rng(0).integers(0, 256, (1, 1, 32, 32)).astype(np.uint8)
    assert telling(np.concatenate([page, stroke, noise])).tolist() == [False, False, True]
    assert not Contents.of(["a"], stroke).of_readings(stroke).any()


# --- within one data set


def test_a_picture_does_not_face_itself(uncalibrated_model: Path, mixed: Path) -> None:
    """Copies within a class, of the same bytes or packed again, are left out of all trials, with their number."""
    copied(mixed / "arrow" / "0.png", mixed / "arrow")
    packed_again(mixed / "dots" / "0.png", mixed / "dots")
    report = api.evaluate(uncalibrated_model, "verification", f"folder:{mixed}")
    held = open_data(f"folder:{mixed}")
    plain = once(held, read_all(held, Model.load(uncalibrated_model).input))
    assert len(plain.data) == 36
    assert report.details["genuine_pairs"] == 6 * 15
    assert report.details["left_out"] == plain.left_out.tolist()
    assert any("2 images are copies of another of its class" in n for n in report.notes)


def test_a_picture_in_two_classes_is_told(uncalibrated_model: Path, mixed: Path) -> None:
    """Labels that contradict each other are named."""
    copied(mixed / "arrow" / "0.png", mixed / "dots")
    report = api.evaluate(uncalibrated_model, "nway", f"folder:{mixed}", ways=5, tasks=5)
    assert any("labels contradict each other" in n and "arrow/0.png" in n for n in report.notes)


def test_pairs_of_one_picture_with_itself_are_left_out(
    uncalibrated_model: Path, strangers: Path, tmp_path: Path
) -> None:
    """A same pair that is a copy of itself would be right for nothing."""
    for n, label in enumerate(STRANGERS[:2]):
        for k in range(2):
            shutil.copyfile(strangers / label / f"{k}.png", tmp_path / f"{n}{k}.png")
    shutil.copyfile(tmp_path / "00.png", tmp_path / "copy.png")
    listed(tmp_path / "p.csv", [("00.png", "01.png", 1), ("00.png", "10.png", 0), ("00.png", "copy.png", 1)])
    report = api.evaluate(uncalibrated_model, "verification", tmp_path / "p.csv")
    assert report.trials == 2
    assert "1 pair is of one picture with itself: left out" in report.notes


# --- galleries


def test_galleries_of_learned_classes_say_so(
    tiny_model: Path, shapes: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Enrolling and identifying data that holds learned classes names how many; of strangers there is no word."""
    gallery = tmp_path / "g.db"
    api.create(gallery, model=tiny_model)
    trained = len({file.parent.name for file in learned(tiny_model)})
    with caplog.at_level(logging.WARNING, "firstsight"):
        api.enroll(gallery, data=f"folder:{shapes}", override=["all"])
    told = f"{trained} of 6 identities were learned by the model: the figures are of learned classes"
    assert told in caplog.text
    verdict = api.identify_data(gallery, f"folder:{shapes}").verdict
    assert verdict is not None
    assert verdict.learned
    assert told in verdict.reason


def test_renamed_classes_are_known_in_a_gallery(
    tiny_model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, strangers: Path
) -> None:
    """Learned images under other names are told by their content; strangers are enrolled without a word."""
    for file in learned(tiny_model):
        place = tmp_path / "renamed" / f"new {file.parent.name}"
        place.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place / file.name)
    gallery = tmp_path / "g.db"
    api.create(gallery, model=tiny_model)
    with caplog.at_level(logging.WARNING, "firstsight"):
        api.enroll(gallery, data=f"folder:{strangers}", override=["all"])
        assert "learned by the model" not in caplog.text
        api.enroll(gallery, data=f"folder:{tmp_path / 'renamed'}", override=["all"])
    assert "4 of 4 identities were learned by the model" in caplog.text
