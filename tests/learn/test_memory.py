"""Memory: the data is held once, its size is told beforehand, and what was taken is told afterwards."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from drawn import TINY, Cli, Refused
from firstsight.datasets import open_data
from firstsight.errors import DataError
from firstsight.learn import memory
from firstsight.model import Model
from firstsight.spec import ModelSpec

LARGE, CLASSES = 256, 10
TRAINS = """
import sys
from pathlib import Path
import torch._dynamo  # what the optimiser loads later would hide a copy that is gone by then
from firstsight.learn import memory, recipe, run, train
made = run.Run(recipe.load("folder", sys.argv[2:]), Path(sys.argv[1]), lambda _: None)
opened = memory.peak()  # before training adds to it and hides a copy that is gone
train._learn(made, made.begin(), lambda *_: None, map)
print(opened, memory.peak(), made.arrays.numel() + made.held_arrays.size)
"""


def draw_many(folder: Path, each: int) -> Path:
    """Small noisy pictures, none like another, which training reads as large ones."""
    draw = np.random.default_rng([each, *folder.name.encode()])
    for label in range(CLASSES):
        place = folder / f"{folder.name}{label}"
        place.mkdir(parents=True)
        for i in range(each):
            Image.fromarray(draw.integers(0, 256, (12, 12, 3), np.uint8)).save(place / f"{i}.png")
    return folder


def trained(learned: Path, held: Path, out: Path) -> tuple[int, int, int]:
    """Peak memory of a process when it has read its data, when it has trained and validated, and the data's bytes."""
    changes = [c for c in TINY if not c.startswith(("input.", "training."))]
    changes += [f"input.size={LARGE}", "encoder.head=pool", "encoder.width=4", "sampling.classes=2", "sampling.each=2"]
    changes += ["training.steps=2", "training.threads=1", f"data.train={learned}", f"data.validation={held}"]
    words = [sys.executable, "-c", TRAINS, str(out), *changes]
    opened, peak, size = map(int, subprocess.run(words, capture_output=True, text=True, check=True).stdout.split())
    return opened, peak, size


@pytest.mark.slow
def test_the_data_is_held_once(tmp_path: Path) -> None:
    """Whether learned from or held out, 79 MiB more of decoded data raise the peak by 79 MiB, not by twice that."""
    few, others = draw_many(tmp_path / "few", 8), draw_many(tmp_path / "others", 8)
    many = draw_many(tmp_path / "many", 50)
    *small, less = trained(few, others, tmp_path / "a")
    for case, learned, held in (("decoded", many, others), ("cached", many, others), ("held", few, many)):
        *large, more = trained(learned, held, tmp_path / case)
        assert more - less == CLASSES * 42 * 3 * LARGE * LARGE
        growth = [(b - a) / (more - less) for a, b in zip(small, large, strict=True)]
        assert all(0.8 < g < 1.3 for g in growth), (case, growth)


def test_the_peak_is_told_and_kept(shapes: Path, tmp_path: Path, cli: Cli) -> None:
    """The summary, the log, the record and the card of a model tell one peak; the fingerprint does not hang on it."""
    out = tmp_path / "out"
    ran = cli("train", "folder", shapes, *TINY, "training.steps=12", "training.validate_every=12", "--out", out)
    spec = Model.load(out).spec
    taken = spec.trained.peak_mib
    assert 100 < taken <= memory.peak() // memory.MIB
    assert f"with {taken:,} MiB of memory at most" in ran.out
    assert f"{taken:,} MiB of memory at most" in (out / "README.md").read_text()
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert [row.get("peak_mib", 0) > 100 for row in rows] == [False, True]
    other = spec.trained.model_copy(update={"peak_mib": taken + 1000})
    assert spec.model_copy(update={"trained": other}).fingerprint == spec.fingerprint
    old = spec.model_dump()
    del old["trained"]["peak_mib"]
    assert ModelSpec.model_validate(old).trained.peak_mib == 0


def test_the_size_is_told_beforehand(shapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli) -> None:
    """Before anything is decoded, training says how much the data will take; close to the limit it warns."""
    monkeypatch.setattr("firstsight.learn.run.save", lambda *_, **__: Model.load("glyphs"))
    said = cli("train", "folder", shapes, *TINY, "training.steps=1", "--out", tmp_path / "out").err.splitlines()
    taken = next(line for line in said if "take 0.1 MiB of memory" in line)
    assert taken.startswith("36 images of folder:")
    assert "shapes:train and folder:" in taken
    size = 36 * 3 * 32 * 32
    monkeypatch.setattr(memory, "available", lambda: size)
    said = cli("train", "folder", shapes, *TINY, "training.steps=1", "--out", tmp_path / "close").err.splitlines()
    assert any(line.startswith("warning: 36 images") and "of the 0.1 MiB of memory available" in line for line in said)


def test_data_that_cannot_fit_is_refused(
    shapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    """Data larger than what is available is a sentence before anything is decoded; unknown limits refuse nothing."""
    monkeypatch.setattr(memory, "available", lambda: 36 * 3 * 32 * 32 - 1)
    monkeypatch.setattr("firstsight.learn.run.read_all", lambda *_, **__: pytest.fail("decoded"))
    out = tmp_path / "out"
    refused(2, ("train", "folder", shapes, *TINY, "--out", out), "take 0.1 MiB of memory", "lower input.size")
    data = open_data(f"folder:{shapes}")
    monkeypatch.setattr(memory, "available", lambda: 1 << 30)
    with pytest.raises(DataError, match=r"take 113,.*GiB of memory.*1\.0 GiB are available"):
        memory.sentence([data] * 1_000_000, (3, 1024, 1100))
    monkeypatch.setattr(memory, "available", lambda: None)
    assert "warning" not in memory.sentence([data] * 1_000_000, (3, 1024, 1100))


def test_what_is_available_is_the_least_that_limits(tmp_path: Path) -> None:
    """The system's figure and a control group's are both read; a group without a limit, or none, does not limit."""
    free = memory.available()
    assert free is not None
    assert 1 << 20 < free < 1 << 50
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("700000\n")
    (tmp_path / "memory.stat").write_text("anon 1\ninactive_file 50000\nactive_file 2\n")
    assert memory._group(tmp_path) == 350_000
    (tmp_path / "memory.max").write_text("max\n")
    assert memory._group(tmp_path) is None
    assert memory._group(tmp_path / "none") is None


def test_the_peak_of_a_process_is_what_it_took() -> None:
    """A process that fills 200 MiB has a peak at least that much above its start."""
    code = "from firstsight.learn import memory; import numpy; a = memory.peak(); numpy.ones(200 << 20, 'u1'); "
    done = subprocess.run([sys.executable, "-c", code + "print(memory.peak() - a)"], capture_output=True, text=True)
    assert 190 << 20 < int(done.stdout) < 230 << 20
