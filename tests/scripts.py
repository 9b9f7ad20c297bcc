"""The scripts of ``results/`` as modules, for tests of what they write into the documents."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

RESULTS = Path(__file__).parents[1] / "results"


def script(name: str) -> ModuleType:
    """``results/NAME.py``, run as an import runs it."""
    spec = importlib.util.spec_from_file_location(f"results_{name}", RESULTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
