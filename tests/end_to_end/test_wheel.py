"""The wheel as a stranger gets it: a new environment, no torch for use, torch only to train."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import venv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

ROOT = Path(__file__).parents[2]
PIP = ["install", "-q", "--disable-pip-version-check", "-c", str(ROOT / "constraints.txt")]
SMALL = [
    "input.size=32",
    "encoder.width=8",
    "encoder.dim=32",
    "training.steps=80",
    "training.validate_every=80",
    "sampling.classes=6",
]


def run(*words: str | Path, code: int = 0, env: dict[str, str] | None = None) -> str:
    """Run a command, expect its exit code, return what it printed."""
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, check=False, env=env)
    assert done.returncode == code, f"{words} gave {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new virtual environment with the base install of the built wheel; returns its bin folder."""
    place = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", place / "dist", ROOT)
    venv.create(place / "env", with_pip=True)
    wheel = next((place / "dist").glob("firstsight-*.whl"))
    run(place / "env/bin/pip", *PIP, wheel)
    return place / "env/bin"


def drawings(folder: Path, classes: range) -> Path:
    """A folder a class of small drawings: each class its own polygon, each image moved and scaled."""
    for c in classes:
        rng = np.random.default_rng(c)
        corners = rng.uniform(0.15, 0.85, (5, 2))
        (folder / f"shape{c:02d}").mkdir(parents=True)
        for i in range(6):
            image = Image.new("RGB", (64, 64), "white")
            moved = (corners - 0.5) * rng.uniform(0.85, 1.1) + 0.5 + rng.normal(0, 0.02, (5, 2))
            ImageDraw.Draw(image).polygon([(float(x * 64), float(y * 64)) for x, y in moved], fill=(20, 20, 20))
            image.save(folder / f"shape{c:02d}" / f"{i}.png")
    return folder


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_from_wheel_to_identify_after_a_kill(environment: Path, tmp_path: Path) -> None:
    """Base install runs the shipped model without torch; with [train] a small model learns, and an acknowledged
    enrolment survives kill -9."""
    firstsight = environment / "firstsight"
    env = {**os.environ, "FIRSTSIGHT_CACHE": str(tmp_path / "cache")}
    photos = drawings(tmp_path / "photos", range(12))
    new = drawings(tmp_path / "new", range(20, 24))

    assert "torch" not in run(environment / "pip", "list")
    run(firstsight, "gallery", "create", tmp_path / "g.db", "--model", "glyphs", env=env)
    run(firstsight, "enroll", tmp_path / "g.db", "--data", f"folder:{new}", env=env)
    found = json.loads(run(firstsight, "identify", tmp_path / "g.db", new / "shape20/0.png", "--json", env=env))
    assert found["identity"] == "shape20"
    refusal = subprocess.run(
        [firstsight, "train", "folder", str(photos)], capture_output=True, text=True, check=False, env=env
    )
    assert refusal.returncode == 2
    assert "pip install 'firstsight[train]'" in refusal.stderr

    wheel = next((environment.parents[1] / "dist").glob("*.whl"))
    run(environment / "pip", *PIP, f"{wheel}[train]")
    model = tmp_path / "model"
    run(firstsight, "train", "folder", photos, *SMALL, "--out", model, env=env)
    run(firstsight, "calibrate", model, "--fmr", "0.1", env=env)
    run(firstsight, "gallery", "create", tmp_path / "s.db", "--model", model, env=env)

    code = (
        "import firstsight, sys, time\n"
        f"gallery = firstsight.Gallery.open({str(tmp_path / 's.db')!r})\n"
        f"for name in {[f'shape{c}' for c in range(20, 24)]!r}:\n"
        f"    gallery.enroll(name, {str(new)!r} + '/' + name + '/0.png')\n"
        "    print(name, flush=True)\n"
        "time.sleep(60)\n"
    )
    started = [environment / "python", "-c", code]
    with subprocess.Popen(started, stdout=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdout is not None
        acknowledged = [process.stdout.readline().strip() for _ in range(4)]
        process.send_signal(signal.SIGKILL)
    rows = json.loads(run(firstsight, "list", tmp_path / "s.db", "--json", env=env))
    assert [r["identity"] for r in rows] == acknowledged
    counts = json.loads(run(firstsight, "identify", tmp_path / "s.db", "--data", f"folder:{new}", "--json", env=env))
    assert counts["probes"] == 20
    assert counts["best_is_right"] >= 10  # chance is 5
