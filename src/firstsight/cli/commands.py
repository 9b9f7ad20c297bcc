"""The commands. Each has the name, parameters and result of its function in :mod:`firstsight.api`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from firstsight.cli import audit, galleries, lifecycle, making, serving
from firstsight.cli.app import Json, ModelName, SameNames, app, gallery_app

__all__ = ["app", "audit", "galleries", "gallery_app", "lifecycle", "making", "serving"]


@app.command()
def evaluate(
    model: ModelName,
    protocol: Annotated[str, typer.Argument(help="See firstsight protocols.")],
    data: Annotated[str | None, typer.Argument(help="For protocols that are not fixed to one.")] = None,
    ways: Annotated[int | None, typer.Option(help="Classes a task [default: 20].")] = None,
    shots: Annotated[int | None, typer.Option(help="References a class [default: 1].")] = None,
    tasks: Annotated[int | None, typer.Option(help="Tasks drawn [default: the protocol's, 10 to 1000].")] = None,
    across: Annotated[str | None, typer.Option(help="origins, styles or examples: what sets both sides apart.")] = None,
    seed: Annotated[int, typer.Option(help="Of every draw.")] = 0,
    same_names_are_different: SameNames = False,
    report: Annotated[Path | None, typer.Option(help="Write a self-contained HTML page.")] = None,
    json: Json = False,
) -> int:
    """Measure a model on classes it has not seen."""
    from firstsight import api
    from firstsight.cli import render

    with render.reading(quiet=json) as progress:
        result = api.evaluate(
            model,
            protocol,
            data,
            ways=ways,
            shots=shots,
            tasks=tasks,
            across=across,
            seed=seed,
            same_names_are_different=same_names_are_different,
            report=report,
            progress=progress,
        )
    render.evaluated(result, report, json=json)
    return 0


@app.command()
def calibrate(
    model: ModelName,
    data: Annotated[str | None, typer.Argument(help="Unseen classes [default: what the recipe holds out].")] = None,
    fmr: Annotated[
        float | None, typer.Option(help="Target false match rate of one comparison [default: 0.01].")
    ] = None,
    fnmr: Annotated[float | None, typer.Option(help="Or: target false non-match rate.")] = None,
    fpir: Annotated[
        float | None, typer.Option(help="Or: how often a stranger may be taken for one of --gallery-size identities.")
    ] = None,
    gallery_size: Annotated[int | None, typer.Option(help="Identities enrolled, for --fpir.")] = None,
    precision: Annotated[
        float | None, typer.Option(help="Or: share of 'same' answers that must be right, at --prior.")
    ] = None,
    cost: Annotated[
        float | None, typer.Option(help="Or: least cost, a false match costing so many false non-matches, at --prior.")
    ] = None,
    prior: Annotated[float | None, typer.Option(help="Share of same pairs met in use [default: 0.5].")] = None,
    eer: Annotated[bool, typer.Option("--eer", help="Or: where both error rates are equal.")] = False,
    confidence: Annotated[
        float, typer.Option(help="Share of resamples of the classes that must meet the target; 0.95 for few classes.")
    ] = 0.5,
    curve: Annotated[
        str | None, typer.Option(help="Of the probability: platt, beta or isotonic [default: platt].")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the draw of pairs.")] = 0,
    same_names_are_different: SameNames = False,
    json: Json = False,
) -> int:
    """Give a model a probability and the threshold that meets a stated target."""
    from firstsight import api
    from firstsight.cli import render

    with render.reading(quiet=json) as progress:
        result = api.calibrate(
            model,
            data,
            fmr=fmr,
            fnmr=fnmr,
            fpir=fpir,
            gallery_size=gallery_size,
            precision=precision,
            cost=cost,
            prior=prior,
            eer=eer,
            confidence=confidence,
            curve=curve,  # type: ignore[arg-type]  # checked there
            seed=seed,
            same_names_are_different=same_names_are_different,
            progress=progress,
        )
    render.calibrated(result, model, json=json)
    return 0


@app.command()
def compare(
    model: ModelName,
    left: Path,
    right: Path,
    why: Annotated[Path | None, typer.Option(help="Write a PNG of both, with what matched laid over them.")] = None,
    json: Json = False,
) -> int:
    """Are these two the same? Exit code 0 same (or a score only, of a model without a calibration), 1 not."""
    from firstsight import api
    from firstsight.cli import receipts

    return receipts.decided(api.compare(model, left, right, why=why), f"{left} and {right}", json=json)


@app.command("data")
def data_sets(json: Json = False) -> int:
    """List the data sets, what each holds, and where it was found or looked for."""
    from firstsight import api
    from firstsight.cli import render

    render.data_sets(api.data_sets(), json=json)
    return 0


@app.command()
def protocols(json: Json = False) -> int:
    """List the evaluation protocols."""
    from firstsight import api
    from firstsight.cli import render

    render.table(api.protocols(), ["name", "about"], "", json=json)
    return 0


@app.command()
def models(json: Json = False) -> int:
    """List the shipped models."""
    from firstsight import api
    from firstsight.cli import render

    render.table(api.models(), ["name", "about"], "none", json=json)
    return 0


@app.command()
def recipes(json: Json = False) -> int:
    """List the shipped recipes."""
    from firstsight import api
    from firstsight.cli import render

    render.table(api.recipes(), ["name", "about"], "none", json=json)
    return 0
