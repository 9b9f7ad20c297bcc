"""Over HTTP a comparison says why when it is asked, and else what it always said."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from firstsight import api


def test_compare_says_why(asking: TestClient, tiny_model: Path, shapes: Path) -> None:
    """With ``why`` the body is the Decision and the Why of the API; without, the Decision alone."""
    pair = [shapes / "circle" / "0.png", shapes / "circle" / "1.png"]
    files = {"left": pair[0].read_bytes(), "right": pair[1].read_bytes()}
    plain = asking.post("/v1/compare", files=files).json()
    told = asking.post("/v1/compare", files=files, data={"why": "true"}).json()
    why = told.pop("why")
    assert told == plain
    assert plain == pytest.approx(dataclasses.asdict(api.compare(tiny_model, *pair)), abs=1e-6)
    expected = json.loads(json.dumps(dataclasses.asdict(api.why(tiny_model, *pair))))
    assert (why["left"]["width"], why["left"]["height"]) == (expected["left"]["width"], expected["left"]["height"])
    assert why["drop"] == pytest.approx(expected["drop"], abs=1e-5)
    for side in ("left", "right"):
        for row, wanted in zip(why[side]["values"], expected[side]["values"], strict=True):
            assert row == pytest.approx(wanted, abs=2e-3)
