"""The bench of the store runs, its sums are right, and both sides store the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from scripts import RESULTS, script


@pytest.fixture
def bench() -> ModuleType:
    """The script."""
    return script("bench_store")


def test_ratios_are_rival_by_ours(bench: ModuleType) -> None:
    """Medians, and the lowest and highest of the pairs."""
    assert bench.ratios([1.0, 2.0, 4.0], [2.0, 3.0, 3.0]) == {
        "firstsight": 2.0,
        "rival": 3.0,
        "ratio": 1.5,
        "lowest and highest ratio": [0.75, 2.0],
    }


def test_writing_is_measured(bench: ModuleType, tmp_path: Path) -> None:
    """Single and bulk enrolments run on both sides."""
    assert bench.singles(tmp_path, 20)["ratio"] > 0
    assert bench.bulk(tmp_path, 40, 2, 4)["ratio"] > 0
    assert bench.bulk(tmp_path, 40, 1, 1, bench.INDEX)["rival"] > 0


def test_a_large_gallery_is_measured(bench: ModuleType, tmp_path: Path) -> None:
    """It is filled, opened, asked, and kept up to date, each in a process of its own."""
    bench.one("fill", tmp_path / "g.db", 500)
    found = bench.one("large", tmp_path / "g.db", 25)
    assert found["identities"] == 520
    assert found["identify, p50 milliseconds"] > 0
    assert found["peak MiB, imports included"] > found["MiB before"] > 20


def test_four_processes_see_an_enrolment(bench: ModuleType, tmp_path: Path) -> None:
    """Three watchers tell when they saw each of some enrolments, and none took a second."""
    assert 0 < bench.seen_by_all(tmp_path, 5)["most ms"] < 1000


def test_search_gives_the_five_best(bench: ModuleType) -> None:
    """What is timed is the exact search: the indices are those of a sort."""
    found = bench.search_ours(3000, 4, 1)
    table = bench.vectors(4, 1) @ bench.vectors(3000).T
    assert found["indices"] == np.argsort(-table, axis=1)[:, :5].tolist()


def test_the_rival_draws_the_same(bench: ModuleType) -> None:
    """The rival, which runs without FirstSight, has the same vectors."""
    rival = (RESULTS.parent / "bench" / "store" / "rival_faiss.py").read_text().replace("import faiss\n", "")
    code = f"{rival.split('def main')[0]}\nprint(json.dumps(vectors(3, 1).tolist()))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout) == bench.vectors(3, 1).tolist()
