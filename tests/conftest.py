"""Shared fixtures: a small world of drawn shapes, one tiny trained model, and the command line within the process."""

from __future__ import annotations

import os
import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from drawn import SHAPES, STRANGERS, TINY, Cli, Ran, draw_classes


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Decoded data is cached in a temporary folder, never in the user's."""
    folder = tmp_path_factory.mktemp("cache")
    before = os.environ.get("FIRSTSIGHT_CACHE")
    os.environ["FIRSTSIGHT_CACHE"] = str(folder)
    yield folder
    if before is None:
        del os.environ["FIRSTSIGHT_CACHE"]
    else:
        os.environ["FIRSTSIGHT_CACHE"] = before


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six classes of six drawings: what the tiny model learned from (and held out). Not to be altered."""
    return draw_classes(tmp_path_factory.mktemp("data") / "shapes", SHAPES)


@pytest.fixture(scope="session")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six other classes, which no model here has seen. Not to be altered."""
    return draw_classes(tmp_path_factory.mktemp("data") / "strangers", STRANGERS)


@pytest.fixture
def picture(shapes: Path) -> Path:
    """A good picture."""
    return shapes / "circle" / "0.png"


@pytest.fixture(scope="session")
def uncalibrated_model(shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model as training leaves it. Not to be altered."""
    from firstsight import api

    place = tmp_path_factory.mktemp("uncalibrated") / "tiny"
    api.train("folder", *TINY, data=str(shapes), out=place)
    return place


@pytest.fixture(scope="session")
def tiny_model(uncalibrated_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model, calibrated. Not to be altered: copy it (``model_copy``)."""
    from firstsight import api

    place = tmp_path_factory.mktemp("models") / "tiny"
    shutil.copytree(uncalibrated_model, place)
    api.calibrate(place, fmr=0.1)
    return place


@pytest.fixture(scope="session")
def other_model(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another model of the same shape: the tiny one with its weights nudged and five views. Not to be altered."""
    import numpy as np
    import torch

    from firstsight.learn.export.directory import load_encoder, save
    from firstsight.model import Model

    model = Model.load(tiny_model)
    encoder, similarity = load_encoder(model)
    with torch.no_grad():
        for weights in encoder.parameters():
            weights.mul_(1.05)
    place = tmp_path_factory.mktemp("models") / "other"
    settings = {**model.spec.trained.settings, "export": {"views": 5}}
    save(
        place,
        name="other",
        encoder=encoder,
        similarity=similarity,
        reader=model.input,
        dim=model.dim,
        views=5,
        trained=model.spec.trained.model_copy(update={"settings": settings}),
        probe=np.zeros((2, *model.input.shape), np.uint8),
    )
    return place


@pytest.fixture
def model_copy(tiny_model: Path, tmp_path: Path) -> Path:
    """A copy of the calibrated tiny model, to be altered at will."""
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run a command within this process; a traceback or a "fault of FirstSight's" fails the test."""
    from firstsight.cli import main

    def run(*arguments: object) -> Ran:
        capsys.readouterr()
        code = main([str(a) for a in arguments])
        out, err = capsys.readouterr()
        assert code in (0, 1, 2, 3)
        assert "Traceback" not in out + err, err
        assert "fault of FirstSight" not in err, err
        return Ran(code, out, err)

    return run


@pytest.fixture
def refused(cli: Cli) -> Callable[..., str]:
    """Run a command that must end with this exit code and one sentence holding these words; returns the sentence."""

    def run(code: int, arguments: tuple[object, ...], *words: object) -> str:
        ran = cli(*arguments)
        assert ran.code == code, f"exit code {ran.code}: {ran.out}{ran.err}"
        lines = [line for line in ran.err.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1, ran.err
        assert ran.err.splitlines()[-1] == lines[0], f"the error is not the last, or of more than one line: {ran.err}"
        assert ran.out == ""
        sentence = lines[0].removeprefix("error: ")
        for word in words:
            assert str(word) in sentence, f"{word!r} is not in {sentence!r}"
        return sentence

    return run


@pytest.fixture
def full_disk() -> Callable[[int], AbstractContextManager[None]]:
    """``with full_disk(n)``: no file of this process can grow beyond n bytes, as on a disk that is full."""

    @contextmanager
    def limited(most: int) -> Iterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limited
