"""Calibrating a model: every target is met, kept in the model, and holds for galleries."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from drawn import Cli, Refused
from firstsight import api
from firstsight.calibration import CURVES, Target
from firstsight.calibration.targets import precision_at
from firstsight.datasets import open_data
from firstsight.datasets.pairs import draw_pairs
from firstsight.datasets.readings import read_all
from firstsight.decision import Templates, accepts
from firstsight.errors import CalibrationError, DataError, ModelError, UsageError
from firstsight.evaluation.enrolment import draw_enrolment
from firstsight.evaluation.verification import pair_scores
from firstsight.metrics.openset import expected_fpir
from firstsight.metrics.verification import rates_at
from firstsight.model import Model
from firstsight.types import FloatArray, PixelArray
from worlds import Seeing, patches

TARGETS: dict[str, dict[str, Any]] = {
    "fmr": {"fmr": 0.1},
    "fnmr": {"fnmr": 0.2},
    "fpir": {"fpir": 0.2, "gallery_size": 4},
    "precision": {"precision": 0.7, "prior": 0.3},
    "cost": {"cost": 3.0, "prior": 0.2},
    "eer": {"eer": True},
}


@pytest.fixture
def place(uncalibrated_model: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model as training leaves it."""
    return Path(shutil.copytree(uncalibrated_model, tmp_path / "tiny"))


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """42 classes of 5 pictures, some of which look alike. Not to be altered."""
    return patches(tmp_path_factory.mktemp("crowd") / "crowd", 42, 5, noise=0.9)


@pytest.fixture
def seeing(place: Path) -> Seeing:
    """A model that compares pictures as they are."""
    return Seeing.of(place)


@pytest.fixture(scope="module")
def promised(uncalibrated_model: Path, crowd: Path, tmp_path_factory: pytest.TempPathFactory) -> Seeing:
    """Such a model, calibrated on the crowd for FPIR 0.05 among 20. Not to be altered."""
    seeing = Seeing.of(Path(shutil.copytree(uncalibrated_model, tmp_path_factory.mktemp("promised") / "tiny")))
    api.calibrate(seeing, str(crowd), fpir=0.05, gallery_size=20)
    return seeing


def scored(model: Model, data: Path) -> tuple[FloatArray, FloatArray]:
    """Genuine and impostor scores of all pairs."""
    held = open_data(str(data))
    vectors = model.embed_arrays(read_all(held, model.input))
    pairs = draw_pairs(held)
    scores = pair_scores(model, vectors, pairs.left, pairs.right)
    return scores[pairs.same], scores[~pairs.same]


# --- targets


@pytest.mark.parametrize("kind", TARGETS)
def test_every_target_is_met_and_kept(kind: str, place: Path, strangers: Path) -> None:
    """The threshold meets its target on the data it was chosen on, and the model holds it from then on."""
    made = api.calibrate(place, str(strangers), **TARGETS[kind])
    assert made.target.kind == kind
    kept = Model.load(place)
    assert kept.calibration == made
    assert made.target.describe() in (place / "README.md").read_text()
    genuine, impostor = scored(kept, strangers)
    fmr, fnmr = rates_at(genuine, impostor, made.threshold)
    assert (made.fmr, made.fnmr) == pytest.approx((fmr, fnmr))
    assert (made.genuine_pairs, made.impostor_pairs) == (len(genuine), len(impostor))
    each = [rates_at(genuine, impostor, t) for t in np.unique(np.concatenate([genuine, impostor]))]
    if kind == "fmr":
        assert fmr == max(f for f, _ in each if f <= 0.1)
    elif kind == "fnmr":
        assert fnmr == max(n for _, n in each if n <= 0.2)
    elif kind == "fpir":
        assert made.fpir is not None
        assert made.fpir <= 0.2 + 1e-9
    elif kind == "precision":
        assert precision_at(0.3, fmr, fnmr) >= 0.7
    elif kind == "cost":
        assert 0.8 * 3 * fmr + 0.2 * fnmr == pytest.approx(min(0.8 * 3 * f + 0.2 * n for f, n in [*each, (0, 1)]))
    else:
        assert abs(fmr - fnmr) == pytest.approx(min(abs(f - n) for f, n in each))


@pytest.mark.parametrize("curve", CURVES)
def test_every_curve_is_kept(curve: Any, place: Path, strangers: Path) -> None:
    """The probability of each kind of curve rises with the score, within its band, before and after reading it."""
    made = api.calibrate(place, str(strangers), fmr=0.1, curve=curve)
    kept = Model.load(place).calibration
    assert kept == made
    assert made.curve.kind == curve
    probability = kept.probability(np.linspace(-1, 1, 50))
    assert (np.diff(probability) >= -1e-12).all()
    assert probability[-1] > probability[0]
    low, high = kept.band(0.3)
    assert low <= float(kept.probability(0.3)) <= high


def test_a_percent_of_false_matches_when_nothing_is_named(place: Path, strangers: Path) -> None:
    """Without a target it is FMR 0.01."""
    assert api.calibrate(place, str(strangers)).target == Target("fmr", 0.01)


@pytest.mark.parametrize(("target", "sign"), [({"fmr": 0.1}, 1), ({"fnmr": 0.2}, -1), (TARGETS["fpir"], 1)])
def test_confidence_makes_stricter(target: dict[str, Any], sign: int, place: Path, strangers: Path) -> None:
    """To meet a target in 95 % of resamples the threshold moves to the safe side, and says so."""
    plain = api.calibrate(place, str(strangers), **target)
    sure = api.calibrate(place, str(strangers), **target, confidence=0.95)
    assert sign * (sure.threshold - plain.threshold) > 0
    assert (plain.confidence, sure.confidence) == (0.5, 0.95)


def test_the_same_seed_gives_the_same_file(place: Path, strangers: Path) -> None:
    """Calibrating twice with one seed writes the same bytes."""
    texts = []
    for _ in range(2):
        api.calibrate(place, str(strangers), seed=4, **TARGETS["fpir"])
        texts.append((place / "calibration.json").read_bytes())
    assert texts[0] == texts[1]


# --- what is refused

CONFLICTS: list[tuple[dict[str, Any], str]] = [
    ({"fmr": 0.1, "fpir": 0.1, "gallery_size": 5}, "fmr and fpir came, one target"),
    ({"precision": 0.9, "cost": 2.0}, "precision and cost came"),
    ({"fmr": 0.1, "eer": True}, "fmr and eer came"),
    ({"fpir": 0.1}, "belong together"),
    ({"fmr": 0.1, "gallery_size": 20}, "belong together"),
    ({"eer": True, "gallery_size": 20}, "belong together"),
    ({"fpir": 0.1, "gallery_size": 0}, "gallery size is 0|belong together"),
    ({"fmr": 0.1, "prior": 0.2}, "prior is for precision and cost"),
    ({"precision": 0.4, "prior": 0.5}, "higher precision"),
    ({"precision": 0.9, "prior": 1.0}, "share of same pairs is 1"),
    ({"fmr": 0.0}, "rate between 0 and 1"),
    ({"fnmr": 1.0}, "rate between 0 and 1"),
    ({"fmr": float("nan")}, "rate between 0 and 1"),
    ({"cost": -1.0}, "above 0"),
    ({"cost": float("inf")}, "above 0"),
    ({"fmr": 0.1, "confidence": 0.3}, "confidence is 0.3"),
    ({"fmr": 0.1, "confidence": 1.0}, "confidence is 1"),
    ({"eer": True, "confidence": 0.95}, "promises none"),
    ({"fmr": 0.1, "curve": "spline"}, "no curve 'spline'"),
    ({"fmr": 0.1, "seed": -1}, "seed is -1"),
]


@pytest.mark.parametrize(("asked", "words"), CONFLICTS, ids=str)
def test_what_contradicts_itself_is_one_sentence(asked: dict[str, Any], words: str, place: Path) -> None:
    """Two targets, or settings of another target, are refused before any data is read, and nothing is written."""
    with pytest.raises((UsageError, CalibrationError), match=words) as refusal:
        api.calibrate(place, "./nowhere", **asked)
    assert "\n" not in str(refusal.value)
    assert not (place / "calibration.json").exists()


def test_the_command_line_refuses_alike(place: Path, strangers: Path, refused: Refused) -> None:
    """Conflicts are exit code 2 and the same sentence."""
    refused(2, ("calibrate", place, strangers, "--fmr", "0.1", "--fnmr", "0.1"), "fmr and fnmr came")
    refused(2, ("calibrate", place, strangers, "--fpir", "0.1"), "gallery_size")


def test_the_command_line_tells_the_fpir(place: Path, strangers: Path, cli: Cli) -> None:
    """A target FPIR is answered with what it is at its gallery size, and with a warning where classes are few."""
    ran = cli("calibrate", place, strangers, "--fpir", "0.2", "--gallery-size", "4")
    assert ran.code == 0
    assert "FPIR 0.2 among 4 identities" in ran.out
    assert "warning: " in ran.out
    assert "6 classes" in ran.out


def test_classes_learned_from_do_not_choose_a_threshold(tiny_model: Path, shapes: Path, tmp_path: Path) -> None:
    """Calibrating on what was learned from is refused, and the threshold that was there stays."""
    copy = Path(shutil.copytree(tiny_model, tmp_path / "copy"))
    before = (copy / "calibration.json").read_bytes()
    with pytest.raises(DataError, match="trained on"):
        api.calibrate(copy, f"{shapes}:train", fmr=0.1)
    assert (copy / "calibration.json").read_bytes() == before


def test_scores_that_cannot_help_are_refused(seeing: Seeing, strangers: Path) -> None:
    """Embeddings that are all one, or not numbers, give no threshold."""

    class Blind(Seeing):
        fill = 0.125

        def embed_arrays(self, arrays: PixelArray) -> FloatArray:
            return np.full((len(arrays), 64), self.fill, np.float32)

    class Broken(Blind):
        fill = float("nan")

    for kind, words in ((Blind, "do not score higher"), (Broken, "not finite")):
        blind = kind(seeing.path, seeing.spec, None)
        with pytest.raises(CalibrationError, match=words):
            api.calibrate(blind, str(strangers), fmr=0.1)
        assert blind.calibration is None


def test_a_model_without_held_out_data_asks_for_some(seeing: Seeing) -> None:
    """When nothing was held out and nothing is named, the sentence says what to give."""
    trained = seeing.spec.trained.model_copy(update={"calibration_data": ""})
    bare = Seeing(seeing.path, seeing.spec.model_copy(update={"trained": trained}), None)
    with pytest.raises(CalibrationError, match="calibrate MODEL DATA"):
        api.calibrate(bare, fmr=0.1)


# --- the file


def test_a_file_of_an_earlier_form_asks_to_calibrate_again(tiny_model: Path, tmp_path: Path, refused: Refused) -> None:
    """A calibration with slope and intercept, as it once was written, is refused with what to do."""
    copy = Path(shutil.copytree(tiny_model, tmp_path / "copy"))
    old = {
        "slope": 10.0,
        "intercept": -5.0,
        "threshold": 0.5,
        "target_fmr": 0.01,
        "fmr": 0.0,
        "fmr_low": 0.0,
        "fmr_high": 0.02,
        "fnmr": 0.1,
        "genuine_pairs": 100,
        "impostor_pairs": 300,
        "data": "folder:p",
        "classes": ["own:a"],
        "seed": 0,
        "model": Model.load(copy).fingerprint,
        "data_fingerprint": "",
    }
    (copy / "calibration.json").write_text(json.dumps(old))
    with pytest.raises(ModelError, match="calibrate again") as refusal:
        Model.load(copy)
    assert "\n" not in str(refusal.value)
    refused(2, ("compare", copy, "a.png", "b.png"), "calibration.json", "calibrate again")


@pytest.mark.parametrize(
    "change",
    [
        {"threshold": "0.5"},
        {"fmr": 2.0},
        {"shifts": [0.0, -0.1]},
        {"shifts": [0.1]},
        {"band_scores": [1.0, 0.0]},
        {"target": {"kind": "luck", "value": 0.1, "gallery_size": 1, "prior": 0.5}},
        {"curve": {"kind": "platt", "parameters": [-1.0, 0.0], "knots_x": [], "knots_y": []}},
        {"model": "another"},
        {"colour": "red"},
    ],
    ids=str,
)
def test_a_file_that_contradicts_itself_is_refused(change: dict[str, Any], tiny_model: Path, tmp_path: Path) -> None:
    """Numbers of the wrong kind or sense, another model's and unknown fields are one sentence."""
    copy = Path(shutil.copytree(tiny_model, tmp_path / "copy"))
    file = copy / "calibration.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    with pytest.raises(ModelError, match="calibrate again"):
        Model.load(copy)


def test_pairs_calibrate_too(place: Path, strangers: Path, tmp_path: Path) -> None:
    """Data given as pairs gives a threshold without classes and shifts, and is then refused for a test."""
    kinds = sorted(p for p in strangers.iterdir())
    lines = ["left,right,same"]
    for n, kind in enumerate(kinds):
        other = kinds[(n + 1) % len(kinds)]
        lines += [f"{kind / f'{i}.png'},{kind / f'{i + 1}.png'},1" for i in range(5)]
        lines += [f"{kind / f'{i}.png'},{other / f'{i}.png'},0" for i in range(6)]
    manifest = tmp_path / "pairs.csv"
    manifest.write_text("\n".join(lines))
    for target in TARGETS.values():
        made = api.calibrate(place, str(manifest), **target)
        assert (made.genuine_pairs, made.impostor_pairs) == (30, 36)
        assert (made.classes, made.shifts) == ((), ())
        assert Model.load(place).calibration == made
    with pytest.raises(DataError, match="chosen on"):
        api.evaluate(place, "verification", str(manifest))
    moved = tmp_path / "elsewhere" / "asked.csv"
    shutil.copytree(strangers, moved.parent)
    moved.write_text(manifest.read_text().replace(str(strangers), "."))
    with pytest.raises(DataError, match="chosen on"):
        api.evaluate(place, "verification", str(moved))
    older = replace(made, data_fingerprint="0123456789abcdef")  # of names, sizes and times
    Model.load(place).save_calibration(older)
    with pytest.raises(DataError, match="chosen on"):
        api.evaluate(place, "verification", str(manifest))


# --- several references


def test_shifts_rise_from_nothing(place: Path, strangers: Path) -> None:
    """Five shifts, the first 0, none below the one before; more references than five take the last."""
    made = api.calibrate(place, str(strangers), fmr=0.1)
    assert len(made.shifts) == 5
    assert made.shifts[0] == 0
    assert (np.diff(made.shifts) >= 0).all()
    assert made.shift(1) == 0
    assert made.shift(5) == made.shift(99) == made.shifts[-1]


def test_copies_of_a_reference_lose_their_shift_and_nothing_else(
    promised: Seeing, picture: Path, shapes: Path, tmp_path: Path
) -> None:
    """An identity enrolled with one picture three times scores as with the picture once, less the shift of three."""
    assert promised.calibration is not None
    shift = promised.calibration.shift(3)
    assert shift > 0.003
    with api.create(tmp_path / "g.db", model=promised) as gallery:
        gallery.enroll("once", [picture])
        copies = [tmp_path / f"{level}.png" for level in (1, 5, 9)]  # other bytes, or they were one reference
        for level, copy in zip((1, 5, 9), copies, strict=True):
            with Image.open(picture) as opened:
                opened.save(copy, compress_level=level)
        assert gallery.enroll("thrice", copies, override="all").references == 3
        probe = shapes / "circle" / "3.png"
        once, thrice = (gallery.verify(name, probe).score for name in ("once", "thrice"))
        assert thrice == pytest.approx(once - shift, abs=1e-3)
        listed = {c.identity: c.score for c in gallery.identify(probe).candidates}
        assert listed == pytest.approx({"once": once, "thrice": thrice}, abs=1e-5)


# --- the promise


def fpir(model: Model, data: Path, *, identities: int, references: int = 1, galleries: int = 200) -> float:
    """How often strangers are taken for someone in galleries drawn from a data set."""
    held = open_data(str(data))
    vectors = model.embed_arrays(read_all(held, model.input))
    assert model.calibration is not None
    rng = np.random.default_rng(1)
    taken = []
    for _ in range(galleries):
        drawn = draw_enrolment(held, rng, identities=identities, shots=references)
        enrolled = Templates.of(model, vectors[drawn.references], drawn.owners, identities, model.calibration)
        taken.append(accepts(enrolled.scores(model, vectors[drawn.strangers]).max(axis=1), model.calibration).mean())
    return float(np.mean(taken))


def test_an_fpir_is_kept_by_simulated_galleries(promised: Seeing, crowd: Path) -> None:
    """Galleries of the asked size drawn from the same classes let in as many strangers as asked, within half."""
    made = promised.calibration
    assert made is not None
    assert made.fpir is not None
    assert made.fpir_low is not None
    assert made.fpir_high is not None
    assert made.fpir_low <= made.fpir <= 0.05 + 1e-9
    assert made.fpir_high >= made.fpir
    assert 0.05 / 1.5 < fpir(promised, crowd, identities=20) < 0.05 * 1.5
    assert made.expected_fpir(20) == pytest.approx(0.05, rel=0.1)


def test_an_fpir_of_small_galleries_is_kept(seeing: Seeing, crowd: Path) -> None:
    """So it is at another rate, among few."""
    api.calibrate(seeing, str(crowd), fpir=0.2, gallery_size=5)
    assert 0.2 / 1.5 < fpir(seeing, crowd, identities=5) < 0.2 * 1.5


def test_an_fpir_is_kept_whatever_the_references(promised: Seeing, crowd: Path) -> None:
    """With three references an identity the shift holds the rate, which without it is missed."""
    held = fpir(promised, crowd, identities=20, references=3)
    assert 0.05 / 2 < held < 0.05 * 2
    assert promised.calibration is not None
    unshifted = Seeing(promised.path, promised.spec, replace(promised.calibration, shifts=()))
    assert fpir(unshifted, crowd, identities=20, references=3) > 1.1 * held


def test_an_fpir_is_measured_on_strangers_only(promised: Seeing, crowd: Path) -> None:
    """It is that of every probe's own strangers; were its class counted, nearly everyone would have to be kept out."""
    made = promised.calibration
    assert made is not None
    held = open_data(str(crowd))
    vectors = promised.embed_arrays(read_all(held, promised.input))
    rows = promised.score(vectors, vectors)
    rows[held.labels[:, None] == held.labels[None, :]] = np.nan
    assert made.fpir == pytest.approx(expected_fpir(rows, made.threshold, 20))
    genuine, impostor = scored(promised, crowd)
    fmr, fnmr = rates_at(genuine, impostor, made.threshold)
    assert 0.05 / 20 / 1.5 < fmr < 0.05 / 20 * 2
    assert fnmr < 0.7
