"""The bench of embedding: it compares like with like, and against torch at its best."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from firstsight import api
from scripts import script

bench = script("bench_embedding")


def rows(**changes: dict[str, float]) -> dict[str, dict[str, float]]:
    """Figures of three settings; the less exact one is the fastest of all."""
    usual = {"batch ms": 20.0, "single ms": 3.0, "single p99 ms": 9.0, "peak MiB": 300.0, "largest gap": 1e-7}
    found = {
        "FirstSight": {**usual, "batch ms": 10.0, "single ms": 2.0, "peak MiB": 100.0, "cold start s": 0.5},
        "torch eager": {**usual, "single p99 ms": 18.0, "cold start s": 2.0},
        "torch frozen": {**usual, "batch ms": 15.0, "peak MiB": 400.0},
        next(iter(bench.LESS_EXACT)): {**usual, "batch ms": 1.0, "largest gap": 1e-2},
    }
    return {name: {**row, **changes.get(name.split()[-1], {})} for name, row in found.items()}


def test_ratios_are_against_the_best_setting_for_each_figure() -> None:
    """Each figure takes the setting of torch that is best in it, peak memory the fastest one and the leanest one."""
    found = bench.compared(rows())
    assert found["batch ms"] == {"rival": "torch frozen", "ratio": 1.5}
    assert found["single ms"]["ratio"] == 1.5
    assert found["single p99 ms"] == {"rival": "torch frozen", "ratio": 1.0}
    assert found["cold start s"] == {"rival": "torch eager", "ratio": 4.0}
    assert found["peak MiB"] == {"rival": "torch frozen", "ratio": 4.0}
    assert found["peak MiB of the leanest"] == {"rival": "torch eager", "ratio": 3.0}


def test_a_rival_that_computes_something_else_is_no_rival() -> None:
    """A setting that should be equal and is not stops the bench by name."""
    with pytest.raises(SystemExit, match=r"torch frozen differs by 1\.0e-03"):
        bench.compared(rows(frozen={"largest gap": 1e-3}))


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # the rival's, not ours
@pytest.mark.parametrize("options", [(), ("last", "frozen", "blocks")])
def test_the_rival_does_the_same_work(options: tuple[str, ...], tmp_path: Path) -> None:
    """The network and views that the bench builds in torch embed as FirstSight's model directory does."""
    place = str(api.export("glyphs", out=tmp_path / "model").path)
    given = np.random.default_rng(0).integers(0, 256, (17, 1, 32, 32)).astype(np.uint8)
    found = [bench.firstsight(place)(given), bench.rival(place, options, 1)(given)]
    assert np.abs(found[0] - found[1]).max() < bench.EQUAL
