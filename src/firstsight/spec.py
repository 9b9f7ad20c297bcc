"""What ``model.json`` holds, as a schema: a model directory is data, validated before anything is believed."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal

import pydantic

from firstsight.similarity import LinkKind, Measure
from firstsight.types import Verdict

MAX_WEIGHTS = 512 << 20
LEARNED = "learned.bin"
"""The file that tells the images a model learned again, see :mod:`firstsight.datasets.copies`."""
Count = Annotated[int, pydantic.Field(ge=0, le=10**15)]
Seconds = Annotated[float, pydantic.Field(ge=0, le=1e12)]
Share = Annotated[float, pydantic.Field(ge=0, le=1)]
Number = Annotated[float, pydantic.Field(ge=-1e30, le=1e30)]
"""Of a size that float32 holds."""
Factor = Annotated[float, pydantic.Field(gt=0, le=1e30)]
Line = Annotated[str, pydantic.Field(max_length=1000, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]


class _Strict(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class FileSpec(_Strict):
    """Size and hash of one file of the directory."""

    bytes: int = pydantic.Field(ge=1, le=MAX_WEIGHTS)
    sha256: str = pydantic.Field(pattern=r"^[0-9a-f]{64}$")


class InputSpec(_Strict):
    """Which input, at which version of its code, with which settings."""

    name: Line
    version: int
    settings: dict[str, int | float | str | bool]


class LinkSpec(_Strict):
    """As :class:`firstsight.similarity.Link`."""

    kind: LinkKind
    scale: Factor = 1.0
    bias: Number = 0.0
    gamma: Factor = 1.0


class SimilaritySpec(_Strict):
    """As :class:`firstsight.similarity.Similarity`."""

    measure: Measure
    link: LinkSpec


class BackboneSpec(_Strict):
    """The pretrained network that an encoder stands on: its name, the hash of its file or weights, what it may be used
    for as far as somebody said, and whether it stayed as it was."""

    name: str
    sha256: str = pydantic.Field(pattern=r"^[0-9a-f]{64}$")
    licence: str = ""
    frozen: bool


class PairSpec(_Strict):
    """A network on pairs of embeddings re-ranks so many of the nearest."""

    shortlist: int = pydantic.Field(ge=1, le=100_000)


class GrowthSpec(_Strict):
    """What training further did to accuracy: the model started from beside the new one, on the same one-shot tasks.

    Attributes:
        data: what both were asked about, which neither learned from.
        figure: what is measured, such as ``20-way 1-shot accuracy``.
        classes: that the data has.
        learned: so many of them the model started from had learned, by other examples.
        before, after: of the model started from, and of the new one.
    """

    data: str
    figure: Line
    classes: Count
    learned: Count
    before: Share
    after: Share


class TrainingSpec(_Strict):
    """What the model learned from, and how."""

    recipe: str
    data: str
    calibration_data: str = ""
    classes: list[str]
    examples: Count
    steps: Count
    seed: Annotated[int, pydantic.Field(ge=-(1 << 63), lt=1 << 64)]
    seconds: Seconds
    core_seconds: Seconds
    peak_mib: Count = 0
    settings: dict[str, dict[str, Any]]
    started_from: str = ""
    validation: dict[str, Number] = {}
    backbone: BackboneSpec | None = None
    growth: dict[Literal["old", "new"], GrowthSpec] = {}
    verdict: Verdict | None = None


class Int8Spec(_Strict):
    """What an int8 copy was made from: the fingerprint of a model, and readings that measured its ranges."""

    of: str
    data: str
    readings: Count


class ModelSpec(_Strict):
    """The content of ``model.json``."""

    format: Literal[1]
    name: str = pydantic.Field(pattern=r"^[\w.-]{1,64}$")
    made_by: Line
    input: InputSpec
    similarity: SimilaritySpec
    dim: int = pydantic.Field(ge=1, le=65536)
    files: dict[Literal["encoder.onnx", "encoder.safetensors", "pair.onnx", "learned.bin"], FileSpec]
    trained: TrainingSpec
    int8: Int8Spec | None = None
    pair: PairSpec | None = None

    @pydantic.model_validator(mode="after")
    def _whole(self) -> ModelSpec:
        needed = {"encoder.onnx", "encoder.safetensors"} | ({"pair.onnx"} if self.pair else set())
        if set(self.files) - {LEARNED} != needed:  # models of 0.1.0 have no record of the images they learned
            raise ValueError(f"files are {', '.join(sorted(self.files))}; {', '.join(sorted(needed))} were expected")
        return self

    @property
    def fingerprint(self) -> str:
        """Hash of all that changes an embedding or a score: weights, similarity, input code and settings."""
        parts = {
            "weights": self.files["encoder.onnx"].sha256,
            "similarity": self.similarity.model_dump(),
            "input": self.input.model_dump(),
        }
        if self.pair is not None:
            parts["pair"] = {"network": self.files["pair.onnx"].sha256, **self.pair.model_dump()}
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
