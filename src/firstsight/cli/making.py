"""Commands that write a model directory."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from firstsight.cli.app import Json, ModelName, app


@app.command()
def train(
    recipe: Annotated[
        str | None,
        typer.Argument(help="A shipped recipe (see firstsight recipes) or a TOML file; not needed with --from."),
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Argument(metavar="[DATA] [KEY=VALUE]...", help="Your data, and settings such as training.steps=500."),
    ] = None,
    data: Annotated[str | None, typer.Option(help="Learn from this data instead of the recipe's.")] = None,
    from_: Annotated[
        str | None, typer.Option("--from", help="Begin with this model, and by default as it was made.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Directory of the model [default: ./RECIPE-model, or ./MODEL-further].")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint in --out.")] = False,
    so_far: Annotated[
        bool, typer.Option("--so-far", help="Learn no further: write the model of what the run in --out has learned.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is in --out.")] = False,
    tensorboard: Annotated[Path | None, typer.Option(help="A folder for TensorBoard to show.")] = None,
    json: Json = False,
) -> int:
    """Learn a similarity from labelled examples."""
    from firstsight import api
    from firstsight.cli import render
    from firstsight.errors import UsageError
    from firstsight.places import place_of

    settings = list(changes or [])
    if from_ is not None and recipe is not None and not _is_recipe(recipe):
        settings, recipe = [recipe, *settings], None
    named = [c for c in settings if "=" not in c or c.startswith(("./", "/", "../", "~"))]
    if len(named) + (data is not None) > 1:
        raise UsageError(f"one data set was expected, {', '.join([*named, *([data] if data else [])])} came")
    place = place_of(recipe, from_, out)
    with render.training(quiet=json) as listen:
        try:
            model = api.train(
                recipe,
                *[c for c in settings if c not in named],
                data=data or (named[0] if named else None),
                from_=from_,
                out=place,
                resume=resume,
                so_far=so_far,
                overwrite=overwrite,
                tensorboard=tensorboard,
                listen=listen,
            )
        except KeyboardInterrupt:
            if not (place / "checkpoint.pt").exists():
                return render.error("stopped; nothing was saved", 3)
            given = {"--from": from_, "--data": data, "--out": place, "--tensorboard": tensorboard}
            options = [word for option, value in given.items() if value is not None for word in (option, str(value))]
            words = [*([recipe] if recipe else []), *settings, *options, *(["--overwrite"] if overwrite else [])]
            again = shlex.join(["firstsight", "train", *words, "--resume"])
            return render.error(f"stopped; the checkpoint is kept; go on with: {again}", 3)
    render.trained(model, json=json)
    return 0


def _is_recipe(word: str) -> bool:
    """Whether the first word beside --from, where a recipe may be left out, is one: a file, or a bare name."""
    return word.endswith(".toml") or not set(word) & set("/:=.~")


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


@app.command()
def reproduce(
    name: Annotated[str | None, typer.Argument(help="What to reproduce; without it, what there is.")] = None,
    changes: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE", help="Such as training.steps=500.")
    ] = None,
    smoke: Annotated[
        bool, typer.Option("--smoke", help="The smallest size: seconds, and no figure means a thing.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the training and of the measures.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Folder of the training [default: build/reproduce/NAME].")] = None,
    so_far: Annotated[
        bool, typer.Option("--so-far", help="Learn no further: measure what a stopped run has learned.")
    ] = False,
    json: Json = False,
) -> int:
    """Train as a paper did and measure by its protocol; a run that was stopped goes on."""
    from firstsight import api
    from firstsight.cli import receipts, render

    if name is None:
        render.table(api.reproductions(), ["name", "about"], "none", json=json)
        return 0
    with render.training(quiet=json) as listen:
        made = api.reproduce(name, *(changes or ()), smoke=smoke, seed=seed, out=out, so_far=so_far, listen=listen)
    receipts.reproduced(made, json=json)
    return 0
