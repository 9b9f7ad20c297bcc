"""The scripts of ``results/`` and ``bench/`` as modules, for tests of what they measure and write."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

RESULTS = Path(__file__).parents[1] / "results"


def script(name: str, folder: Path = RESULTS) -> ModuleType:
    """``FOLDER/NAME.py``, run as an import runs it."""
    spec = importlib.util.spec_from_file_location(f"{folder.name}_{name}", folder / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
