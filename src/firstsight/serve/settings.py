"""What a service is told when it starts; ``firstsight serve`` has an option for each."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from firstsight.errors import UsageError

LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Settings:
    """How a service runs.

    Attributes:
        store: the file it serves, with ``#name`` for the gallery whose model it embeds and compares by.
        model: where that gallery's model lies now, if it moved; or the model to make the gallery with.
        keep_sources: whether a gallery that is made keeps the images of references.
        admin_secret: a file with the secret of a key ``admin``, which is made or changed to it at the start.
        host, port: where it listens; port 0 takes one that is free.
        proxies: addresses or networks of reverse proxies, with commas between, whose X-Forwarded-For is believed.
        workers: processes, all on one file.
        body_limit: MiB of one request.
        pixels: million pixels of one image.
        images: images of one request.
        waiting: requests that are worked on or wait for it; more are refused with 503.
        rate: requests a minute of one key, or of one address where there are no keys; 0 for any number.
        kept: MiB of probes that may be kept with the events of the file; 0 keeps none.
        timeout: seconds until the head of a request must have come, and then its body; and in which some of an answer
            must be read.
        drain: seconds in which ``ready`` says 503 before a service that is told to end stops listening.
    """

    store: str
    model: str | None = None
    keep_sources: bool = False
    admin_secret: str | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    proxies: str = ""
    workers: int = 1
    body_limit: int = 16
    pixels: int = 24
    images: int = 32
    waiting: int = 64
    rate: int = 6000
    kept: int = 1024
    timeout: float = 20.0
    drain: float = 0.0

    def __post_init__(self) -> None:
        for proxy in filter(None, self.proxies.split(",")):
            try:
                ipaddress.ip_network(proxy.strip())
            except ValueError:
                raise UsageError(
                    f"--proxies names {proxy.strip()[:100]!r}, addresses or networks such as 10.0.0.5 or 10.0.0.0/24 "
                    "were expected, with commas between"
                ) from None
        least = {"workers": 1, "body_limit": 1, "pixels": 1, "images": 1, "waiting": 1, "rate": 0, "port": 0, "kept": 0}
        for name, low in least.items():
            if getattr(self, name) < low:
                raise UsageError(f"--{name.replace('_', '-')} is {getattr(self, name)}, at least {low} was expected")
        if self.port > 65535 or self.timeout <= 0 or self.drain < 0:
            raise UsageError(
                f"port {self.port}, timeout {self.timeout:g} and drain {self.drain:g} came; a port up to 65535, a "
                "timeout above 0 and no negative drain were expected"
            )

    @property
    def file(self) -> str:
        """The store's file."""
        return self.store.partition("#")[0]

    @property
    def gallery(self) -> str:
        """The gallery whose model the service embeds and compares by."""
        return self.store.partition("#")[2] or "main"

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return self.host.lower() in LOOPBACK


@contextmanager
def needed() -> Iterator[None]:
    """Import what only the service needs: where it is not installed, a sentence says so.

    Raises:
        UsageError: it is not installed.
    """
    try:
        yield
    except ImportError as error:
        name = (error.name or "").split(".")[0]
        if name not in NEEDED:
            raise
        raise UsageError(f"serving needs {name}, which is not installed; pip install 'firstsight[serve]'") from None


NEEDED = (
    "anyio",
    "fastapi",
    "h11",
    "httpx2",
    "limits",
    "prometheus_client",
    "python_multipart",
    "starlette",
    "uvicorn",
)
"""What ``pip install 'firstsight[serve]'`` adds."""
