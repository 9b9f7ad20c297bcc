"""Retrieval: every example asks all others; how many of the nearest are of its class?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from firstsight.evaluation.baseline import BASELINES
from firstsight.evaluation.identification import accuracy_table, units
from firstsight.evaluation.subject import Outcome, Subject
from firstsight.metrics.intervals import mean_by_cluster
from firstsight.metrics.retrieval import retrieval as measure
from firstsight.types import IntArray

KS = (1, 5, 10)
_SHOWN, _NEAREST = 8, 8


def retrieval(subject: Subject) -> Outcome:
    """Recall@k, precision@1 and MAP@R (Musgrave et al., 2020) over the whole data set, the asking example left out."""
    data, s = subject.data, subject.settings
    _, origins = data.origins
    apart = origins if s.across == "origins" and len(np.unique(origins)) > 1 else None
    found = measure(subject.embedder.score, subject.embeddings, data.labels, apart=apart, ks=KS)
    by, names, unit = units(data)
    asked = unit[found.queries]
    drawn = np.arange(len(found.queries)) if subject.learned else asked
    metrics = {"map@r": mean_by_cluster(found.map_at_r, drawn, seed=s.seed)}
    for place, k in enumerate(KS):
        metrics[f"recall@{k}"] = mean_by_cluster(found.recall[:, place].astype(np.float64), drawn, seed=s.seed)
    for baseline in BASELINES:
        flat = baseline.embed_arrays(subject.arrays)
        other = measure(baseline.score, flat, data.labels, apart=apart, ks=(1,))
        metrics[f"{baseline.name} map@r"] = mean_by_cluster(other.map_at_r, drawn, seed=s.seed)
        recall = other.recall[:, 0].astype(np.float64)
        metrics[f"{baseline.name} recall@1"] = mean_by_cluster(recall, drawn, seed=s.seed)
    details: dict[str, object] = {
        "by": by,
        "table": accuracy_table(names, asked, found.recall[:, 0].astype(np.float64)),
        "neighbours": _neighbours(subject, found.queries, found.map_at_r, apart),
    }
    skipped = len(data) - len(found.queries)
    notes = (f"{skipped} examples have no other of their class to find and do not ask",) if skipped else ()
    return Outcome(f"retrieval, across {s.across}", len(found.queries), metrics, details, notes)


def _neighbours(
    subject: Subject, queries: IntArray, quality: npt.NDArray[np.float64], apart: IntArray | None
) -> list[dict[str, object]]:
    """The nearest of a few queries: half drawn at random, half among the worst."""
    rng = np.random.default_rng((subject.settings.seed, 6))
    worst = queries[np.argsort(quality, kind="stable")[: _SHOWN // 2]]
    chance = queries[rng.permutation(len(queries))[: _SHOWN // 2]]
    shown = np.unique(np.concatenate([chance, worst]))
    scores = subject.embedder.score(subject.embeddings[shown], subject.embeddings)
    labels = subject.data.labels
    strips: list[dict[str, object]] = []
    for query, row in zip(shown, scores, strict=True):
        row[query] = -np.inf
        if apart is not None:
            row[apart == apart[query]] = -np.inf
        nearest = np.argsort(-row, kind="stable")[:_NEAREST]
        nearest = nearest[np.isfinite(row[nearest])]
        strips.append(
            {
                "query": int(query),
                "nearest": nearest.tolist(),
                "scores": row[nearest].tolist(),
                "right": (labels[nearest] == labels[query]).tolist(),
            }
        )
    return strips
