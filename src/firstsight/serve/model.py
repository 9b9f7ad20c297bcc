"""What the service says of its model."""

from __future__ import annotations

from firstsight.card import card
from firstsight.model import Model
from firstsight.types import ModelInfo


def described(model: Model) -> ModelInfo:
    """Its card, its threshold, and the probability at every score."""
    spec, calibration = model.spec, model.calibration
    curve: dict[str, tuple[float, ...]] = {}
    if calibration is not None:
        scores = calibration.rate_scores or calibration.band_scores
        curve = {"score": scores, "probability": tuple(calibration.probability(scores).tolist())}
        curve |= {"fmr": calibration.rate_fmr, "fnmr": calibration.rate_fnmr}
    return ModelInfo(
        name=model.name,
        fingerprint=model.fingerprint,
        dim=model.dim,
        card=card(spec, calibration),
        input={"name": spec.input.name, "version": spec.input.version, **spec.input.settings},
        trained={
            "recipe": spec.trained.recipe,
            "data": spec.trained.data,
            "classes": len(spec.trained.classes),
            "examples": spec.trained.examples,
            "steps": spec.trained.steps,
            "seed": spec.trained.seed,
        },
        threshold=None if calibration is None else calibration.threshold,
        target=None if calibration is None else calibration.target.describe(),
        curve=curve,
        verdict=model.verdict,
    )
