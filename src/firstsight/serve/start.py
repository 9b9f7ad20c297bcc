"""What happens before a service listens: its gallery is there or made, its model loaded, its address free."""

from __future__ import annotations

import os
import socket

from firstsight.errors import AccessError, UsageError
from firstsight.files import MISSING, expanded, state_of
from firstsight.gallery import Gallery
from firstsight.inputs.decode import read_bytes
from firstsight.model import Model
from firstsight.serve.settings import Settings
from firstsight.stores.access import Access


def prepare(settings: Settings) -> None:
    """Make the gallery where there is none, and refuse to be heard beyond this machine without a key.

    Raises:
        UsageError: there is no gallery, and no model was named to make it with.
        InputError: the file of the admin's secret can't be read.
        AccessError: it is to listen to other machines, and no key exists.
    """
    if state_of(expanded(settings.file)) == MISSING:
        if settings.model is None:
            raise UsageError(
                f"{settings.file} does not exist; name the model to make it with, such as --model glyphs (firstsight "
                "models lists the shipped ones)"
            )
        Gallery.create(settings.store, settings.model, keep_sources=settings.keep_sources).close()
    access = Access(settings.file)
    try:
        if settings.admin_secret is not None:
            access.ensure("admin", "admin", read_bytes(settings.admin_secret).decode("utf-8", "replace").strip())
        access.remember()
        if not settings.loopback and not access.keys():
            raise AccessError(
                f"--host {settings.host} lets other machines ask, and there is no key; make one with firstsight key "
                f"add {settings.file} NAME --role admin, or leave --host out"
            )
    finally:
        access.close()


def model_of(settings: Settings) -> Model:
    """The model of the gallery that is served.

    Raises:
        GalleryError, ModelError: it can't be opened, or is another than ``--model`` names.
    """
    with Gallery.open(settings.store, settings.model) as gallery:
        return gallery.model


def listen(settings: Settings) -> socket.socket:
    """A socket at the address.

    Raises:
        UsageError: another process listens there, or there is no such address.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((settings.host, settings.port))
    except (OSError, OverflowError) as error:
        made.close()
        raise UsageError(
            f"{settings.host} port {settings.port} can't be listened at ({getattr(error, 'strerror', None) or error}); "
            "end what uses it, or choose another with --port"
        ) from None
    made.set_inheritable(True)
    return made


def lanes(workers: int) -> int:
    """How many runs of the encoder one process makes at the same time.

    A run has one thread, or as many as ``OMP_NUM_THREADS`` says: several runs side by side spend no time on waiting for
    each other's parts.
    """
    said = os.environ.setdefault("OMP_NUM_THREADS", "1")
    each = int(said) if said.isdecimal() and int(said) else 1
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, allowed // (each * workers))
