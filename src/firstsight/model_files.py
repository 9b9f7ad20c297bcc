"""The files of a model directory, which may come from anybody: read with a cap, checked, and believed only then."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import pydantic

from firstsight.calibration import Calibration
from firstsight.errors import ModelError
from firstsight.files import MISSING, read_file, state_of
from firstsight.spec import MAX_WEIGHTS, FileSpec, ModelSpec

_MAX_JSON = 16 << 20
_WHOLE = "the model is incomplete"


def read_spec(path: Path) -> ModelSpec:
    """The record of a model directory.

    Raises:
        ModelError: it is missing, too large, no regular file, or not what a record is.
    """
    try:
        return ModelSpec.model_validate_json(_read(path, "model.json", _MAX_JSON))
    except pydantic.ValidationError as error:
        raise ModelError(f"{path}/model.json is not valid ({first(error)})") from None


def read_calibration(path: Path, spec: ModelSpec) -> Calibration | None:
    """The calibration of a model directory, None where there is none.

    Raises:
        ModelError: it is not valid, or of another model.
    """
    file = path / "calibration.json"
    if state_of(file) == MISSING and not file.is_symlink():
        return None
    try:
        adapter = pydantic.TypeAdapter(Calibration)
        calibration = adapter.validate_json(_read(path, file.name, _MAX_JSON))
    except pydantic.ValidationError as error:
        raise ModelError(f"{file} is not valid ({first(error)}); delete it and calibrate again") from None
    if calibration.model != spec.fingerprint:
        raise ModelError(
            f"{file} was made for model {calibration.model}, this is {spec.fingerprint}; delete it and calibrate again"
        )
    least, most = _scores(spec)
    if told := calibration.rate_scores:  # among which the threshold is
        least, most = max(least, told[0]), min(most, told[-1])
    room = 1e-3 * max(1.0, abs(calibration.threshold))  # for a threshold just beyond the best score: never the same
    if not least - room <= calibration.threshold <= most + room:
        raise ModelError(
            f"{file} is not valid (threshold: {calibration.threshold:g}, scores are {least:g} to {most:g}); delete it "
            "and calibrate again"
        )
    return calibration


def _scores(spec: ModelSpec) -> tuple[float, float]:
    """Between which two the scores of a model lie."""
    link = spec.similarity.link
    if spec.pair is not None or link.kind == "identity":
        return -math.inf, math.inf
    least = {"angle": -math.pi, "rbf": 0.0}.get(link.kind, -math.inf)
    return link.scale * least + link.bias, link.scale * (link.kind == "rbf") + link.bias


def verified(path: Path, name: str, expected: FileSpec) -> bytes:
    """The content of a file whose hash the record tells.

    Raises:
        ModelError: it is missing, no regular file, or another one.
    """
    data = _read(path, name, MAX_WEIGHTS)
    if len(data) != expected.bytes or hashlib.sha256(data).hexdigest() != expected.sha256:
        raise ModelError(
            f"{path / name} was altered or damaged (its hash is not the one in model.json); restore the model"
        )
    return data


def first(error: pydantic.ValidationError) -> str:
    """The first thing that is not valid, and where."""
    one = error.errors()[0]
    place = ".".join(str(p) for p in one["loc"])[:200]
    return f"{''.join(c if c.isprintable() else '?' for c in place)}: {one['msg']}"


def _read(path: Path, name: str, most: int) -> bytes:
    return read_file(path / name, most, ModelError, _WHOLE, inside=path)
