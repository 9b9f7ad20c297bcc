"""A real service for a real browser: started as a process, asked by its page."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

Opened = Callable[..., Any]
"""``opened("gallery", width=360)``: a view of the page in a fresh browser."""


@dataclass(frozen=True)
class Running:
    """A service that listens.

    Attributes:
        address: ``http://127.0.0.1:PORT``.
        store: the file it serves.
        process: its number.
    """

    address: str
    store: Path
    process: int

    @property
    def page(self) -> str:
        """Where its page is."""
        return f"{self.address}/page/"

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.address.rpartition(":")[2])

    def ask(self, path: str, body: dict[str, Any] | None = None, key: str = "") -> Any:
        """One request beside the page."""
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.address}/v1/{path}", data, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())


@contextmanager
def running(store: Path, port: int = 0) -> Iterator[Running]:
    """``firstsight serve`` with the shipped glyphs, until the end of the block."""
    words = [sys.executable, "-m", "firstsight", "serve", str(store), "--model", "glyphs", "--keep-sources"]
    log = store.with_suffix(f".{port}.log")
    with log.open("w") as out:
        process = subprocess.Popen(
            [*words, "--port", str(port), "--rate", "0"], stderr=out, stdout=out, env={**os.environ}
        )
        try:
            yield Running(_address(process, log), store, process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    for _ in range(600):
        found = re.search(r"at (http://\S+?)/ ", log.read_text())
        if found:
            return found.group(1)
        try:
            process.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
        break
    raise AssertionError(f"the service did not start: {log.read_text()}")


class Watch:
    """What a page did that it must not."""

    def __init__(self, home: str) -> None:
        self.home = urlsplit(home).netloc
        self.faults: list[str] = []
        self.expected: list[str] = []

    def follow(self, context: Any) -> None:
        """Look at everything that happens in a context."""
        context.on("request", lambda request: self.asked(request.url))
        context.on("console", lambda message: self.heard(message.type, message.text))
        context.on("weberror", lambda error: self.faults.append(f"uncaught: {error.error}"))
        context.on("dialog", lambda dialog: (self.faults.append(f"dialog: {dialog.message}"), dialog.dismiss()))

    def asked(self, url: str) -> None:
        """A request went out."""
        parts = urlsplit(url)
        if parts.scheme not in ("blob", "data") and parts.netloc != self.home:
            self.faults.append(f"asked {url}")

    def heard(self, kind: str, text: str) -> None:
        """Something was written to the console."""
        if kind in ("error", "warning") and not any(word in text for word in self.expected):
            self.faults.append(f"console {kind}: {text}")
