"""What strangers may rely on."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import firstsight

SRC = Path(firstsight.__file__).parent


def test_public_names_are_pinned() -> None:
    """A public name is added or removed on purpose, here too."""
    assert firstsight.__all__ == [
        "Calibration",
        "Candidate",
        "Client",
        "Decision",
        "Enrolment",
        "Event",
        "FirstSightError",
        "Gallery",
        "Match",
        "Metric",
        "Model",
        "Presence",
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


def test_every_public_name_loads() -> None:
    """Each lazy name leads somewhere, and functions are functions (not the module of the same name)."""
    for name in firstsight.__all__:
        assert getattr(firstsight, name) is not None
    assert all(callable(getattr(firstsight, n)) for n in ("train", "evaluate", "calibrate", "compare", "why"))


def test_importing_is_light() -> None:
    """``import firstsight`` loads neither torch nor NumPy."""
    code = "import sys, firstsight; print(sorted({'torch', 'numpy', 'onnxruntime'} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_public_functions_have_docstrings() -> None:
    """Every module and every public function, class and method says what it is for."""
    bare = []
    for file in sorted(SRC.rglob("*.py")):
        tree = ast.parse(file.read_text())
        if not ast.get_docstring(tree):
            bare.append(str(file.relative_to(SRC)))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                nested = any(
                    node in ast.walk(f) for f in ast.walk(tree) if isinstance(f, ast.FunctionDef) and f is not node
                )
                if not ast.get_docstring(node) and not nested:
                    bare.append(f"{file.relative_to(SRC)}:{node.name}")
    assert bare == []
