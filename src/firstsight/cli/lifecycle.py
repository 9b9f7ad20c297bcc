"""Commands on who is enrolled: list, replace, rename, merge, annotate, remove; a gallery out, in, and rebuilt."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from firstsight.cli.app import (
    Actor,
    GalleryAt,
    Identified,
    Json,
    Metadata,
    ModelAt,
    Override,
    Place,
    Recorded,
    Search,
    Where,
    app,
    gallery_app,
    recorded,
)


@app.command()
def replace(
    gallery: GalleryAt,
    identity: Identified,
    sources: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="One or more images.")],
    metadata: Metadata = None,
    override: Override = None,
    record: Recorded = False,
    place: Place = "",
    actor: Actor = "",
    model: ModelAt = None,
    json: Json = False,
) -> int:
    """Put new references in the place of all that an identity has, in one moment."""
    from firstsight import api
    from firstsight.cli import receipts

    asked = recorded(record, place, actor=actor)
    made = api.replace(
        gallery, identity, sources, metadata=metadata or (), override=override or (), record=asked, model=model
    )
    receipts.replaced(made, json=json)
    return 0


@app.command()
def rename(
    gallery: GalleryAt,
    identity: Identified,
    to: Annotated[str, typer.Argument(help="A name that is free.")],
    record: Recorded = False,
    place: Place = "",
    actor: Actor = "",
    model: ModelAt = None,
    json: Json = False,
) -> int:
    """Give an identity another name."""
    from firstsight import api
    from firstsight.cli import receipts

    asked = recorded(record, place, actor=actor)
    receipts.removed(api.rename(gallery, identity, to, record=asked, model=model), json=json)
    return 0


@app.command()
def merge(
    gallery: GalleryAt,
    identity: Identified,
    into: Annotated[str, typer.Argument(help="The identity that gets its references.")],
    record: Recorded = False,
    place: Place = "",
    actor: Actor = "",
    model: ModelAt = None,
    json: Json = False,
) -> int:
    """Give all references of an identity to another one."""
    from firstsight import api
    from firstsight.cli import receipts

    asked = recorded(record, place, actor=actor)
    receipts.removed(api.merge(gallery, identity, into, record=asked, model=model), json=json)
    return 0


@app.command()
def remove(
    gallery: GalleryAt,
    identity: Identified,
    record: Recorded = False,
    place: Place = "",
    actor: Actor = "",
    model: ModelAt = None,
    json: Json = False,
) -> int:
    """Delete an identity and its references, out of every file of the store."""
    from firstsight import api
    from firstsight.cli import receipts

    asked = recorded(record, place, actor=actor)
    receipts.removed(api.remove(gallery, identity, record=asked, model=model), json=json)
    return 0


@app.command()
def annotate(
    gallery: GalleryAt,
    identity: Identified,
    metadata: Annotated[list[str], typer.Argument(metavar="KEY=VALUE...", help="KEY= takes a key away.")],
    record: Recorded = False,
    place: Place = "",
    actor: Actor = "",
    model: ModelAt = None,
    json: Json = False,
) -> int:
    """Say more of an identity."""
    from firstsight import api
    from firstsight.cli import render
    from firstsight.cli.receipts import said

    asked = recorded(record, place, actor=actor)
    made = api.annotate(gallery, identity, metadata, record=asked, model=model)
    render.value(made, f"{made.identity}: {said(made.metadata) or 'nothing said'}", json=json)
    return 0


@app.command()
def identities(
    gallery: GalleryAt, search: Search = None, where: Where = None, model: ModelAt = None, json: Json = False
) -> int:
    """List who is enrolled."""
    from firstsight import api
    from firstsight.cli import render

    rows = api.identities(gallery, search=search, where=where or (), model=model)
    empty = "nobody is enrolled like that" if search or where else "nobody is enrolled yet"
    render.table(rows, ["identity", "references", "metadata"], empty, json=json)
    return 0


@app.command("list")
def references(
    gallery: GalleryAt,
    identity: Annotated[str | None, typer.Option(help="Only of this identity.")] = None,
    search: Search = None,
    where: Where = None,
    model: ModelAt = None,
    json: Json = False,
) -> int:
    """List the enrolled references."""
    from firstsight import api
    from firstsight.cli import render

    rows = api.references(gallery, identity=identity, search=search, where=where or (), model=model)
    empty = "nobody is enrolled like that" if search or where else "nobody is enrolled yet"
    render.table(rows, ["identity", "source", "created"], empty, json=json)
    return 0


@gallery_app.command("export")
def export_gallery(
    gallery: GalleryAt,
    out: Annotated[Path, typer.Option(help="A new folder.")],
    model: ModelAt = None,
    json: Json = False,
) -> int:
    """Write all references into a new folder (JSON lines and one NumPy array)."""
    from firstsight import api
    from firstsight.cli import render
    from firstsight.errors import count

    number = api.export_gallery(gallery, out=out, model=model)
    said = f"{out}: {count(number, 'reference', 'references')}; removing somebody does not reach this copy"
    render.value({"out": str(out), "references": number}, said, json=json)
    return 0


@gallery_app.command("import")
def import_gallery(
    gallery: GalleryAt,
    folder: Annotated[Path, typer.Argument(help="What gallery export wrote.")],
    model: ModelAt = None,
    json: Json = False,
) -> int:
    """Enroll what an export of a gallery of the same model holds."""
    from firstsight import api
    from firstsight.cli import receipts, render

    with render.reading(quiet=json) as progress:
        made = api.import_gallery(gallery, folder, model=model, progress=progress)
    receipts.enrolled(made, gallery, json=json)
    return 0


@gallery_app.command("rebuild")
def rebuild(
    gallery: GalleryAt,
    model: Annotated[str, typer.Option(help="The new model: shipped by name, or a directory (with a /).")],
    json: Json = False,
) -> int:
    """Embed all references by another model, from the images kept or the files they came from."""
    from firstsight import api
    from firstsight.cli import receipts, render
    from firstsight.model import Model

    loaded = Model.load(model)
    with render.reading(quiet=json) as progress:
        number = api.rebuild(gallery, model=loaded, progress=progress)
    receipts.rebuilt(gallery, model, loaded, number, json=json)
    return 0
