"""Metrics against scikit-learn and pytorch-metric-learning."""

import numpy as np
import pytest
import torch
from pytorch_metric_learning.distances import CosineSimilarity
from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator
from pytorch_metric_learning.utils.inference import CustomKNN
from sklearn.calibration import calibration_curve
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    brier_score_loss,
    confusion_matrix,
    det_curve,
    f1_score,
    log_loss,
    precision_score,
    recall_score,
    roc_auc_score,
    roc_curve,
    top_k_accuracy_score,
)

from firstsight.metrics import identification, reliability
from firstsight.metrics.allpairs import all_pairs
from firstsight.metrics.survey import survey
from firstsight.metrics.verification import best_threshold, confusion, error_curve, fnmr_at_fmr, tar_at_fmr


def drawn(seed, decimals):
    """Genuine and impostor scores with their truth; few decimals make many ties."""
    draw = np.random.default_rng(seed)
    genuine = draw.normal(1, 1, 137).round(decimals).astype(np.float32)
    impostor = draw.normal(0, 1, 411).round(decimals).astype(np.float32)
    return genuine, impostor, np.repeat([1, 0], [137, 411]), np.concatenate([genuine, impostor])


CASES = pytest.mark.parametrize(("seed", "decimals"), [(s, d) for s in range(3) for d in (0, 1, 6)])


@CASES
def test_the_curve_equals_scikit_learns_det_curve(seed, decimals):
    """FMR and FNMR are det_curve's at its thresholds."""
    genuine, impostor, truth, scores = drawn(seed, decimals)
    fpr, fnr, thresholds = det_curve(truth, scores)
    curve = error_curve(genuine, impostor)
    place = np.searchsorted(curve.thresholds, thresholds)
    np.testing.assert_allclose(curve.fmr[place], fpr, atol=1e-12)
    np.testing.assert_allclose(curve.fnmr[place], fnr, atol=1e-12)


@CASES
@pytest.mark.parametrize("fmr", [0.5, 0.1, 0.01, 0.001])
def test_tar_at_fmr_equals_the_best_point_of_scikit_learns_roc(seed, decimals, fmr):
    """TAR@FMR is the highest true positive rate among roc_curve's points with no more false positives."""
    genuine, impostor, truth, scores = drawn(seed, decimals)
    fpr, tpr, _ = roc_curve(truth, scores, drop_intermediate=False)
    curve = error_curve(genuine, impostor)
    assert tar_at_fmr(curve, fmr) == pytest.approx(tpr[fpr <= fmr].max(), abs=1e-12)
    assert fnmr_at_fmr(curve, fmr) == pytest.approx(1 - tar_at_fmr(curve, fmr))


@CASES
@pytest.mark.parametrize("threshold", [-9.0, 0.3, 1.0, 9.0])
def test_the_confusion_equals_scikit_learns(seed, decimals, threshold):
    """The four counts and all that follows from them are scikit-learn's."""
    genuine, impostor, truth, scores = drawn(seed, decimals)
    found, said = confusion(genuine, impostor, threshold), scores >= threshold
    assert confusion_matrix(truth, said).ravel().tolist() == [
        found.true_negatives,
        found.false_positives,
        found.false_negatives,
        found.true_positives,
    ]
    assert found.accuracy == pytest.approx(accuracy_score(truth, said), abs=1e-12)
    assert found.balanced_accuracy == pytest.approx(balanced_accuracy_score(truth, said), abs=1e-12)
    assert found.precision == pytest.approx(precision_score(truth, said, zero_division=0), abs=1e-12)
    assert found.recall == pytest.approx(recall_score(truth, said), abs=1e-12)
    assert found.f1 == pytest.approx(f1_score(truth, said), abs=1e-12)


@CASES
def test_no_threshold_is_better_than_the_best(seed, decimals):
    """The best threshold has the highest of scikit-learn's balanced accuracies over all thresholds."""
    genuine, impostor, truth, scores = drawn(seed, decimals)
    found = confusion(genuine, impostor, best_threshold(genuine, impostor)).balanced_accuracy
    assert found == pytest.approx(max(balanced_accuracy_score(truth, scores >= t) for t in scores), abs=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
def test_brier_and_log_loss_equal_scikit_learns(weighted):
    """Both are scikit-learn's, weights and certain predictions included."""
    draw = np.random.default_rng(0)
    p = draw.random(500).round(2)
    p[:4] = [0, 1, 0, 1]
    y = draw.random(500) < p**2
    y[:4] = [False, True, True, False]
    w = draw.random(500) if weighted else None
    assert reliability.brier(p, y, w) == pytest.approx(brier_score_loss(y, p, sample_weight=w), abs=1e-12)
    assert reliability.log_loss(p, y, w) == pytest.approx(log_loss(y, p, sample_weight=w), rel=1e-9)


def test_the_reliability_diagram_equals_scikit_learns():
    """Filled bins' mean prediction and observed share are calibration_curve's."""
    draw = np.random.default_rng(1)
    p = draw.random(700) ** 3
    y = draw.random(700) < p
    found = reliability.reliability(p, y, bins=12)
    observed, predicted = calibration_curve(y, p, n_bins=12)
    filled = found.count > 0
    np.testing.assert_allclose(found.observed[filled], observed, atol=1e-12)
    np.testing.assert_allclose(found.predicted[filled], predicted, atol=1e-12)


def test_cmc_equals_scikit_learns_top_k_accuracy():
    """Without ties the rate at rank k is top_k_accuracy_score."""
    draw = np.random.default_rng(2)
    scores, target = draw.normal(size=(200, 9)).astype(np.float32), draw.integers(0, 9, 200)
    rates = identification.cmc(scores, target, 9)
    for k in range(1, 9):
        assert rates[k - 1] == pytest.approx(top_k_accuracy_score(target, scores, k=k, labels=range(9)), abs=1e-12)


@pytest.mark.parametrize("spread", [0.3, 1.0, 3.0])
def test_a_survey_equals_pytorch_metric_learning_and_scikit_learn(spread):
    """Precision at 1, MAP@R, EER and AUC of 1,200 embeddings in classes of unequal size are both rivals' to 1e-6."""
    draw = np.random.default_rng(3)
    labels = draw.integers(0, 50, 1200) ** 2 // 50
    embeddings = draw.normal(size=(50, 32))[labels] + spread * draw.normal(size=(1200, 32))
    embeddings = (embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)).astype(np.float32)
    found = survey(lambda a, b: a @ b.T, embeddings, labels)
    alone = np.bincount(labels)[labels] == 1
    calculator = AccuracyCalculator(
        include=("precision_at_1", "mean_average_precision_at_r"),
        k="max_bin_count",
        knn_func=CustomKNN(CosineSimilarity()),
        device=torch.device("cpu"),
    )
    rival = calculator.get_accuracy(torch.from_numpy(embeddings), torch.from_numpy(labels))
    assert found.retrieval.left_out == alone.sum()
    assert found.retrieval.precision_at_1.mean() == pytest.approx(rival["precision_at_1"], abs=1e-6)
    assert found.retrieval.map_at_r.mean() == pytest.approx(rival["mean_average_precision_at_r"], abs=1e-6)
    left, right = np.triu_indices(1200, 1)
    scores, truth = (embeddings @ embeddings.T)[left, right], labels[left] == labels[right]
    fpr, tpr, _ = roc_curve(truth, scores, drop_intermediate=False)
    gap = fpr - (1 - tpr)
    after = int(np.argmax(gap >= 0))
    share = gap[after] / (gap[after] - gap[after - 1])
    assert found.pairs.eer == pytest.approx(fpr[after] - share * (fpr[after] - fpr[after - 1]), abs=1e-6)
    assert found.pairs.auc == pytest.approx(roc_auc_score(truth, scores), abs=1e-6)


def test_narrow_scores_are_parted_as_well():
    """Cosines that all lie within a thousandth of 1, as of an untrained network, still give scikit-learn's AUC."""
    draw = np.random.default_rng(4)
    labels = np.arange(3000) % 300
    embeddings = 1 + 0.01 * (draw.normal(size=(300, 32))[labels] + draw.normal(size=(3000, 32)))
    embeddings = (embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)).astype(np.float32)
    found = all_pairs(lambda a, b: a @ b.T, embeddings, labels)
    left, right = np.triu_indices(3000, 1)
    scores, truth = (embeddings @ embeddings.T)[left, right], labels[left] == labels[right]
    assert scores.min() > 0.99
    assert found.auc_error < 1e-5
    assert found.auc == pytest.approx(roc_auc_score(truth, scores), abs=1e-6)
