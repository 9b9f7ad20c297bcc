"""What the tests of the report share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from patches import Patches

from firstsight.types import Metric, Report


@pytest.fixture
def patches(tmp_path: Path) -> Patches:
    """The model, in a folder of its own."""
    (tmp_path / "patches").mkdir()
    return Patches(tmp_path / "patches")


@pytest.fixture
def bare(strangers: Path) -> Report:
    """A report without details."""
    return Report(
        protocol="verification",
        data=f"folder:{strangers}",
        model="patches 0123",
        trained_on="nothing",
        trials=1200,
        seed=3,
        metrics={"auc": Metric(0.9876, 0.98, 0.99)},
    )


@pytest.fixture
def full() -> dict[str, Any]:
    """Details with every key, for a data set of 36 examples in six classes."""
    roc = {"threshold": [0.1, 0.4, 0.7], "fmr": [0.5, 0.05, 0.001], "fnmr": [0.001, 0.04, 0.3]}
    pair = {"left": 0, "right": 7, "score": 0.91}
    return {
        "roc": roc,
        "curves": {"same alphabet": roc, "any alphabet": roc},
        "threshold": 0.45,
        "histogram": {"edges": [0, 0.5, 1], "genuine": [0.1, 0.9], "impostor": [0.8, 0.2]},
        "reliability": {"predicted": [0.1, 0.9], "observed": [0.12, 0.85], "share": [0.6, 0.4]},
        "decisions": {"true_match": 96, "false_non_match": 4, "false_match": 1, "true_non_match": 99},
        "confusion": {"labels": ["arrow", "plus"], "matrix": [[8, 1, 1], [0, 9, 1]]},
        "cmc": {"rank": [1, 2, 3], "rate": [0.8, 0.9, 1.0]},
        "openset": {"fpir": [0.01, 0.05, 1], "fnir": [0.3, 0.2, 0.1], "gallery_size": 20, "references": 1},
        "requested": {"asked": [0.01, 0.1], "achieved": [0, 0.12], "low": [0, 0.09], "high": [0.03, 0.15]},
        "draws": {"name": "accuracy", "values": [0.8, 0.82, 0.81, 0.79]},
        "table": [{"name": "arrow", "accuracy": 0.8, "trials": 10}, {"name": "plus", "accuracy": 0.9, "trials": 10}],
        "by": "class",
        "examples": [{"support": [0, 6], "query": [7, 1], "target": [1, 0], "credit": [1.0, 0.0]}],
        "worst": {"false_matches": [pair], "misses": [{"left": 0, "right": 1, "score": 0.02}]},
        "neighbours": [{"query": 0, "nearest": [1, 6], "scores": [0.9, 0.8], "right": [True, False]}],
        "spectrum": [0.5, 0.3, 0.2],
    }
