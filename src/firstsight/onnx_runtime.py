"""ONNX Runtime, loaded with its usage data off: the one place that imports it.

From version 1.29 on it makes a device id and sends events, the names of graphs among them, unless
``ORT_DISABLE_TELEMETRY`` stands in the environment when it is loaded.
"""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from typing import Any

_SWITCH = "ORT_DISABLE_TELEMETRY"
_OFF = ("1", "true", "yes", "on")
LATE = (
    f"onnxruntime was imported before firstsight and without {_SWITCH}=1, so it may send usage data to its maker; "
    f"import firstsight first, or set {_SWITCH}=1 before python starts"
)
_late = False


def keep_quiet() -> bool:
    """Set the switch, for this process and those it starts; whether it comes too late, with one warning then.

    A value that leaves usage data on is replaced: nothing of FirstSight sends any.
    """
    global _late
    before = os.environ.get(_SWITCH, "")
    os.environ[_SWITCH] = "1"
    if before.lower() not in _OFF and "onnxruntime" in sys.modules and not _late:
        _late = True
        # It has written its files; this at least ends the events of sessions to come.
        getattr(sys.modules["onnxruntime"], "disable_telemetry_events", lambda: None)()
        warnings.warn(LATE, stacklevel=2)
    return _late


def loaded(module: str = "onnxruntime") -> Any:
    """A module of ONNX Runtime."""
    keep_quiet()
    return importlib.import_module(module)


__all__ = ["LATE", "keep_quiet", "loaded"]
