"""Commands on what happened: events, attendance, forgetting, and the copy of all that is known of somebody."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from firstsight.cli.app import GalleryAt, Identified, Json, ModelAt, app, gallery_app

About = Annotated[str | None, typer.Option(help="Only about this identity.")]
Sheet = Annotated[Path | None, typer.Option(metavar="FILE", help="Write them as CSV too.")]


@gallery_app.command("events")
def events(
    gallery: GalleryAt,
    identity: About = None,
    verb: Annotated[str | None, typer.Option(help="Only of this verb, such as identify.")] = None,
    since: Annotated[str | None, typer.Option(help="From this day or moment (UTC) on.")] = None,
    until: Annotated[str | None, typer.Option(help="To the end of this day, or before this moment (UTC).")] = None,
    after: Annotated[int | None, typer.Option(help="Only with a higher number: the next page.")] = None,
    limit: Annotated[int | None, typer.Option(help="The first so many.")] = None,
    last: Annotated[int | None, typer.Option(help="The newest so many.")] = None,
    csv: Sheet = None,
    model: ModelAt = None,
    json: Json = False,
) -> int:
    """List what was recorded, in the order in which it happened."""
    from firstsight import api
    from firstsight.cli import receipts

    found = api.events(
        gallery,
        identity=identity,
        verb=verb,
        since=since,
        until=until,
        after=after,
        limit=limit,
        last=last,
        csv=csv,
        model=model,
    )
    receipts.happened(found, csv, json=json)
    return 0


@gallery_app.command("forget")
def forget(
    gallery: GalleryAt,
    before: Annotated[str | None, typer.Option(help="A day or a moment (UTC).")] = None,
    older_than: Annotated[str | None, typer.Option(help="Or an age: 12h, 90d, 4w.")] = None,
    model: ModelAt = None,
    json: Json = False,
) -> int:
    """Delete the events before a time, out of every file of the store."""
    from firstsight import api
    from firstsight.cli import receipts

    receipts.forgotten(api.forget(gallery, before, older_than=older_than, model=model), json=json)
    return 0


@app.command()
def attendance(
    gallery: GalleryAt,
    day: Annotated[str | None, typer.Option(help="One day [default: today].")] = None,
    since: Annotated[str | None, typer.Option(help="Or from this day")] = None,
    until: Annotated[str | None, typer.Option(help="to this one [default: today].")] = None,
    identity: About = None,
    zone: Annotated[str | None, typer.Option(help="Of the days, as Europe/Berlin [default: the machine's].")] = None,
    longest: Annotated[
        float, typer.Option(help="Hours; who would have been in for longer was not seen going out.")
    ] = 16.0,
    csv: Sheet = None,
    model: ModelAt = None,
    json: Json = False,
) -> int:
    """Who was there, by day: first in, last out, how long."""
    from firstsight import api
    from firstsight.cli import receipts

    found = api.attendance(
        gallery,
        day=day,
        since=since,
        until=until,
        identity=identity,
        zone=zone,
        longest=longest,
        csv=csv,
        model=model,
    )
    receipts.present(found, csv, json=json)
    return 0


@gallery_app.command("export-subject")
def export_subject(
    gallery: GalleryAt,
    identity: Identified,
    out: Annotated[Path, typer.Option(help="A new folder.")],
    model: ModelAt = None,
    json: Json = False,
) -> int:
    """Write all that is known of one identity into a new folder, for that person."""
    from firstsight import api
    from firstsight.cli import receipts

    receipts.copied(api.export_subject(gallery, identity, out=out, model=model), json=json)
    return 0
