"""The script that measures readiness runs whole, at a size that takes seconds."""

from __future__ import annotations

import pytest

from scripts import script


def test_ready_is_measured_beside_the_way_before() -> None:
    """Both ways are asked in turn, and the ratios are of their times."""
    found = script("bench_ready").run(300, 1, 2)
    assert found["references"] == 300
    ratio = found["before, ms"] / found["ready, ms"]
    assert found["times as fast"] == pytest.approx(ratio, rel=0.1)
    assert set(found["identify beside 100 callers, ms"]) == {"none", "ready", "before"}
