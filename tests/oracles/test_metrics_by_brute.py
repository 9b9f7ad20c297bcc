"""All pairs, retrieval, ranks and open-set rates against loops that list every pair and every order of what ties."""

from itertools import pairwise, permutations

import numpy as np
import pytest

from firstsight.metrics import allpairs, binning, retrieval
from firstsight.metrics.allpairs import all_pairs
from firstsight.metrics.identification import cmc, confusion_matrix, rank_credit, ranks
from firstsight.metrics.openset import expected_fpir, open_set_curve, threshold_for_expected_fpir
from firstsight.metrics.survey import survey
from firstsight.metrics.verification import auc, eer, error_curve, rates_at, threshold_for_fmr


def dot(left, right):
    """Scores by the dot product."""
    return left @ right.T


def world(seed, n=60, classes=7, apart=None, kind="smooth"):
    """Embeddings, labels in no order, and what is kept apart; whole numbers tie often and add up exactly."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, classes, n)
    embeddings = draw.normal(size=(classes, 8))[labels] + draw.normal(size=(n, 8))
    embeddings = {"smooth": embeddings, "ties": embeddings.round(), "constant": np.ones((n, 8))}[kind]
    return embeddings.astype(np.float32), labels * 3 + 5, draw.integers(0, apart, n) if apart else None


def listed(embeddings, labels, apart):
    """Genuine and impostor scores of every pair, one by one."""
    scores = dot(embeddings, embeddings)
    pairs = [
        (scores[i, j], labels[i] == labels[j])
        for i in range(len(labels))
        for j in range(i + 1, len(labels))
        if apart is None or apart[i] != apart[j]
    ]
    return tuple(np.array([s for s, same in pairs if same is np.bool_(kind)], np.float32) for kind in (True, False))


WORLDS = [(seed, 60, 7, apart, kind) for seed in range(3) for apart in (None, 3) for kind in ("smooth", "ties")]
WORLDS += [
    (0, 60, 7, None, "constant"),
    (1, 700, 12, None, "ties"),
    (2, 1100, 500, 4, "ties"),
    (3, 1100, 2, None, "ties"),
]


@pytest.mark.parametrize("setting", WORLDS)
@pytest.mark.parametrize(("kept", "bins"), [(1 << 20, 1 << 16), (0, 1 << 16), (0, 24)])
@pytest.mark.parametrize("workers", [1, 3])
def test_all_pairs_equals_listing_them(setting, kept, bins, workers, monkeypatch):
    """EER, AUC, thresholds and rates asked for are those of the listed scores, however few bins there are."""
    monkeypatch.setattr(allpairs, "KEPT", kept)
    for module in (allpairs, binning):
        monkeypatch.setattr(module, "BINS", bins)
    embeddings, labels, apart = world(*setting)
    genuine, impostor = listed(embeddings, labels, apart)
    fmrs, asked = (0.3, 0.1, 0.01, 0.001, 0.0, 1.0), (-1.5, 0.0, 2.0, 8.0, 1e9, -1e9)
    found = all_pairs(dot, embeddings, labels, apart=apart, fmrs=fmrs, thresholds=asked, workers=workers)
    assert found.genuine.sum() == len(genuine)
    assert found.impostor.sum() == len(impostor)
    assert found.eer == pytest.approx(eer(error_curve(genuine, impostor)), abs=1e-12)
    assert found.auc == pytest.approx(auc(genuine, impostor), abs=found.auc_error + 1e-12)
    for fmr in fmrs:
        assert rates_at(genuine, impostor, found.threshold_for_fmr(fmr)) == rates_at(
            genuine, impostor, threshold_for_fmr(impostor, fmr)
        )
        assert found.threshold_for_fmr(fmr) == pytest.approx(threshold_for_fmr(impostor, fmr), abs=1e-6)
    for threshold in asked:
        assert found.rates_at(threshold) == pytest.approx(rates_at(genuine, impostor, threshold), abs=1e-12)
    for threshold, fmr, fnmr in zip(found.curve.thresholds, found.curve.fmr, found.curve.fnmr, strict=True):
        assert (fmr, fnmr) == pytest.approx(rates_at(genuine, impostor, threshold), abs=1e-12)


@pytest.mark.parametrize("setting", WORLDS)
def test_a_small_set_gives_the_whole_curve(setting):
    """When all scores may be kept the curve is error_curve's, point by point, and the AUC is exact."""
    embeddings, labels, apart = world(*setting)
    genuine, impostor = listed(embeddings, labels, apart)
    found, expected = all_pairs(dot, embeddings, labels, apart=apart), error_curve(genuine, impostor)
    np.testing.assert_array_equal(found.curve.thresholds, expected.thresholds)
    np.testing.assert_allclose(found.curve.fmr, expected.fmr, atol=1e-12)
    np.testing.assert_allclose(found.curve.fnmr, expected.fnmr, atol=1e-12)
    assert found.auc_error == 0
    assert found.auc == pytest.approx(auc(genuine, impostor), abs=1e-12)


def by_orders(scores, right, ks):
    """Precision at 1, recall@k and average precision at R, as the mean over every order of what ties."""
    orders = [o for o in permutations(range(len(scores))) if all(scores[a] >= scores[b] for a, b in pairwise(o))]
    total, size = [], int(right.sum())
    for order in orders:
        hits = right[list(order)]
        precision = hits.cumsum() / np.arange(1, len(hits) + 1)
        total.append([hits[0], *(hits[:k].any() for k in ks), (precision * hits)[:size].sum() / size])
    return np.mean(total, axis=0)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("apart", [None, 3])
def test_retrieval_equals_trying_every_order_of_ties(seed, apart):
    """For 7 embeddings with many ties each query's values are their means over all orders that the scores allow."""
    embeddings, labels, marks = world(seed, 7, 2, apart, "ties")
    embeddings = embeddings[:, :2]
    found = retrieval.retrieval(dot, embeddings, labels, apart=marks, ks=(2, 3))
    expected, asking = [], []
    for q in range(7):
        others = [i for i in range(7) if i != q and (apart is None or marks[i] != marks[q])]
        right = labels[others] == labels[q]
        if right.any():
            asking.append(q)
            expected.append(by_orders(dot(embeddings, embeddings)[q, others], right, (2, 3)))
    assert found.queries.tolist() == asking
    assert found.left_out == 7 - len(asking)
    values = np.column_stack([found.precision_at_1, found.recall, found.map_at_r])
    np.testing.assert_allclose(values, np.reshape(expected, (-1, 4)), atol=1e-12)


def distinct(labels, seed):
    """A matrix of scores (n, n), higher for equal labels, of which no two are equal however they are computed."""
    n = len(labels)
    upper = np.triu_indices(n, 1)
    value = (labels[upper[0]] == labels[upper[1]]) + np.random.default_rng(seed).normal(size=len(upper[0]))
    scores = np.zeros((n, n), np.float32)
    scores[upper] = np.argsort(np.argsort(value)) - len(value) // 2
    return scores + scores.T


def by_sorting(matrix, labels, apart, ks):
    """Precision at 1, recall@k and MAP@R where nothing ties."""
    rows = []
    for q, scores in enumerate(matrix):
        kept = np.arange(len(labels)) != q
        if apart is not None:
            kept &= apart != apart[q]
        hits = (labels[kept] == labels[q])[np.argsort(-scores[kept])]
        size = int(hits.sum())
        if size:
            precision = hits.cumsum() / np.arange(1, len(hits) + 1)
            rows.append([hits[0], *(hits[:k].any() for k in ks), (precision * hits)[:size].mean()])
    return np.array(rows, float)


@pytest.mark.parametrize(("n", "classes", "apart"), [(60, 7, None), (1100, 60, None), (1100, 300, 5), (900, 2, 3)])
@pytest.mark.parametrize(("slots", "run"), [(1 << 22, 1 << 13), (1 << 22, 37), (500, 37)])
@pytest.mark.parametrize("workers", [1, 2])
def test_retrieval_equals_sorting(n, classes, apart, slots, run, workers, monkeypatch):
    """Over several tiles, in one portion or in many, each query's values are those of its sorted candidates."""
    monkeypatch.setattr(retrieval, "SLOTS", slots)
    monkeypatch.setattr(retrieval, "_RUN", run)
    _, labels, marks = world(4, n, classes, apart)
    matrix = distinct(labels, 4)
    embeddings = np.arange(n, dtype=np.float32)[:, None]

    def score(left, right):
        return matrix[np.ix_(left[:, 0].astype(int), right[:, 0].astype(int))]

    found = retrieval.retrieval(score, embeddings, labels, apart=marks, ks=(1, 5), workers=workers)
    values = np.column_stack([found.precision_at_1, found.recall, found.map_at_r])
    np.testing.assert_allclose(values, by_sorting(matrix, labels, marks, (1, 5)), atol=1e-12)
    some = np.array([3, n - 1, 17])
    few = retrieval.retrieval(score, embeddings, labels, apart=marks, ks=(1, 5), rows=some, workers=workers)
    place = np.flatnonzero(np.isin(found.queries, some))
    np.testing.assert_array_equal(few.queries, found.queries[place])
    np.testing.assert_allclose(few.map_at_r, found.map_at_r[place], atol=1e-12)
    np.testing.assert_allclose(few.recall, found.recall[place], atol=1e-12)


@pytest.mark.parametrize("setting", WORLDS)
def test_a_survey_is_both(setting):
    """The survey gives what all_pairs and retrieval give one by one."""
    embeddings, labels, apart = world(*setting)
    both = survey(dot, embeddings, labels, apart=apart, ks=(1, 5), fmrs=(0.01,), workers=2)
    pairs = all_pairs(dot, embeddings, labels, apart=apart, fmrs=(0.01,))
    found = retrieval.retrieval(dot, embeddings, labels, apart=apart, ks=(1, 5))
    np.testing.assert_array_equal(both.pairs.curve.fmr, pairs.curve.fmr)
    np.testing.assert_array_equal(both.pairs.curve.thresholds, pairs.curve.thresholds)
    np.testing.assert_array_equal(both.retrieval.map_at_r, found.map_at_r)
    np.testing.assert_array_equal(both.retrieval.recall, found.recall)


@pytest.mark.parametrize("seed", range(4))
def test_ranks_and_cmc_equal_trying_every_order_of_ties(seed):
    """Expected rank and rate at each rank are means over all orders of five candidates that the scores allow."""
    draw = np.random.default_rng(seed)
    scores, target = draw.integers(0, 3, (20, 5)).astype(np.float32), draw.integers(0, 5, 20)
    places = [
        [o.index(t) for o in permutations(range(5)) if all(row[a] >= row[b] for a, b in pairwise(o))]
        for row, t in zip(scores, target, strict=True)
    ]
    np.testing.assert_allclose(ranks(scores, target), [np.mean(p) + 1 for p in places])
    expected = [[np.mean(np.array(p) < r) for r in range(1, 7)] for p in places]
    np.testing.assert_allclose(rank_credit(scores, target, 6), expected)
    np.testing.assert_allclose(cmc(scores, target, 6), np.mean(expected, axis=0))


def test_the_confusion_matrix_equals_counting():
    """Cell (i, j) counts class i answered with j, the last column unknown."""
    draw = np.random.default_rng(0)
    truth, answer = draw.integers(0, 4, 300), draw.integers(-1, 4, 300)
    matrix = confusion_matrix(truth, answer, 4)
    for i in range(4):
        for j in range(5):
            assert matrix[i, j] == sum(truth[n] == i and answer[n] == (-1 if j == 4 else j) for n in range(300))


@pytest.mark.parametrize("decimals", [0, 1, 6])
def test_the_open_set_curve_equals_counting(decimals):
    """At each threshold FPIR and FNIR are the shares of searches counted one by one."""
    draw = np.random.default_rng(1)
    mated, strangers = (draw.normal(m, 1, n).round(decimals).astype(np.float32) for m, n in ((1, 90), (0, 70)))
    right = draw.random(90) < 0.9
    curve = open_set_curve(mated, right, strangers)
    assert list(curve.thresholds[:-1]) == sorted({float(s) for s in [*mated, *strangers]})
    for threshold, fpir, fnir in zip(curve.thresholds, curve.fpir, curve.fnir, strict=True):
        assert fpir == pytest.approx(sum(float(s) >= threshold for s in strangers) / 70)
        missed = sum(not (ok and float(s) >= threshold) for s, ok in zip(mated, right, strict=True))
        assert fnir == pytest.approx(missed / 90)


@pytest.mark.parametrize("fpir", [0.9, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01, 0.0])
def test_the_threshold_for_an_expected_fpir_is_the_lowest_of_all(fpir):
    """Among all distinct scores none lower than those let in meets the rate; the ones let in do."""
    draw = np.random.default_rng(2)
    rows = draw.normal(draw.normal(size=(30, 1)), 1, (30, 50)).round(2).astype(np.float32)
    rows[draw.random(rows.shape) < 0.2] = np.nan
    rows[7] = np.nan
    threshold = threshold_for_expected_fpir(rows, fpir, 20)
    law = [1 - (1 - np.mean(r[~np.isnan(r)] >= threshold)) ** 20 for r in rows if not np.isnan(r).all()]
    assert expected_fpir(rows, threshold, 20) == pytest.approx(np.mean(law), abs=1e-12)
    assert expected_fpir(rows, threshold, 20) <= fpir + 1e-12
    kept_out = np.nanmax(np.where(rows < np.float32(threshold), rows, np.nan))
    assert expected_fpir(rows, float(kept_out), 20) > fpir
