"""Commands that write a model directory."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from firstsight.cli.app import Json, ModelName, app


@app.command()
def train(
    recipe: Annotated[str, typer.Argument(help="A shipped recipe (see firstsight recipes) or a TOML file.")],
    changes: Annotated[
        list[str] | None,
        typer.Argument(metavar="[DATA] [KEY=VALUE]...", help="Your data, and settings such as training.steps=500."),
    ] = None,
    data: Annotated[str | None, typer.Option(help="Learn from this data instead of the recipe's.")] = None,
    out: Annotated[Path | None, typer.Option(help="Directory of the model [default: ./RECIPE-model].")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint in --out.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is in --out.")] = False,
    json: Json = False,
) -> int:
    """Learn a similarity from labelled examples."""
    from firstsight import api
    from firstsight.cli import render
    from firstsight.errors import UsageError

    settings = list(changes or [])
    named = [c for c in settings if "=" not in c or c.startswith(("./", "/", "../", "~"))]
    if len(named) + (data is not None) > 1:
        raise UsageError(f"one data set was expected, {', '.join([*named, *([data] if data else [])])} came")
    place = out or Path(f"./{Path(recipe).stem}-model")
    with render.training(quiet=json) as listen:
        try:
            model = api.train(
                recipe,
                *[c for c in settings if c not in named],
                data=data or (named[0] if named else None),
                out=place,
                resume=resume,
                overwrite=overwrite,
                listen=listen,
            )
        except KeyboardInterrupt:
            if not (place / "checkpoint.pt").exists():
                return render.error("stopped; nothing was saved", 3)
            options = [
                *(["--data", data] if data else []),
                "--out",
                str(place),
                *(["--overwrite"] if overwrite else []),
            ]
            again = shlex.join(["firstsight", "train", recipe, *settings, *options, "--resume"])
            return render.error(f"stopped; the checkpoint is kept; go on with: {again}", 3)
    render.trained(model, json=json)
    return 0


@app.command()
def export(
    model: ModelName,
    changes: Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE", help="Such as export.half=true.")] = None,
    *,
    out: Annotated[Path, typer.Option(help="Directory of the new model.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is in --out.")] = False,
    json: Json = False,
) -> int:
    """Write a trained model again with other export settings."""
    from firstsight import api
    from firstsight.cli import render

    render.written(api.export(model, changes or (), out=out, overwrite=overwrite), json=json)
    return 0


@app.command()
def quantise(
    model: ModelName,
    data: Annotated[str | None, typer.Option(help="Like what it will see [default: what it learned from].")] = None,
    *,
    out: Annotated[Path, typer.Option(help="Directory of the copy.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is in --out.")] = False,
    json: Json = False,
) -> int:
    """Write an int8 copy of a model: about twice as fast, a little less exact."""
    from firstsight import api
    from firstsight.cli import render

    with render.reading(quiet=json) as progress:
        made = api.quantise(model, data, out=out, overwrite=overwrite, progress=progress)
    render.written(made, json=json)
    return 0
