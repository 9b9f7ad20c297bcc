"""The model card: what a person should know before using a model, generated from what the model records."""

from __future__ import annotations

from firstsight.calibration import Calibration
from firstsight.errors import count
from firstsight.spec import ModelSpec


def card(spec: ModelSpec, calibration: Calibration | None) -> str:
    """Markdown."""
    trained = spec.trained
    settings = ", ".join(f"{k}={v}" for k, v in spec.input.settings.items())
    lines = [
        f"# {spec.name}",
        "",
        f"A FirstSight model for one-shot recognition, fingerprint `{spec.fingerprint}`, made by {spec.made_by}.",
        "",
        "| | |",
        "|---|---|",
        f"| input | `{spec.input.name}` version {spec.input.version} ({settings}) |",
        f"| embedding | {spec.dim} dimensions, compared by {spec.similarity.measure} ({spec.similarity.link.kind}) |",
        f"| learned from | `{trained.data}`: {count(trained.examples, 'example', 'examples')} "
        f"of {count(len(trained.classes), 'class', 'classes')} |",
        f"| recipe | `{trained.recipe}`, {count(trained.steps, 'step', 'steps')}, seed {trained.seed} |",
        f"| cost | {trained.seconds / 60:.0f} minutes, {trained.core_seconds / 60:.0f} core-minutes |",
    ]
    if trained.started_from:
        lines.append(f"| started from | {trained.started_from} |")
    lines += [f"| {name} on held-out classes | {value:.1%} |" for name, value in trained.validation.items()]
    lines += ["", "## Calibration", ""]
    if calibration is None:
        lines.append("None: the model gives scores but no decisions. Run `firstsight calibrate` on this directory.")
    else:
        c = calibration
        of = f"{count(len(c.classes), 'class', 'classes')}, " if c.classes else ""  # none: it was given as pairs
        lines.append(
            f"Threshold {c.threshold:.4f} for a target FMR of {c.target_fmr:g}, chosen on `{c.data}` "
            f"({of}{c.genuine_pairs:,} same and {count(c.impostor_pairs, 'different pair', 'different pairs')}): "
            f"FMR {c.fmr:.4g}, FNMR {c.fnmr:.2%} there. Probabilities take same and different as equally likely."
        )
    lines += [
        "",
        "## Limits",
        "",
        "Error rates hold for data like that above. On other data, evaluate and calibrate again before deciding "
        "anything by it. One reference an identity is the least; several make the score steadier.",
        "",
    ]
    return "\n".join(lines)
