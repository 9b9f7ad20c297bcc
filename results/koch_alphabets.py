"""How much the choice of ten alphabets decides about Koch's verification: ``results/koch-alphabets.json``.

python results/koch_alphabets.py    after firstsight reproduce koch-30k and koch-30k-affine; needs FIRSTSIGHT_DATA

The paper tests on ten of Omniglot's twenty evaluation alphabets and does not name them. ``koch-verification`` takes the
ten of Lake's runs; here the same networks are asked about both halves, by the protocol ``verification``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from make import ROOT, evaluated, record

MODELS = ("koch-30k", "koch-30k-affine")
HALVES = {"the ten of Lake's runs": "omniglot:lake-test", "the ten others": "omniglot:lake-validation"}


def main() -> None:
    """Ask both networks about both halves; print, and write."""
    found: dict[str, Any] = {}
    for name in MODELS:
        for half, data in HALVES.items():
            report = evaluated(ROOT / "build" / "reproduce" / name, "verification", data)
            found[f"{name}, {half}"] = {"trials": report["trials"], "eer": report["metrics"]["eer"]}
            print(f"{name}, {half}: {found[f'{name}, {half}']}", flush=True)
    record("koch-alphabets", "python results/koch_alphabets.py", 0, found)


if __name__ == "__main__":
    main()
