"""A service from its settings to its end: one process, or several on one socket."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from contextlib import ExitStack
from functools import partial
from typing import Any

import uvicorn
from uvicorn.supervisors import Multiprocess

from firstsight.inputs.pixel_budget import BUDGET
from firstsight.serve import freed_memory, logs, metrics
from firstsight.serve.app import create_app
from firstsight.serve.limits import PATIENCE
from firstsight.serve.patience import Patience
from firstsight.serve.settings import Settings
from firstsight.serve.start import listen, prepare


def serve(settings: Settings) -> None:
    """Serve until told to end: what has begun is finished first.

    Raises:
        UsageError, AccessError, GalleryError, ModelError, StorageError: it can't begin.
    """
    prepare(settings)
    with ExitStack() as stack:
        sock = stack.enter_context(listen(settings))
        host, port = settings.host, sock.getsockname()[1]
        connections: Any = Patience(settings.timeout)  # makes protocols, as the class does that is expected
        config = uvicorn.Config(
            partial(work, settings),
            factory=True,
            workers=settings.workers,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(settings.proxies),  # else uvicorn believes whatever any process of this machine says
            forwarded_allow_ips=settings.proxies,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=30,
            http=connections,
            ws="none",
            lifespan="on",
        )
        for number in (signal.SIGINT, signal.SIGTERM):  # uvicorn raises them again when all is done
            signal.signal(number, lambda *_: None)
        sock.listen(2048)
        if settings.workers == 1:
            server = uvicorn.Server(config)
            config.load()
            greet(settings, host, port)
            server.run(sockets=[sock])
        else:
            os.environ[metrics.SHARED] = stack.enter_context(tempfile.TemporaryDirectory(prefix="firstsight-"))
            greet(settings, host, port)
            Multiprocess(config, sockets=[sock]).run()


def work(settings: Settings) -> object:
    """The application of one process; what the server makes it by."""
    logs.begin()
    freed_memory.give_back()
    BUDGET.patience = PATIENCE
    return create_app(settings)


def greet(settings: Settings, host: str, port: int) -> None:
    """Say where it is."""
    shown = f"[{host}]" if ":" in host else host
    print(f"FirstSight serves {settings.store} at http://{shown}:{port}/ (Ctrl-C ends it)", file=sys.stderr, flush=True)
