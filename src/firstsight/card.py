"""The model card: what a person should know before using a model, generated from what the model records."""

from __future__ import annotations

from firstsight.calibration import Calibration
from firstsight.errors import count
from firstsight.spec import ModelSpec, TrainingSpec


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
        *([_reranked(spec)] if spec.pair else []),
        f"| learned from | `{trained.data}`: {count(trained.examples, 'example', 'examples')} "
        f"of {count(len(trained.classes), 'class', 'classes')} |",
        f"| recipe | `{trained.recipe}`, {count(trained.steps, 'step', 'steps')}, seed {trained.seed} |",
        f"| cost | {trained.seconds / 60:.0f} minutes, {trained.core_seconds / 60:.0f} core-minutes"
        + (f", {trained.peak_mib:,} MiB of memory at most |" if trained.peak_mib else " |"),
    ]
    if (network := trained.backbone) is not None:
        state = "frozen" if network.frozen else "learned further"
        licence = network.licence or "not stated; see where it comes from before you pass the model on"
        lines.append(f"| stands on | `{network.name}`, {state}, sha256 `{network.sha256}`; licence: {licence} |")
    if spec.int8 is not None:
        lines.append(f"| arithmetic | int8, a copy of `{spec.int8.of}`; ranges measured on `{spec.int8.data}` |")
    elif trained.settings.get("export", {}).get("half") is True:
        lines.append("| weights | rounded to half precision |")
    if trained.started_from:
        lines.append(f"| started from | {trained.started_from} |")
    lines += [f"| {name} on held-out classes | {value:.1%} |" for name, value in trained.validation.items()]
    lines += [f"| {told} |" for told in grown(trained, " | ")]
    found = (calibration.verdict if calibration else None) or trained.verdict
    if found is not None:
        lines += ["", "## What it is good for", "", f"{found}.", "", f"Measured on `{found.data}`."]
    lines += ["", "## Calibration", ""]
    if calibration is None:
        lines.append("None: the model gives scores but no decisions. Run `firstsight calibrate` on this directory.")
    else:
        lines += _calibration(calibration)
    lines += [
        "",
        "## Limits",
        "",
        "Error rates hold for data like that above. On other data, evaluate and calibrate again before deciding "
        "anything by it. One reference an identity is the least; several make the score steadier.",
        "",
    ]
    return "\n".join(lines)


def _reranked(spec: ModelSpec) -> str:
    shortlist = spec.pair.shortlist if spec.pair else 0
    return f"| score | by a graph on pairs, `pair.onnx`; a search puts the {shortlist:,} nearest in order by it |"


def grown(trained: TrainingSpec, between: str = ": ") -> list[str]:
    """What training further did, a line for old and for new classes: what was measured, before and after."""
    lines = []
    for which, row in trained.growth.items():
        met = f"{row.learned:,} of its {row.classes:,} classes learned before" if row.learned else "no class learned"
        told = f"{row.before:.1%} before, {row.after:.1%} after ({100 * (row.after - row.before):+.1f} points)"
        lines.append(f"{which} kind: {row.figure} on {row.data} ({met}){between}{told}")
    return lines


def _calibration(c: Calibration) -> list[str]:
    """The threshold, what it promises, what was seen there, and what the data cannot show."""
    of = f"{count(len(c.classes), 'class', 'classes')}, " if c.classes else ""  # none: it was given as pairs
    sure = f" with confidence {c.confidence:g}," if c.confidence > 0.5 else ","
    lines = [
        f"Threshold {c.threshold:.4f} for {c.target.describe()}{sure} chosen on `{c.data}` "
        f"({of}{count(c.genuine_pairs, 'same pair', 'same pairs')} and "
        f"{count(c.impostor_pairs, 'different pair', 'different pairs')}).",
        "",
        "| at the threshold | there | 95 % interval |",
        "|---|---|---|",
        f"| FMR | {c.fmr:.4g} | {c.fmr_low:.4g} to {c.fmr_high:.4g} |",
        f"| FNMR | {c.fnmr:.4g} | {c.fnmr_low:.4g} to {c.fnmr_high:.4g} |",
    ]
    if c.fpir is not None:
        among = count(c.target.gallery_size, "identity", "identities")
        lines.append(f"| FPIR among {among} | {c.fpir:.4g} | {c.fpir_low:.4g} to {c.fpir_high:.4g} |")
    least = min(1.0, 3 / c.impostor_pairs)
    lines += [
        "",
        f"So many different pairs can show an FMR of {least:.2g} or more, were they independent. Probabilities follow "
        f"a `{c.curve.kind}` curve and take same and different as equally likely.",
    ]
    if any(c.shifts):
        shown = ", ".join(f"{shift:.4g}" for shift in c.shifts)
        lines.append(f"Scores against 1, 2, ... references lose {shown}, so that one threshold serves all.")
    warnings = [f"- Warning: {sentence}." for sentence in c.warnings()]
    return [*lines, "", *warnings] if warnings else lines
