"""Calibration: what is kept is what was measured, it survives its file, it warns, and hopeless scores are refused."""

import dataclasses
import itertools
import json

import numpy as np
import pytest
from made import drawn, fitted
from pydantic import TypeAdapter, ValidationError

from firstsight.calibration import CURVES, Calibration, Target, fit_calibration
from firstsight.card import card
from firstsight.errors import CalibrationError
from firstsight.metrics.intervals import exact
from firstsight.model import SHIPPED
from firstsight.spec import ModelSpec

READ = TypeAdapter(Calibration)


def written(calibration):
    """As it stands in calibration.json, to be altered."""
    return json.loads(json.dumps(dataclasses.asdict(calibration)))


def test_a_stricter_target_needs_a_surer_pair():
    """As the target FMR falls the threshold rises, its probability with it, and more genuine pairs are missed."""
    calibrations = [fitted(*drawn(), Target("fmr", fmr)) for fmr in (0.2, 0.1, 0.01, 0.001)]
    for values in (
        [c.threshold for c in calibrations],
        [float(c.probability(c.threshold)) for c in calibrations],
        [c.fnmr for c in calibrations],
    ):
        assert all(a < b for a, b in itertools.pairwise(values))


@pytest.mark.parametrize("impostors", [50, 5000])
@pytest.mark.parametrize("fmr", [0.1, 0.001])
def test_the_measured_rates_stand_with_their_exact_intervals(impostors, fmr):
    """The FMR at the threshold is at most the target, few impostors or many; pairs have exact intervals."""
    genuine, impostor = drawn(500, impostors)
    found = fitted(genuine, impostor, Target("fmr", fmr))
    let_in = int((impostor >= np.float32(found.threshold)).sum())
    missed = int((genuine < np.float32(found.threshold)).sum())
    assert let_in / impostors <= fmr
    assert (found.fmr, found.fnmr) == pytest.approx((let_in / impostors, missed / 500))
    assert (found.fmr_low, found.fmr_high) == pytest.approx(exact(let_in, impostors))
    assert (found.fnmr_low, found.fnmr_high) == pytest.approx(exact(missed, 500))
    assert (found.genuine_pairs, found.impostor_pairs) == (500, impostors)
    assert found.fpir is found.fpir_low is found.fpir_high is None


def test_an_fpir_is_measured_with_its_interval():
    """Without rows it is that of the FMR by the pooled law, ends of the interval included."""
    found = fitted(*drawn(500, 5000), Target("fpir", 0.1, 20))
    for fpir, fmr in ((found.fpir, found.fmr), (found.fpir_low, found.fmr_low), (found.fpir_high, found.fmr_high)):
        assert fpir == pytest.approx(1 - (1 - fmr) ** 20)
    assert found.expected_fpir(20) == pytest.approx(0.1)


def test_a_calibration_says_where_it_comes_from():
    """Data, classes, seed, model, target, confidence, curve and shifts are kept."""
    target = Target("fmr", 0.02)
    found = fitted(*drawn(50, 50), target, confidence=0.9, curve="beta", shifts=(0.0, 0.1), data_fingerprint="f")
    assert (found.data, found.classes, found.seed, found.model) == ("made", ("a", "b"), 3, "m")
    assert (found.target, found.confidence, found.curve.kind) == (target, 0.9, "beta")
    assert (found.shifts, found.data_fingerprint) == ((0.0, 0.1), "f")


def test_strangers_are_taken_for_someone_more_often_in_a_larger_gallery():
    """The expected FPIR is the FMR for one identity, 1 - (1 - FMR)^N for N, and never above 1."""
    found = fitted(*drawn(), Target("fmr", 0.01))
    assert found.expected_fpir(0) == 0
    assert found.expected_fpir(1) == pytest.approx(found.fmr)
    assert found.expected_fpir(50) == pytest.approx(1 - (1 - found.fmr) ** 50)
    assert found.expected_fpir(10**6) == pytest.approx(1)


def test_no_less_is_believed_than_few_pairs_allow():
    """A threshold that let none of 50 impostors in is believed to let in the target, or one in so many pairs."""
    genuine, impostor = drawn(50, 50, apart=8)
    assert fitted(genuine, impostor, Target("fmr", 0.01)).expected_fpir(1) == pytest.approx(0.01)
    assert fitted(genuine, impostor, Target("eer")).expected_fpir(1) == pytest.approx(1 / 51)
    strict = fitted(genuine, impostor, Target("fpir", 0.2, 10), confidence=0.95)
    assert strict.expected_fpir(10) == pytest.approx(0.2)


def test_an_fpir_with_rows_is_believed_at_its_gallery_size():
    """Where probes differ, the pooled FMR at the threshold would foretell more than was promised and measured."""
    draw = np.random.default_rng(0)
    rows = (draw.normal(0, 1, (500, 1)) + draw.normal(0, 1, (500, 200))).astype(np.float32)
    found = fitted(drawn(500, 10, apart=9)[0], rows.ravel(), Target("fpir", 0.1, 20), rows=rows)
    assert found.expected_fpir(20) == pytest.approx(0.1)
    assert 1 - (1 - found.fmr) ** 20 > 0.12


def test_shifts_hold_for_their_number_of_references():
    """The first is for one reference, the last for all beyond; without shifts there is none."""
    found = fitted(*drawn(50, 50), shifts=(0.0, 0.1, 0.15))
    assert [found.shift(k) for k in (1, 2, 3, 4, 100)] == [0.0, 0.1, 0.15, 0.15, 0.15]
    assert fitted(*drawn(50, 50)).shift(7) == 0
    with pytest.raises(CalibrationError, match="0 references"):
        found.shift(0)


@pytest.mark.parametrize(
    ("target", "pairs", "needed", "kind"),
    [
        (Target("fmr", 0.001), (9000, 900), 3000, "different"),
        (Target("fnmr", 0.001), (900, 9000), 3000, "same"),
        (Target("fpir", 0.01, 20), (9000, 900), 5972, "different"),
    ],
)
def test_a_target_that_few_pairs_cannot_show_is_warned_of(target, pairs, needed, kind):
    """By the rule of three: 3 / rate pairs, of the kind the rate is about."""
    found = fitted(*drawn(*pairs, apart=4), target, classes=())
    assert found.needed_pairs == needed
    expected = f"{target.describe()} needs at least {needed:,} {kind} pairs to be shown; 900 stand behind it"
    assert found.warnings() == (expected,)
    enough = [max(p, needed) if p == 900 else 50 for p in pairs]
    assert fitted(*drawn(*enough, apart=4), target, classes=()).warnings() == ()


def test_a_precision_needs_the_pairs_of_the_fmr_it_implies():
    """99 of 100 at 1 same in 10 means an FMR of about (1 - FNMR) / 891."""
    found = fitted(*drawn(900, 900, apart=5), Target("precision", 0.99, prior=0.1), classes=())
    assert found.needed_pairs == pytest.approx(3 * 891 / (1 - found.fnmr), abs=1)
    assert found.warnings()[0].startswith("precision 0.99 when 10 % of pairs are the same needs at least")


def test_few_classes_are_warned_of():
    """Below 20 classes, with what mends it; with confidence asked for, only more classes do."""
    six = tuple("abcdef")
    plain = fitted(*drawn(), classes=six)
    assert plain.warnings() == (
        "chosen on 6 classes: on others the FMR may be several times as high; bring more classes or ask for "
        "--confidence 0.95",
    )
    sure = fitted(*drawn(), classes=six, confidence=0.95)
    assert sure.warnings() == (
        "chosen on 6 classes: on others the FMR may be several times as high; bring more classes",
    )
    assert "FNMR may" in fitted(*drawn(), Target("fnmr", 0.01), classes=six).warnings()[0]
    assert fitted(*drawn(), classes=tuple(map(str, range(20)))).warnings() == ()


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("target", [Target("fmr", 0.01), Target("fpir", 0.1, 20), Target("eer")], ids=lambda t: t.kind)
def test_a_calibration_survives_its_file(curve, target):
    """Written and read it is equal, and every number of it is plain and finite."""
    found = fitted(*drawn(300, 300), target, curve=curve, shifts=(0.0, 0.1))
    text = json.dumps(dataclasses.asdict(found), allow_nan=False)
    assert READ.validate_json(text) == found


def test_a_file_of_before_is_refused():
    """A slope and an intercept are no curve."""
    old = written(fitted(*drawn(50, 50)))
    del old["curve"], old["target"]
    with pytest.raises(ValidationError):
        READ.validate_python({**old, "slope": 1.0, "intercept": 0.0, "target_fmr": 0.01})


@pytest.mark.parametrize(
    "changed",
    [
        {"slope": 1.0},
        {"threshold": float("nan")},
        {"threshold": "0.5"},
        {"fmr": 1.5},
        {"fmr_low": -0.1},
        {"confidence": 1.0},
        {"genuine_pairs": 0},
        {"needed_pairs": -1},
        {"fpir": 0.1},
        {"target": {"kind": "fpir", "value": 0.1, "gallery_size": 20, "prior": 0.5}},
        {"target": {"kind": "fmr", "value": 2.0, "gallery_size": 1, "prior": 0.5}},
        {"band_scores": [0.0, 1.0]},
        {"band_scores": [1.0, 0.0], "band_low": [0.0, 0.0], "band_high": [1.0, 1.0]},
        {"band_scores": list(range(40)), "band_low": [0.0] * 40, "band_high": [1.0] * 40},
        {"shifts": [0.1, 0.2]},
        {"shifts": [0.0, -0.2]},
    ],
)
def test_a_file_that_contradicts_itself_is_refused(changed):
    """Whatever is altered to what no fit gives."""
    good = written(fitted(*drawn(50, 50)))
    READ.validate_json(json.dumps(good))
    with pytest.raises(ValidationError):
        READ.validate_json(json.dumps({**good, **changed}))


@pytest.mark.parametrize("counts", [(0, 50), (50, 0)])
def test_pairs_of_one_kind_are_refused(counts):
    """Without same pairs, or without different ones, nothing can be calibrated."""
    with pytest.raises(CalibrationError, match="both are needed"):
        fitted(*drawn(*counts))


@pytest.mark.parametrize("curve", CURVES)
def test_scores_the_wrong_way_round_are_refused(curve):
    """When same pairs score lower than different ones no threshold helps, and the error says so."""
    genuine, impostor = drawn(500, 500)
    with pytest.raises(CalibrationError, match="do not score higher"):
        fitted(impostor, genuine, curve=curve)


@pytest.mark.parametrize("curve", CURVES)
def test_a_constant_scorer_is_refused(curve):
    """When all pairs score alike, as with a collapsed embedding, no threshold helps either."""
    constant = np.full(100, 0.5, np.float32)
    with pytest.raises(CalibrationError, match="do not score higher"):
        fitted(constant, constant, curve=curve)


def test_scores_that_are_not_finite_are_refused():
    """One such score would poison the curve."""
    genuine, impostor = drawn(50, 50)
    with pytest.raises(CalibrationError, match="not finite"):
        fitted(np.append(genuine, np.float32("nan")), impostor)


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("kind", ["fmr", "fnmr", "precision"])
def test_the_least_data_there_can_be_is_calibrated(curve, kind):
    """One same pair, one different pair, two classes: a threshold between them, all numbers finite, warnings."""
    scores, same = np.array([1, 0], np.float32), np.array([True, False])
    units = np.array([0, 0]), np.array([0, 1])
    for confidence, given in itertools.product((0.5, 0.95), (units, None)):
        found = fit_calibration(
            scores,
            same,
            target=Target(kind, 0.9 if kind == "precision" else 0.1),
            data="made",
            classes=("a", "b"),
            seed=0,
            model="m",
            units=given,
            confidence=confidence,
            curve=curve,
        )
        assert 0 < found.threshold <= 1
        assert len(found.warnings()) == 2
        assert READ.validate_json(json.dumps(dataclasses.asdict(found), allow_nan=False)) == found


def test_ties_and_neighbouring_floats_are_calibrated():
    """Scores of very few values, next to each other in float32, still get thresholds that part them."""
    low = np.float32(0.5)
    high = np.nextafter(low, np.float32(1))
    genuine, impostor = np.repeat([high, low], [90, 10]), np.repeat([low, high], [99, 1])
    for confidence in (0.5, 0.6):
        found = fitted(genuine, impostor, Target("fmr", 0.05), confidence=confidence)
        assert np.float32(found.threshold) == high
        assert (found.fmr, found.fnmr) == (0.01, 0.1)


def test_the_card_says_what_was_promised_and_what_was_seen():
    """Target in words, rates with intervals, pairs and what they can show, warnings."""
    spec = ModelSpec.model_validate_json((SHIPPED / "glyphs" / "model.json").read_bytes())
    found = fitted(
        *drawn(500, 900),
        Target("fpir", 0.01, 20),
        confidence=0.95,
        classes=tuple("abcdef"),
        shifts=(0.0, 0.02, 0.03, 0.03, 0.03),
    )
    text = card(spec, found)
    assert "for FPIR 0.01 among 20 identities with confidence 0.95, chosen on `made`" in text
    assert "(6 classes, 500 same pairs and 900 different pairs)" in text
    assert f"| FMR | {found.fmr:.4g} | {found.fmr_low:.4g} to {found.fmr_high:.4g} |" in text
    assert f"| FPIR among 20 identities | {found.fpir:.4g} |" in text
    assert "can show an FMR of 0.0033 or more" in text
    assert "lose 0, 0.02, 0.03, 0.03, 0.03" in text
    for warning in found.warnings():
        assert f"- Warning: {warning}." in text
    assert "gives scores but no decisions" in card(spec, None)
    assert "| FPIR" not in card(spec, fitted(*drawn(50, 50)))


def test_a_gallery_large_beside_the_classes_is_warned_of():
    """FPIR by rows draws references as if a class could be enrolled twice: too little is told for large galleries."""
    rows = np.random.default_rng(0).normal(size=(50, 60)).astype(np.float32)
    target = Target("fpir", 0.2, 20)
    for number, told in ((59, True), (60, False)):
        found = fitted(*drawn(), target, classes=tuple(map(str, range(number))), rows=rows)
        assert any("cannot stand for a gallery of 20" in warning for warning in found.warnings()) is told
    plain = fitted(*drawn(), Target("fmr", 0.01), classes=tuple(map(str, range(30))))
    assert not any("gallery" in warning for warning in plain.warnings())
