"""FirstSight: one-shot recognition with Siamese networks.

    examples -> train -> evaluate -> calibrate -> enroll one reference -> verify / identify

The public names below are loaded when first used, so that ``import firstsight`` is instant and never imports torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from firstsight.onnx_runtime import keep_quiet

__version__ = "0.1.0"

if TYPE_CHECKING:
    from firstsight.api import calibrate, compare, evaluate, train, why
    from firstsight.calibration import Calibration
    from firstsight.client import Client
    from firstsight.datasets import open_data
    from firstsight.errors import FirstSightError, QualityError
    from firstsight.gallery import Gallery
    from firstsight.model import Model
    from firstsight.types import (
        Candidate,
        Decision,
        Enrolment,
        Event,
        Finding,
        Match,
        Metric,
        Presence,
        Record,
        Report,
        Why,
    )

_HOME = {
    "Calibration": "calibration",
    "Candidate": "types",
    "Client": "client",
    "Decision": "types",
    "Enrolment": "types",
    "Event": "types",
    "Finding": "types",
    "FirstSightError": "errors",
    "Gallery": "gallery",
    "Match": "types",
    "Metric": "types",
    "Model": "model",
    "Presence": "types",
    "QualityError": "errors",
    "Record": "types",
    "Report": "types",
    "Why": "types",
    "calibrate": "api",
    "compare": "api",
    "evaluate": "api",
    "open_data": "datasets",
    "train": "api",
    "why": "api",
}

__all__ = [
    "Calibration",
    "Candidate",
    "Client",
    "Decision",
    "Enrolment",
    "Event",
    "Finding",
    "FirstSightError",
    "Gallery",
    "Match",
    "Metric",
    "Model",
    "Presence",
    "QualityError",
    "Record",
    "Report",
    "Why",
    "__version__",
    "calibrate",
    "compare",
    "evaluate",
    "open_data",
    "train",
    "why",
]

keep_quiet()  # before anything loads ONNX Runtime, which reads the switch once


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'firstsight' has no attribute {name!r}")
    return getattr(importlib.import_module(f"firstsight.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
