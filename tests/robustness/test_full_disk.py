"""A disk that fills up while a model is trained, exported or calibrated: a sentence, exit code 3, nothing lost."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drawn import TINY, Cli, Refused
from firstsight import api
from firstsight.datasets.cache import keep
from firstsight.errors import FirstSightError, StorageError
from firstsight.files import write_atomically
from firstsight.learn.events import Event
from firstsight.model import Model

Limit = Callable[[int], AbstractContextManager[None]]


class Disk:
    """Fails the n-th time that a file (not a folder) is brought to disk, counted from 1; 0 for never."""

    def __init__(self, fail_at: int, sync: Callable[[int], None]) -> None:
        self.fail_at, self.sync, self.count = fail_at, sync, 0

    def __call__(self, handle: int) -> None:
        if stat.S_ISREG(os.fstat(handle).st_mode):
            self.count += 1
            if self.count == self.fail_at:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.sync(handle)


def files(folder: Path) -> list[str]:
    """Everything in a folder, hidden files too."""
    return sorted(p.name for p in folder.iterdir())


def test_an_atomic_write_leaves_the_old_or_the_new(tmp_path: Path, full_disk: Limit) -> None:
    """A write that the disk refuses raises StorageError, keeps the old content and leaves no litter."""
    place = tmp_path / "file"
    write_atomically(place, b"old")
    with full_disk(100), pytest.raises(StorageError, match="what was there before is intact"):
        write_atomically(place, bytes(1000))
    assert place.read_bytes() == b"old"
    assert files(tmp_path) == ["file"]


def test_places_that_cannot_be_written_are_storage_errors(tmp_path: Path) -> None:
    """Writing below a file, onto a folder or to an endless name raises StorageError and leaves no litter."""
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder" / "full").mkdir(parents=True)
    for place in (tmp_path / "file" / "below", tmp_path / "folder", tmp_path / ("x" * 300)):
        with pytest.raises(StorageError):
            write_atomically(place, b"new")
    assert files(tmp_path) == ["file", "folder"]


def test_a_new_folder_is_brought_to_disk_with_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is on disk only when its folder's entry is, and that of every folder made for it, in the one above."""
    synced: list[str] = []
    sync = os.fsync

    def record(handle: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{handle}").readlink()))
        sync(handle)

    monkeypatch.setattr(os, "fsync", record)
    write_atomically(tmp_path / "a" / "b" / "file", b"content")
    folders = [place for place in synced if Path(place).is_dir()]
    assert {str(tmp_path), str(tmp_path / "a")} <= set(folders)
    assert synced[-1] == str(tmp_path / "a" / "b")
    assert len(synced) == len(folders) + 1


def test_the_cache_drops_what_killed_writers_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a cache file of yesterday goes when the next is written; one of now may be another process's and stays."""
    for name, age in (("old.partial", 100_000), ("new.partial", 10)):
        (tmp_path / "made").mkdir(exist_ok=True)
        (tmp_path / "made" / name).write_bytes(b"half")
        os.utime(tmp_path / "made" / name, (time.time() - age,) * 2)
    monkeypatch.setenv("FIRSTSIGHT_CACHE", str(tmp_path))
    keep("made", "whole", np.zeros(3, np.uint8))
    assert files(tmp_path / "made") == ["new.partial", "whole.npy"]


def test_a_full_disk_at_a_checkpoint_keeps_the_last_one(
    shapes: Path, tmp_path: Path, full_disk: Limit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint that does not fit ends the run with StorageError; the one before it resumes to the same weights."""
    weights: list[dict[str, Any]] = []

    def keep(path: Path, **parts: Any) -> None:
        weights.append({k: v.clone() for k, v in parts["encoder"].state_dict().items()})

    monkeypatch.setattr("firstsight.learn.run.save", keep)
    changes = (*TINY, "training.steps=12", "training.checkpoint_every=4")
    api.train("folder", *changes, data=str(shapes), out=tmp_path / "whole")
    out = tmp_path / "out"
    limits: list[AbstractContextManager[None]] = []

    def listen(event: Event) -> None:
        if event.kind == "step" and event.step == 5:
            limits.append(full_disk(20_000))
            limits[0].__enter__()

    def fill() -> None:
        try:
            api.train("folder", *changes, data=str(shapes), out=out, listen=listen)
        finally:
            limits[0].__exit__(None, None, None)

    with pytest.raises(StorageError, match=r"checkpoint\.pt can't be written"):
        fill()
    assert not [name for name in files(out) if name.endswith(".partial")]
    api.train("folder", *changes, data=str(shapes), out=out, resume=True)
    assert all(bool((weights[0][k] == weights[1][k]).all()) for k in weights[0])


def test_a_full_disk_at_the_log_is_a_storage_error(
    shapes: Path, tmp_path: Path, full_disk: Limit, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    """When not even a line of the log fits, training ends with one sentence and exit code 3."""
    monkeypatch.setattr("firstsight.learn.run.save", lambda *_, **__: None)
    api.train("folder", *TINY, "training.steps=1", data=str(shapes), out=tmp_path / "warm")
    with full_disk(20):
        refused(3, ("train", "folder", shapes, *TINY, "--out", tmp_path / "out"), "metrics.jsonl")


def test_a_full_disk_at_the_export_loses_no_training(
    shapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_model: Path
) -> None:
    """When the trained model does not fit, the run can be resumed to its export instead of being trained again."""

    def refuse(path: Path, **_: Any) -> None:
        raise StorageError(f"{path} can't be written (No space left on device)")

    monkeypatch.setattr("firstsight.learn.run.save", refuse)
    with pytest.raises(StorageError):
        api.train("folder", *TINY, data=str(shapes), out=tmp_path / "out")
    steps: list[int] = []
    monkeypatch.setattr("firstsight.learn.run.save", lambda *_, **__: Model.load(tiny_model))

    def listen(event: Event) -> None:
        steps.extend([event.step] * (event.kind == "step"))

    api.train("folder", *TINY, data=str(shapes), out=tmp_path / "out", resume=True, listen=listen)
    assert len(steps) <= 1


@pytest.mark.parametrize("fail_at", [1, 2, 3, 4])
def test_a_full_disk_at_the_export_keeps_the_old_model(
    fail_at: int, model_copy: Path, other_model: Path, monkeypatch: pytest.MonkeyPatch, picture: Path
) -> None:
    """Whichever file of a new model does not fit, the model that it would replace still loads and embeds as before."""
    from firstsight.learn.export import directory as export

    old, new = Model.load(model_copy), Model.load(other_model)
    expected, fingerprint = old.embed(picture), old.fingerprint
    encoder, similarity = export.load_encoder(new)
    parts = {"encoder": encoder, "similarity": similarity, "reader": new.input, "dim": new.dim, "views": 5}
    probe = np.zeros((2, *new.input.shape), np.uint8)
    monkeypatch.setattr(export, "to_onnx", lambda *_: (other_model / "encoder.onnx").read_bytes())
    disk = Disk(fail_at, os.fsync)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", disk)
        with pytest.raises(StorageError):
            export.save(model_copy, name="model", trained=new.spec.trained, probe=probe, **parts)
    kept = Model.load(model_copy)
    assert kept.fingerprint == fingerprint
    assert np.array_equal(kept.embed(picture), expected)
    assert kept.calibration == old.calibration
    export.save(model_copy, name="model", trained=new.spec.trained, probe=probe, **parts)
    assert Model.load(model_copy).fingerprint == new.fingerprint
    assert Model.load(model_copy).calibration is None


def test_an_export_that_embeds_otherwise_keeps_the_old_model(
    model_copy: Path, other_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network that changed on its way to ONNX is refused, and the model that it would replace is as it was."""
    from firstsight.errors import TrainingError
    from firstsight.learn.export import directory as export

    new = Model.load(other_model)
    encoder, similarity = export.load_encoder(new)
    parts = {"encoder": encoder, "similarity": similarity, "reader": new.input, "dim": new.dim, "views": 1}
    monkeypatch.setattr(export, "to_onnx", lambda *_: (other_model / "encoder.onnx").read_bytes())
    before = {p.name: p.read_bytes() for p in model_copy.iterdir()}
    draw = np.random.default_rng(0).integers(0, 256, (4, *new.input.shape), np.uint8)
    with pytest.raises(TrainingError, match="differs from the trained one"):
        export.save(model_copy, name="model", trained=new.spec.trained, probe=draw, **parts)
    assert {p.name: p.read_bytes() for p in model_copy.iterdir()} == before


@pytest.mark.parametrize(("length", "fits"), [(1, False), (300, True)])
def test_an_export_is_held_to_the_digits_of_its_embeddings(
    length: int, fits: bool, tmp_path: Path, other_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gap of 0.001 is refused for embeddings of unit length, and is float32's own for those of hundreds."""
    from firstsight.errors import TrainingError
    from firstsight.learn.export import directory as export

    new = Model.load(other_model)
    encoder, similarity = export.load_encoder(new)
    parts = {"encoder": encoder, "similarity": similarity, "reader": new.input, "dim": new.dim, "views": 1}
    draw = np.random.default_rng(0).integers(0, 256, (4, *new.input.shape), np.uint8)
    exact = Model.load(other_model).embed_arrays(draw) * length
    monkeypatch.setattr(export.LabEmbedder, "embed_arrays", lambda *_: exact)
    monkeypatch.setattr(export.Model, "embed_arrays", lambda *_: exact + np.float32(0.001))
    if fits:
        export.save(tmp_path / "m", name="m", trained=new.spec.trained, probe=draw, **parts)
    else:
        with pytest.raises(TrainingError, match="differs from the trained one by 0.001"):
            export.save(tmp_path / "m", name="m", trained=new.spec.trained, probe=draw, **parts)


@pytest.mark.parametrize("fail_at", [1, 2])
def test_a_full_disk_while_calibrating_keeps_the_old_threshold(
    fail_at: int, model_copy: Path, strangers: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    """A calibration that does not fit leaves the one before it in force, exit code 3."""
    before = Model.load(model_copy).calibration
    assert before
    monkeypatch.setattr(os, "fsync", Disk(fail_at, os.fsync))
    refused(3, ("calibrate", model_copy, strangers, "--fmr", "0.4"), "intact")
    assert Model.load(model_copy).calibration == before


def test_a_full_disk_costs_the_cache_not_the_result(
    tiny_model: Path, strangers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full_disk: Limit, cli: Cli
) -> None:
    """When decoded data does not fit into the cache, the result is the same and the cache holds no half file."""
    command = ("evaluate", tiny_model, "nway", strangers, "--ways", "3", "--tasks", "20", "--json")
    expected = cli(*command).json
    monkeypatch.setenv("FIRSTSIGHT_CACHE", str(tmp_path / "cache"))
    with full_disk(2000):
        assert cli(*command).json == expected
    assert files(tmp_path / "cache" / "readings") == []


def test_a_report_that_does_not_fit_is_exit_code_3(
    tiny_model: Path, strangers: Path, tmp_path: Path, full_disk: Limit, refused: Refused
) -> None:
    """A page that cannot be written, for want of space or of a folder, is one sentence and exit code 3."""
    page = tmp_path / "page.html"
    page.write_text("old")
    command = ("evaluate", tiny_model, "nway", strangers, "--ways", "3", "--tasks", "20", "--report")
    with full_disk(2000):
        refused(3, (*command, page), "page.html")
    assert page.read_text() == "old"
    refused(3, (*command, page / "below.html"), "below.html")


def test_training_into_a_place_that_cannot_be_is_one_sentence(
    shapes: Path, tmp_path: Path, cli: Cli, picture: Path
) -> None:
    """An --out that is a file, lies below a file, or has an endless name is refused before training."""
    copy = Path(shutil.copy(picture, tmp_path / "picture.png"))
    for out in (copy, copy / "below", tmp_path / ("x" * 300)):
        ran = cli("train", "folder", shapes, *TINY, "training.steps=1", "--out", out)
        assert ran.code in (2, 3)
        assert "step 1" not in ran.err
        assert ran.err.splitlines()[-1].startswith("error: ")
    assert files(tmp_path) == ["picture.png"]


@pytest.mark.parametrize("name", ["my model", "größe=1", "x" * 100, "a+b"])
def test_any_directory_name_will_do_for_a_model(
    name: str, shapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other_model: Path, cli: Cli
) -> None:
    """A directory whose name is no plain word ends in a model or is refused before the first step, never after."""
    from firstsight.learn.export import directory as export

    steps: list[int] = []
    monkeypatch.setattr(export, "to_onnx", lambda *_: (other_model / "encoder.onnx").read_bytes())
    monkeypatch.setattr(export, "TOLERANCE", 1e9)

    def listen(event: Event) -> None:
        steps.extend([event.step] * (event.kind == "step"))

    out = tmp_path / name
    try:
        api.train("folder", *TINY, "training.steps=2", data=str(shapes), out=out, listen=listen)
    except FirstSightError:
        assert steps == []
    else:
        assert Model.load(out).dim == 16
