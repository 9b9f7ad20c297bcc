"""What the figures mean, in words: where the errors are, how far the figures can be trusted, what would help."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from firstsight.errors import count
from firstsight.evaluation.identification import units
from firstsight.evaluation.subject import Outcome, Subject
from firstsight.types import FloatArray, Metric
from firstsight.verdict import USELESS

FEW_GROUPS = 10
_SAMPLE = 4000  # embeddings whose spread is looked at


def diagnose(subject: Subject, outcome: Outcome) -> tuple[tuple[str, ...], dict[str, object]]:
    """Sentences, most important first, and the details behind them."""
    spectrum = variance_shares(subject.embeddings[:: max(1, len(subject.embeddings) // _SAMPLE)])
    details: dict[str, Any] = outcome.details
    sentences = [
        *([] if subject.learned else _collapse(spectrum)),  # learned classes may well be points
        *_baseline(outcome.metrics),
        *_threshold(subject, outcome.metrics),
        *_probability(outcome.metrics),
        *concentration(details.get("table", []), str(details.get("by", "class"))),
        *_draws(details.get("draws")),
        *_trust(subject),
    ]
    return tuple(sentences), {"spectrum": [round(float(v), 6) for v in spectrum]}


def variance_shares(embeddings: FloatArray) -> FloatArray:
    """Share of the variance along each principal direction ``(d,)``, descending."""
    centred = embeddings.astype(np.float64) - embeddings.mean(axis=0, dtype=np.float64)
    values = np.linalg.eigvalsh(centred.T @ centred)[::-1].clip(0)
    total = values.sum()
    rounding = 1e-9 * float(np.square(embeddings, dtype=np.float64).sum())
    return np.asarray(values / total if total > rounding else 0 * values, np.float32)


def effective_dimensions(shares: FloatArray) -> float:
    """How many directions an embedding fills: 1 / sum of squared shares (participation ratio); 0 for a point."""
    square = float((shares.astype(np.float64) ** 2).sum())
    return 1 / square if square > 0 else 0.0


def _collapse(shares: FloatArray) -> list[str]:
    used, dim = effective_dimensions(shares), len(shares)
    if used >= min(4.0, dim / 2):
        return []
    return [
        f"the embedding uses {used:.1f} of its {dim} dimensions: it has collapsed, or the data hardly differs; train "
        "longer, with more classes a batch, or with a gentler loss"
    ]


def _baseline(metrics: Mapping[str, Metric]) -> list[str]:
    """Where comparing pixels or HOG does as well at the headline, or at the first figure that they have."""
    for name, ours in metrics.items():
        found = [(words, metrics.get(own if name == "accuracy" else f"{own} {name}")) for own, words in _PLAIN.items()]
        plain = [(words, theirs) for words, theirs in found if theirs is not None]
        if not plain:
            continue
        lower = name.split("@")[0] in ("eer", "fnir")
        words, best = (min if lower else max)(plain, key=lambda one: one[1].value)
        if ours.high < best.low if lower else ours.low > best.high:
            return []
        return [
            f"{words} does as well ({best.value:.1%} against {ours.value:.1%}): the model has learned nothing that "
            "helps on this data; train on data more like it"
        ]
    return []


_PLAIN = {"pixels": "comparing pixels", "hog": "HOG, without learning,"}


def _threshold(subject: Subject, metrics: Mapping[str, Metric]) -> list[str]:
    calibration = subject.calibration
    if calibration is None:
        return []
    found = []
    asked = {"fmr@threshold": calibration.expected_fpir(1)}
    if "fpir@threshold" in metrics:
        asked["fpir@threshold"] = calibration.expected_fpir(subject.settings.ways)
    misses = any(metrics[n].value > USELESS for n in ("fnmr@threshold", "fnir@threshold") if n in metrics)
    surer = "" if calibration.confidence >= 0.9 else ", or with --confidence 0.95"
    for name, expected in asked.items():
        metric = metrics.get(name)
        if metric is None:
            continue
        rate = name.split("@")[0].upper()
        if metric.low > 1.5 * expected:
            found.append(
                f"{rate} at the saved threshold is {metric.value:.2%}, {expected:.2%} was to be expected: this data is "
                f"harder than what the threshold was chosen on; calibrate on data like this{surer}"
            )
        elif metric.high < expected / 1.5 and not misses:
            found.append(
                f"{rate} at the saved threshold is {metric.value:.2%}, {expected:.2%} was allowed: the threshold is "
                "stricter than it need be here; calibrate on data like this to miss fewer"
            )
    return found


def _probability(metrics: Mapping[str, Metric]) -> list[str]:
    metric = metrics.get("ece")
    if metric is None or metric.value <= 0.05:
        return []
    return [f"probabilities are off by {metric.value:.1%} on average (ECE): calibrate on data like this"]


def concentration(table: Sequence[Mapping[str, Any]], by: str) -> list[str]:
    """Which few classes or groups make most of the errors."""
    rows = [r for r in table if "accuracy" in r]
    errors = np.array([(1 - r["accuracy"]) * r["trials"] for r in rows])
    if len(rows) < 6 or errors.sum() < 10:
        return []
    order = np.argsort(-errors)
    for few in (1, 2, 3, 5):
        share = errors[order[:few]].sum() / errors.sum()
        trials = sum(rows[i]["trials"] for i in order[:few]) / sum(r["trials"] for r in rows)
        if share >= 0.5 and share >= 2 * trials and few <= len(rows) / 4:
            names = ", ".join(str(rows[i]["name"]) for i in order[:few])
            kind = count(few, "class", "classes") if by == "class" else count(few, by, f"{by}s")
            rest = errors[order[few:]].sum() / sum(rows[i]["trials"] for i in order[few:])
            return [
                f"{share:.0%} of the errors come from {kind} of {len(rows)} ({names}); without, {rest:.1%} of the "
                "trials would be wrong"
            ]
    return []


def _draws(draws: Mapping[str, Any] | None) -> list[str]:
    if not draws or len(draws["values"]) < 10:
        return []
    low, high = np.quantile(draws["values"], [0.05, 0.95])
    if high - low < 0.05:
        return []
    return [
        f"which references are drawn moves {draws['name']} from {low:.1%} to {high:.1%} (the middle 90 % of draws): "
        "choose references with care, or enroll several"
    ]


def _trust(subject: Subject) -> list[str]:
    found = []
    by, names, _ = ("pair", (), None) if subject.data.pairs else units(subject.data)
    if subject.learned:
        found.append("the model learned these classes: the figures are of new images of them, not of new classes")
    elif names and len(names) < FEW_GROUPS:
        kind = count(len(names), "class", "classes") if by == "class" else count(len(names), by, f"{by}s")
        found.append(f"all figures rest on {kind}: their intervals are rough, and other data may fall outside them")
    if subject.calibration:
        found += [f"the threshold: {warning}" for warning in subject.calibration.warnings()]
    return found
