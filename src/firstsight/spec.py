"""What ``model.json`` holds, as a schema: a model directory is data, validated before anything is believed."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Literal

import pydantic

from firstsight.similarity import LinkKind, Measure

MAX_WEIGHTS = 512 << 20


class _Strict(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class FileSpec(_Strict):
    """Size and hash of one file of the directory."""

    bytes: int = pydantic.Field(ge=1, le=MAX_WEIGHTS)
    sha256: str = pydantic.Field(pattern=r"^[0-9a-f]{64}$")


class InputSpec(_Strict):
    """Which input, at which version of its code, with which settings."""

    name: str
    version: int
    settings: dict[str, int | float | str | bool]


class LinkSpec(_Strict):
    """As :class:`firstsight.similarity.Link`."""

    kind: LinkKind
    scale: float = 1.0
    bias: float = 0.0
    gamma: float = 1.0


class SimilaritySpec(_Strict):
    """As :class:`firstsight.similarity.Similarity`."""

    measure: Measure
    link: LinkSpec


class TrainingSpec(_Strict):
    """What the model learned from, and how."""

    recipe: str
    data: str
    calibration_data: str = ""
    classes: list[str]
    examples: int
    steps: int
    seed: int
    seconds: float
    core_seconds: float
    peak_mib: int = 0
    settings: dict[str, dict[str, Any]]
    started_from: str = ""
    validation: dict[str, float] = {}


class Int8Spec(_Strict):
    """What an int8 copy was made from: the fingerprint of a model, and readings that measured its ranges."""

    of: str
    data: str
    readings: int


class ModelSpec(_Strict):
    """The content of ``model.json``."""

    format: Literal[1]
    name: str = pydantic.Field(pattern=r"^[\w.-]{1,64}$")
    made_by: str
    input: InputSpec
    similarity: SimilaritySpec
    dim: int = pydantic.Field(ge=1, le=65536)
    files: dict[Literal["encoder.onnx", "encoder.safetensors"], FileSpec] = pydantic.Field(min_length=2)
    trained: TrainingSpec
    int8: Int8Spec | None = None

    @property
    def fingerprint(self) -> str:
        """Hash of all that changes an embedding or a score: weights, similarity, input code and settings."""
        parts = {
            "weights": self.files["encoder.onnx"].sha256,
            "similarity": self.similarity.model_dump(),
            "input": self.input.model_dump(),
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
