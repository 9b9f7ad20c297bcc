"""``make demo``, with training cut short."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_the_demo_runs_from_nothing(tmp_path: Path) -> None:
    """It needs no input, says each step and what to try next, and leaves a self-contained page to judge."""
    out = tmp_path / "demo"
    command = [sys.executable, "-m", "firstsight.demo", "--out", str(out), "--steps", "40"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    for step in ("1. ", "2. ", "3. ", "4. ", "Done in", "firstsight train folder ./photos", f"serve {out}/signs.db"):
        assert step in done.stdout
    assert "images/s" in done.stderr
    counts = json.loads((out / "summary.json").read_text())
    assert counts["icons"]["enrolled"] == 20
    assert counts["icons"]["strangers"] > 50
    assert counts["icons_20way"] > 0.15  # chance is 0.05, and 40 steps are few
    digits = counts["digits"]
    assert digits["probes"] == 8 * 499
    assert digits["best_is_right"] / digits["probes"] > 0.5  # chance is 0.125
    page = (out / "report.html").read_text()
    assert page.count("data:image/png;base64,") > 100
    assert "<svg" in page
    assert not re.search(r'(?:src|href)="https?:', page)


def test_a_demo_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    """A place that is a file is refused in a sentence, and the file is left alone."""
    place = tmp_path / "file"
    place.write_text("mine")
    command = [sys.executable, "-m", "firstsight.demo", "--out", str(place)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert place.read_text() == "mine"
