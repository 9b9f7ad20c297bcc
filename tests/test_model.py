"""Embedding through a model directory: how many at a time, on how many processors, with what loaded."""

from __future__ import annotations

import copy
import multiprocessing
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from firstsight import graphs
from firstsight import model as models
from firstsight.errors import ModelError
from firstsight.model import Model


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 50])
def test_blocks_do_not_show(count: int, other_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any number of readings gives each its own embedding, whatever block it fell into."""
    model = Model.load(other_model)
    given = np.random.default_rng(0).integers(0, 256, (count, *model.input.shape)).astype(np.uint8)
    found = model.embed_arrays(given)
    monkeypatch.setattr(models, "_BATCH", 1000)
    assert found.shape == (count, model.dim)
    np.testing.assert_allclose(found, model.embed_arrays(given), atol=1e-6)


@pytest.mark.parametrize(
    ("said", "allowed", "threads"),
    [("3", {0}, 3), (None, {0}, 1), (None, {0, 1, 2}, 3), (None, set(range(8)), 0), ("", {0}, 1), ("0", {0, 1}, 2)],
)
def test_threads_are_those_the_process_may_use(
    said: str | None, allowed: set[int], threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OMP_NUM_THREADS decides; without it a process held to fewer processors than there are starts no more threads."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if said is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", said)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: allowed)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert graphs._threads() == threads


def test_the_session_has_so_many_threads(tiny_model: Path) -> None:
    """A process told to use three threads to embed starts two beside its own, and none when told to use one."""
    code = """
import os, sys
from firstsight.model import Model
model = Model.load(sys.argv[1])
import onnxruntime
before = len(os.listdir("/proc/self/task"))
model._session
print(len(os.listdir("/proc/self/task")) - before)
"""
    for threads in (1, 3):
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": "1"}
        words = [sys.executable, "-c", code, str(tiny_model)]
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
        assert int(done.stdout) == threads - 1


def test_embedding_loads_no_more_than_it_needs(tiny_model: Path) -> None:
    """A calibrated model embeds readings without torch, onnx, or the parts of SciPy that take half a second to load."""
    code = """
import sys
import numpy as np
from firstsight.model import Model
model = Model.load(sys.argv[1])
model.embed_arrays(np.zeros((1, *model.input.shape), np.uint8))
heavy = ("torch", "onnx", "scipy.special", "scipy.ndimage", "scipy.optimize", "matplotlib", "sqlite3")
print(*[name for name in heavy if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code, str(tiny_model)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def embedded(model: Model, picture: str) -> np.ndarray:
    """In another process."""
    return model.embed(picture)


def test_a_used_model_travels(tiny_model: Path, picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Used or not, a model is pickled and copied, and embeds the same there, from whatever folder, decided alike."""
    monkeypatch.chdir(tiny_model.parent)
    model = Model.load(f"./{tiny_model.name}")
    fresh = pickle.dumps(model)
    expected, decision = model.embed(picture), model.compare(picture, picture)
    monkeypatch.chdir("/")
    assert len(pickle.dumps(model)) < 20_000
    for made in (pickle.loads(fresh), pickle.loads(pickle.dumps(model)), copy.deepcopy(model), copy.copy(model)):
        np.testing.assert_array_equal(made.embed(picture), expected)
        assert made.compare(picture, picture) == decision
        assert made.fingerprint == model.fingerprint
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        np.testing.assert_array_equal(pool.apply(embedded, (model, str(picture))), expected)


def test_a_pickled_model_is_verified_where_it_is_made_again(model_copy: Path, picture: Path) -> None:
    """What is unpickled runs the graph of which its record tells the hash, and no other that lies there by then."""
    sent = pickle.dumps(Model.load(model_copy))
    data = bytearray((model_copy / "encoder.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    (model_copy / "encoder.onnx").write_bytes(data)
    with pytest.raises(ModelError, match="altered or damaged"):
        pickle.loads(sent).embed(picture)


def test_a_model_says_what_it_is(tiny_model: Path, model_copy: Path) -> None:
    """In one short line: its name, its length, its input, and whether it is calibrated and for what."""
    assert repr(Model.load("glyphs")) == "<Model glyphs: input glyph, embedding of 256 numbers, threshold for FMR 0.01>"
    (model_copy / "calibration.json").unlink()
    assert repr(Model.load(model_copy)).endswith("input image, embedding of 16 numbers, not calibrated>")
