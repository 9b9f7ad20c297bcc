"""Commands around a service: serve, its keys, and the galleries of a file."""

from __future__ import annotations

from typing import Annotated

import typer

from firstsight.cli.app import GalleryAt, Json, app, gallery_app

key_app = typer.Typer(help="Make, list and revoke the keys of a service.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(key_app, name="key")

StoreAt = Annotated[str, typer.Argument(metavar="STORE", help="The file of a gallery.")]
KeyName = Annotated[str, typer.Argument(help="To tell it by, in lists and logs.")]


@app.command()
def serve(
    store: Annotated[str, typer.Argument(metavar="STORE", help="The file to serve, with all galleries in it.")],
    model: Annotated[
        str | None, typer.Option(help="The model to make the gallery with, or where its model lies now.")
    ] = None,
    keep_sources: Annotated[
        bool, typer.Option("--keep-sources", help="If the gallery is made: keep the images of references in it.")
    ] = False,
    admin_secret: Annotated[
        str | None, typer.Option(metavar="FILE", help="Holds the secret that a key named admin is to have.")
    ] = None,
    host: Annotated[str, typer.Option(help="Where to listen; another than this machine needs a key.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes one that is free.")] = 8000,
    proxies: Annotated[
        str, typer.Option(metavar="ADDRESSES", help="Proxies whose X-Forwarded-For is believed, with commas between.")
    ] = "",
    workers: Annotated[int, typer.Option(help="Processes, all on the one file.")] = 1,
    body_limit: Annotated[int, typer.Option(metavar="MIB", help="MiB of one request.")] = 16,
    pixels: Annotated[int, typer.Option(metavar="MILLIONS", help="Million pixels of one image.")] = 24,
    images: Annotated[int, typer.Option(help="Images of one request.")] = 32,
    waiting: Annotated[int, typer.Option(help="Requests in work or waiting; more are refused with 503.")] = 64,
    rate: Annotated[int, typer.Option(help="Requests a minute of one key or address; 0 for any number.")] = 6000,
    kept: Annotated[int, typer.Option(metavar="MIB", help="MiB of probes kept with events; then none is.")] = 1024,
    timeout: Annotated[float, typer.Option(metavar="SECONDS", help="Until a head, then a body, must have come.")] = 20,
    drain: Annotated[
        float, typer.Option(metavar="SECONDS", help="How long ready says 503 before a service that is ended stops.")
    ] = 0,
) -> int:
    """Serve the galleries of a file over HTTP, with a page for people, until Ctrl-C."""
    from firstsight.serve.settings import Settings, needed

    settings = Settings(
        store=store,
        model=model,
        keep_sources=keep_sources,
        admin_secret=admin_secret,
        host=host,
        port=port,
        proxies=proxies,
        workers=workers,
        body_limit=body_limit,
        pixels=pixels,
        images=images,
        waiting=waiting,
        rate=rate,
        kept=kept,
        timeout=timeout,
        drain=drain,
    )
    with needed():
        from firstsight.serve.run import serve as serving
    serving(settings)
    return 0


@key_app.command("add")
def add_key(
    store: StoreAt,
    name: KeyName,
    role: Annotated[str, typer.Option(help="read; enroll, which may read too; or admin, which may do all.")],
    expires: Annotated[str | None, typer.Option(metavar="TIME", help="How long it holds: 12h, 90d, 2w.")] = None,
    json: Json = False,
) -> int:
    """Make a key, and print its secret: this once, since only a hash of it is stored."""
    from firstsight import api
    from firstsight.cli import render

    secret = api.add_key(store, name, role=role, expires=expires)
    render.value({"name": name, "role": role, "secret": secret}, secret, json=json)
    return 0


@key_app.command("list")
def keys(store: StoreAt, json: Json = False) -> int:
    """List the keys."""
    from firstsight import api
    from firstsight.api.access import had_keys
    from firstsight.cli import render

    rows = api.keys(store)
    empty = "there is no key: only this machine may ask"
    if not rows and had_keys(store):
        empty = "there is no key any more: nobody can ask until there is one; firstsight key add"
    render.table(rows, ["name", "role", "created", "expires"], empty, json=json)
    return 0


@key_app.command("revoke")
def revoke_key(store: StoreAt, name: KeyName, json: Json = False) -> int:
    """Take a key away; services refuse it from their next request on."""
    from firstsight import api
    from firstsight.cli import render

    gone = api.revoke_key(store, name)
    render.value(gone, f"{gone.name}: revoked{''.join(f'; {note}' for note in gone.notes)}", json=json)
    return 0


@gallery_app.command("list")
def galleries(store: StoreAt, json: Json = False) -> int:
    """List the galleries of a file."""
    from firstsight import api
    from firstsight.cli import render

    rows = api.galleries(store)
    render.table(rows, ["gallery", "model", "identities", "references", "keep_sources"], "none", json=json)
    return 0


@gallery_app.command("drop")
def drop(gallery: GalleryAt, json: Json = False) -> int:
    """Delete a gallery with everything in it, out of every file of the store."""
    from firstsight import api
    from firstsight.cli import receipts

    receipts.dropped(api.drop(gallery), json=json)
    return 0


@app.command()
def doctor(
    store: Annotated[str | None, typer.Argument(metavar="[STORE]", help="A gallery's file to look at too.")] = None,
    json: Json = False,
) -> int:
    """Look whether all is well here: versions, model, speed, disk, a store. Exit code 3 where something is broken."""
    from firstsight import api
    from firstsight.cli import render

    checks = api.doctor(store)
    render.checked(checks, json=json)
    return 3 if any(check.ok is False for check in checks) else 0
