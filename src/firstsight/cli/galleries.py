"""Commands that use a gallery: make it, enroll, verify, identify."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from firstsight.cli.app import (
    Actor,
    Direction,
    GalleryAt,
    Json,
    KeepImage,
    Metadata,
    ModelAt,
    Override,
    Place,
    Recorded,
    app,
    gallery_app,
    recorded,
    several,
)

TOP = 5


@gallery_app.command("create")
def create(
    gallery: GalleryAt,
    model: Annotated[str, typer.Option(help="A shipped model by name, or a directory (with a /).")],
    keep_sources: Annotated[
        bool, typer.Option("--keep-sources", help="Keep the images in it, so that it can be rebuilt for another model.")
    ] = False,
    json: Json = False,
) -> int:
    """Make an empty gallery bound to a model."""
    from firstsight import api
    from firstsight.cli import receipts

    with api.create(gallery, model=model, keep_sources=keep_sources) as made:
        receipts.created(gallery, made.model, json=json)
    return 0


@app.command()
def enroll(
    gallery: GalleryAt,
    identity: Annotated[str | None, typer.Argument(help="Whose references these are.")] = None,
    sources: Annotated[list[Path] | None, typer.Argument(metavar="IMAGE...", help="One or more images.")] = None,
    data: Annotated[str | None, typer.Option(help="Enroll every class of a data set instead.")] = None,
    each: Annotated[int, typer.Option(help="With --data: examples a class.")] = 1,
    metadata: Metadata = None,
    override: Override = None,
    record: Recorded = False,
    place: Place = "",
    actor: Actor = "",
    model: ModelAt = None,
    json: Json = False,
) -> int:
    """Add references of an identity; returns once they are on disk. An image that it has already adds nothing."""
    from firstsight import api
    from firstsight.cli import receipts, render
    from firstsight.gallery import Gallery

    with render.reading(quiet=json) as progress:
        made, lost = several(
            lambda: api.enroll(
                gallery,
                identity,
                list(sources or []),
                data=data,
                each=each,
                metadata=metadata or (),
                override=override or (),
                record=recorded(record, place, actor=actor),
                model=model,
                progress=progress,
            )
        )
    verdict = None
    if data is not None and not json:
        with Gallery.open(gallery, model) as opened:
            verdict = opened.model.verdict
    receipts.enrolled(made, gallery, verdict, json=json)
    return render.failed(lost, 0)


@app.command()
def check(
    gallery: GalleryAt,
    sources: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Images, or a folder of them.")],
    identity: Annotated[str | None, typer.Option(help="Whose they are to be; else of nobody enrolled.")] = None,
    model: ModelAt = None,
    json: Json = False,
) -> int:
    """What speaks against enrolling these images? Nothing is stored. Exit code 0 nothing found, 1 findings."""
    from firstsight import api
    from firstsight.cli import receipts

    return receipts.checked(api.check(gallery, list(sources), identity=identity, model=model), json=json)


@app.command()
def verify(
    gallery: GalleryAt,
    identity: Annotated[str, typer.Argument(help="An enrolled identity.")],
    source: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="The probe, or several of one thing.")],
    record: Recorded = False,
    place: Place = "",
    direction: Direction = None,
    actor: Actor = "",
    keep_image: KeepImage = False,
    model: ModelAt = None,
    json: Json = False,
) -> int:
    """Is this probe the identity? Exit code 0 same, 1 not."""
    from firstsight import api
    from firstsight.cli import receipts

    asked = recorded(record, place, direction, actor, keep_image)
    decision = api.verify(gallery, identity, source, record=asked, model=model)
    return receipts.decided(decision, f"{', '.join(map(str, source))} and {identity}", json=json)


@app.command()
def identify(
    gallery: GalleryAt,
    sources: Annotated[
        list[Path] | None, typer.Argument(metavar="IMAGE...", help="Probes, or a folder of them.")
    ] = None,
    data: Annotated[str | None, typer.Option(help="Identify a labelled data set and count.")] = None,
    top: Annotated[int, typer.Option(help="Candidates listed.")] = TOP,
    fused: Annotated[bool, typer.Option("--fused", help="All images show one thing: one answer.")] = False,
    one_to_one: Annotated[
        bool, typer.Option("--one-to-one", help="Each image shows another thing: nobody is the answer twice.")
    ] = False,
    record: Recorded = False,
    place: Place = "",
    direction: Direction = None,
    actor: Actor = "",
    keep_image: KeepImage = False,
    model: ModelAt = None,
    json: Json = False,
) -> int:
    """Which enrolled identity is this, or unknown? Exit code 0 known, 1 unknown, 2 one can't be read."""
    from firstsight import api
    from firstsight.cli import receipts, render
    from firstsight.errors import UsageError
    from firstsight.inputs.decode import expand

    asked = recorded(record, place, direction, actor, keep_image)
    if data is not None:
        if sources:
            raise UsageError("either images or --data, not both")
        if fused or one_to_one:
            raise UsageError("--fused and --one-to-one are for images, --data only counts; leave one of them out")
        if asked:
            raise UsageError("--record records the answers for images, --data only counts; leave one of them out")
        if top != TOP:
            raise UsageError("--top lists the candidates of images, --data only counts; leave one of them out")
        with render.reading(quiet=json) as progress:
            [result, *_], lost = several(lambda: [api.identify_data(gallery, data, model=model, progress=progress)])
        receipts.tallied(result, lost, json=json)
        return render.failed(lost, 0)
    if not sources:
        raise UsageError("one or more images, or --data, was expected")
    probes = expand(sources)
    given = {"top": top, "fused": fused, "one_to_one": one_to_one, "record": asked, "model": model}
    matches, lost = several(lambda: api.identify(gallery, probes, **given))  # type: ignore[arg-type]
    one = fused or (len(sources) == 1 and probes == sources and len(matches) == 1)
    receipts.matched(matches, probes, gallery, one=one, json=json)
    return render.failed(lost, int(any(getattr(m, "identity", "") is None for m in matches)))
