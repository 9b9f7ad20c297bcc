"""Confidence: few classes give a stricter threshold, one that keeps the target on other classes as often as asked."""

import time

import numpy as np
import pytest
from made import World, drawn, fitted

from firstsight.calibration import Target, fit_calibration
from firstsight.metrics.intervals import exact
from firstsight.metrics.openset import expected_fpir

RATES = (
    Target("fmr", 0.02),
    Target("fnmr", 0.05),
    Target("fpir", 0.05, 5),
    Target("precision", 0.95, prior=0.2),
)


def calibrated(sample, target, confidence=0.5, **settings):
    """A calibration of a sample of a World."""
    scores, same, units = sample
    settings = {"data": "made", "classes": (), "seed": 0, "model": "m", "units": units, **settings}
    return fit_calibration(scores, same, target=target, confidence=confidence, **settings)


def searches(world, classes, seed, probes=3):
    """Rows, and the classes of their probes and references, of which each class has one."""
    draw = np.random.default_rng((seed, 1))
    effect = draw.normal(0, world.effect, classes)
    probe, reference = np.repeat(np.arange(classes), probes), np.arange(classes)
    noise = draw.normal(0, world.noise, (len(probe), classes))
    rows = (effect[probe][:, None] + effect[None] + noise).astype(np.float32)
    rows[probe[:, None] == reference[None]] = np.nan
    return rows, (probe, reference)


@pytest.mark.parametrize("target", RATES, ids=lambda t: t.kind)
@pytest.mark.parametrize("with_classes", [True, False])
def test_more_confidence_is_stricter(target, with_classes):
    """The threshold moves to the safe side as confidence rises: down for a FNMR, else up."""
    sample = World().sample(60, 0)
    settings = {} if with_classes else {"units": None}
    found = [calibrated(sample, target, c, **settings).threshold for c in (0.5, 0.8, 0.95)]
    safe = -1 if target.kind == "fnmr" else 1
    assert safe * found[0] < safe * found[1] < safe * found[2]


def test_more_confidence_is_stricter_with_rows():
    """So it is where probes have their own rates, with their classes known or not."""
    world = World()
    rows, units = searches(world, 60, 0)
    target = Target("fpir", 0.2, 10)
    for rows_units in (units, None):
        found = [calibrated(world.sample(60, 0), target, c, rows=rows, rows_units=rows_units) for c in (0.5, 0.8, 0.95)]
        assert found[0].threshold < found[1].threshold < found[2].threshold
        for calibration in found:
            assert calibration.fpir == expected_fpir(rows, calibration.threshold, 10)
            assert calibration.fpir_low <= calibration.fpir <= calibration.fpir_high


def test_few_classes_are_stricter_than_many():
    """The same number of pairs of fewer classes proves less, so the threshold rises further above the plain one."""
    world, target = World(), Target("fmr", 0.05)
    rises = {}
    for classes in (15, 150):
        samples = [world.sample(classes, seed, each=4, pairs=9000 // classes) for seed in range(5)]
        rises[classes] = np.mean(
            [calibrated(s, target, 0.95).threshold - calibrated(s, target).threshold for s in samples]
        )
    assert rises[15] > 2 * rises[150] > 0


def test_the_target_is_kept_on_other_classes_as_often_as_asked():
    """Over many draws of 40 classes the true FMR meets the target about half the time plainly, mostly at 0.95."""
    world, target = World(), Target("fmr", 0.05)
    kept = {0.5: 0, 0.95: 0}
    for seed in range(40):
        sample = world.sample(40, seed, pairs=60)
        for confidence in kept:
            kept[confidence] += world.fmr(calibrated(sample, target, confidence).threshold) <= target.value
    assert 12 <= kept[0.5] <= 26
    assert kept[0.95] >= 34


def test_pairs_without_classes_meet_the_exact_bound():
    """The upper end of the one-sided exact interval is at most the target, and would not be a pair further down."""
    g, i = drawn(500, 20_000)
    found = fitted(g, i, Target("fmr", 0.01), confidence=0.975)  # one-sided, so the end of the two-sided 95 %
    let_in = int((i >= np.float32(found.threshold)).sum())
    assert exact(let_in, len(i))[1] <= 0.01 < exact(let_in + 2, len(i))[1]


def test_a_target_out_of_reach_stops_just_beyond_the_pairs():
    """900 impostors cannot show 1 in 1,000: the threshold stands above them all, yet lets same pairs in."""
    g, i = drawn(500, 900, apart=6)
    found = fitted(g, i, Target("fmr", 0.001), confidence=0.95)
    assert found.fmr == 0
    assert found.fnmr < 0.6
    assert found.threshold < g[g > i.max()].min()
    few = fitted(g, i[:250], Target("fmr", 0.01), confidence=0.95)  # plainly two of them are let in
    assert few.fmr == 0
    assert few.threshold < g[g > i[:250].max()].min()
    missed = fitted(g, i, Target("fnmr", 0.001), confidence=0.95)
    assert missed.fnmr == 0
    assert missed.threshold > i[i < g.min()].max()


def test_the_same_seed_gives_the_same_threshold():
    """Resamples are seeded."""
    sample = World().sample(30, 0)
    first, again, other = (calibrated(sample, Target("fmr", 0.05), 0.9, seed=s) for s in (0, 0, 1))
    assert first == again
    assert first.band_low != other.band_low


def test_names_of_classes_do_not_matter():
    """Classes numbered with gaps give what the same classes numbered without do."""
    scores, same, (left, right) = World().sample(30, 0)
    plain = calibrated((scores, same, (left, right)), Target("fmr", 0.05), 0.9)
    gaps = calibrated((scores, same, (left * 7 + 3, right * 7 + 3)), Target("fmr", 0.05), 0.9)
    assert gaps.threshold == plain.threshold
    assert gaps.band_low == plain.band_low


def test_the_interval_holds_the_truth_of_other_classes():
    """The 95 % interval of the FMR, resampling classes, holds the true rate; the exact one of pairs is too narrow."""
    world = World()
    held, naive = 0, 0
    for seed in range(30):
        sample = world.sample(40, seed, pairs=100)
        for units in (sample[2], None):
            c = calibrated(sample, Target("fmr", 0.05), units=units)
            inside = c.fmr_low <= world.fmr(c.threshold) <= c.fmr_high
            held, naive = (held, naive + inside) if units is None else (held + inside, naive)
    assert held >= 24
    assert naive <= 18


@pytest.mark.parametrize("curve", ["platt", "beta", "isotonic"])
def test_the_band_is_wider_for_fewer_classes_and_holds_the_probability(curve):
    """As many pairs of more classes make the probability surer; the band always holds it, off its grid too."""
    widths = []
    for classes in (10, 200):
        sample = World().sample(classes, 1, each=2000 // classes, pairs=6000 // classes)
        found = calibrated(sample, Target("fmr", 0.05), curve=curve)
        assert 2 <= len(found.band_scores) <= 33
        points = np.linspace(-6, 9, 200)
        bands = np.array([found.band(float(x)) for x in points])
        at_grid = found.probability(found.band_scores)
        assert (np.array(found.band_low) <= at_grid).all()
        assert (at_grid <= np.array(found.band_high)).all()
        middle = found.probability(points)
        assert (bands[:, 0] <= middle).all()
        assert (middle <= bands[:, 1]).all()
        assert (bands >= 0).all()
        assert (bands <= 1).all()
        widths.append((bands[:, 1] - bands[:, 0]).max())
    assert widths[0] > 1.5 * widths[1]


def test_the_band_holds_the_true_probability():
    """Where the truth is known (two normals) the band covers it in most draws, at a score in doubt."""
    inside = 0
    for seed in range(30):
        low, high = fitted(*drawn(300, 300, seed=seed)).band(0.5)
        inside += low <= 1 / (1 + np.exp(-1.0)) <= high
    assert inside >= 26


@pytest.mark.slow
def test_a_million_pairs_take_seconds():
    """The resamples add little to a million pairs; a loop over all pairs in each would take minutes."""
    draw = np.random.default_rng(0)
    own, left = draw.integers(0, 300, 100_000), draw.integers(0, 300, 1_000_000)
    right = (left + draw.integers(1, 300, len(left))) % 300
    same = np.arange(1_100_000) < 100_000
    scores = (draw.normal(size=len(same)) + 3 * same).astype(np.float32)
    units = np.concatenate([own, left]), np.concatenate([own, right])
    start = time.process_time()
    calibrated((scores, same, units), Target("fmr", 0.001), 0.95)
    assert time.process_time() - start < 15
