"""One evaluation of random clusters in a process of its own, for ``bench.py``: seconds, peak memory and the figures.

python results/bench_metrics.py firstsight|rivals N D THREADS
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from firstsight.types import FloatArray, IntArray

SEED = 0
A_CLASS = 20
SPREAD = 2.0  # of a class around its centre, in standard deviations of the centres


def clusters(n: int, d: int) -> tuple[FloatArray, IntArray]:
    """Normalised embeddings ``(n, d)`` in classes of 20 and their labels, in no order."""
    rng = np.random.default_rng(SEED)
    labels = rng.permutation(n) // A_CLASS
    centres = rng.standard_normal((-(-n // A_CLASS), d), np.float32)
    embeddings = rng.standard_normal((n, d), np.float32)
    for run in np.array_split(np.arange(n), 100):  # in runs, so that making them is not the peak of memory
        embeddings[run] = SPREAD * embeddings[run] + centres[labels[run]]
        embeddings[run] /= np.linalg.norm(embeddings[run], axis=1, keepdims=True)
    return embeddings, labels


def firstsight(threads: int) -> Callable[[FloatArray, IntArray], dict[str, float]]:
    """One survey."""
    from firstsight.metrics.survey import survey
    from firstsight.similarity import Similarity

    def run(embeddings: FloatArray, labels: IntArray) -> dict[str, float]:
        found = survey(Similarity().scores, embeddings, labels, workers=threads)
        return {
            "precision at 1": float(found.retrieval.precision_at_1.mean()),
            "MAP@R": float(found.retrieval.map_at_r.mean()),
            "EER": found.pairs.eer,
            "AUC": found.pairs.auc,
        }

    return run


def rivals(threads: int) -> Callable[[FloatArray, IntArray], dict[str, float]]:
    """pytorch-metric-learning's AccuracyCalculator, then scikit-learn's roc_curve over all pairs, none held twice."""
    import torch
    from pytorch_metric_learning.distances import DotProductSimilarity
    from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator
    from pytorch_metric_learning.utils.inference import CustomKNN
    from sklearn.metrics import auc, roc_curve

    torch.set_num_threads(threads)
    knn = CustomKNN(DotProductSimilarity(normalize_embeddings=False), batch_size=1024)
    calculator = AccuracyCalculator(
        include=("precision_at_1", "mean_average_precision_at_r"),
        k="max_bin_count",
        knn_func=knn,
        device=torch.device("cpu"),
    )

    def run(embeddings: FloatArray, labels: IntArray) -> dict[str, float]:
        n = len(embeddings)
        near = calculator.get_accuracy(torch.from_numpy(embeddings), torch.from_numpy(labels))
        scores, truth = np.empty(n * (n - 1) // 2, np.float32), np.empty(n * (n - 1) // 2, bool)
        at = 0
        for start in range(0, n, 1024):
            block = embeddings[start : start + 1024] @ embeddings[start:].T
            for i, row in enumerate(block):
                end = at + n - start - i - 1
                scores[at:end] = row[i + 1 :]
                truth[at:end] = labels[start + i + 1 :] == labels[start + i]
                at = end
        fpr, tpr, _ = roc_curve(truth, scores)
        gap = fpr - (1 - tpr)
        after = int(np.argmax(gap >= 0))
        share = gap[after] / (gap[after] - gap[after - 1])
        return {
            "precision at 1": near["precision_at_1"],
            "MAP@R": near["mean_average_precision_at_r"],
            "EER": float(fpr[after] - share * (fpr[after] - fpr[after - 1])),
            "AUC": float(auc(fpr, tpr)),
        }

    return run


def peak() -> float:
    """Largest resident memory so far, in MiB (Linux)."""
    # Not getrusage: its maximum counts what the starting process held before this one began.
    line = next(row for row in Path("/proc/self/status").read_text().splitlines() if row.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    who, n, d, threads = sys.argv[1], *map(int, sys.argv[2:5])
    run = {"firstsight": firstsight, "rivals": rivals}[who](threads)
    embeddings, labels = clusters(n, d)
    before, began = peak(), time.perf_counter()
    figures = run(embeddings, labels)
    print(json.dumps({"seconds": time.perf_counter() - began, "before MiB": before, "peak MiB": peak(), **figures}))
