"""Processes of the chaos as their parent sees them: started, killed, waited for; and services, asked over HTTP."""

from __future__ import annotations

import base64
import contextlib
import http.client
import itertools
import json
import os
import queue
import re
import signal
import struct
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from bench_service import drawn

PATIENCE = 90.0  # seconds for a service to start, or a process to end


class Child:
    """A process that was forked off."""

    def __init__(self, log: Path) -> None:
        self.log, self.pid = log, 0
        self.started: queue.Queue[int] = queue.Queue()
        self.ended = threading.Event()
        self.code: int | None = None

    def signal(self, number: int) -> None:
        """Send a signal to it and to all that it started."""
        if not self.ended.is_set():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    def wait(self, seconds: float = PATIENCE) -> bool:
        """Until it has ended; whether it has."""
        return self.ended.wait(seconds)

    def said(self, end: str = "out") -> str:
        """What it printed."""
        file = Path(f"{self.log}.{end}")
        return file.read_text(errors="replace") if file.exists() else ""


class Nursery:
    """The process from which the others are forked, see ``chaos_actors.py``."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._next, self._lock = folder, itertools.count(1), threading.Lock()
        self._children: dict[int, Child] = {}
        words = [sys.executable, str(Path(__file__).with_name("chaos_actors.py"))]
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        self._process.stdout.readline()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            word, number, value = json.loads(line)
            child = self._children[number]
            if word == "started":
                child.started.put(value)
            else:
                child.code = value
                child.ended.set()

    def start(self, act: str, **given: Any) -> Child:
        """An actor."""
        number = next(self._next)
        child = self._children[number] = Child(self._folder / f"{act}-{number}")
        line = json.dumps({"number": number, "act": act, "given": given, "log": str(child.log)}) + "\n"
        with self._lock:
            assert self._process.stdin
            self._process.stdin.write(line)
            self._process.stdin.flush()
        child.pid = child.started.get(timeout=PATIENCE)
        return child

    def command(self, *words: object) -> Child:
        """A command of FirstSight."""
        return self.start("command", words=[str(word) for word in words])

    def close(self) -> None:
        """All that still runs is killed."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(PATIENCE)
        self._reader.join()
        self._process.stdout.close()


class Service:
    """``firstsight serve``, started anew when it was killed.

    Attributes:
        role: what it is called in the counts.
        port: 0 while it is not known to answer.
        ends: whether it was told to end, or killed.
        answer: what it said last when it was asked whether it lives.
    """

    def __init__(self, nursery: Nursery, place: Path, role: str) -> None:
        self._nursery, self._place, self.role = nursery, place, role
        self.port, self.ends = 0, True
        self.answer: tuple[int, Any] | None = None
        self.child: Child | None = None

    def start(self, *words: str) -> bool:
        """Start it; whether it answers."""
        self.port, self.ends, self.answer = 0, False, None
        self.child = child = self._nursery.command("serve", self._place, "--port", "0", "--rate", "0", *words)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and not child.ended.is_set():
            if found := re.search(r"at http://127\.0\.0\.1:(\d+)/", child.said("err")):
                with contextlib.suppress(OSError, http.client.HTTPException), Line(int(found[1])) as line:
                    self.answer = ask(line, "GET", "/v1/health")
                    if self.answer[0] == 200:
                        self.port = line.port
                        return True
            time.sleep(0.05)
        return False

    def end(self, number: int) -> int | None:
        """End it by a signal; its exit code."""
        assert self.child
        self.ends, self.port = True, 0
        self.child.signal(number)
        if not self.child.wait():
            self.child.signal(signal.SIGKILL)
            return None
        return self.child.code


class Line:
    """A connection to a service that is kept, with a key."""

    def __init__(self, port: int, secret: str = "") -> None:
        self.port = port
        self.headers = {"Content-Type": "application/json"}
        if secret:
            self.headers["Authorization"] = f"Bearer {secret}"
        self.http = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()


def ask(line: Line, method: str, path: str, content: Any = None) -> tuple[int, Any]:
    """Status and content of an answer.

    Raises:
        OSError, http.client.HTTPException: none came.
    """
    body = None if content is None else json.dumps(content).encode()
    line.http.request(method, path, body, line.headers)
    answer = line.http.getresponse()
    said = answer.read()
    return answer.status, json.loads(said) if said[:1] in (b"{", b"[") else said


_SIGNS = [drawn(n) for n in range(48)]


def picture(number: int, token: str) -> bytes:
    """A sign as PNG, which says a token that no other file says."""
    png = _SIGNS[number % len(_SIGNS)]
    text = b"tEXtid\0im" + token.encode()
    return png[:33] + struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text)) + png[33:]


def encoded(image: bytes) -> str:
    """For JSON."""
    return base64.b64encode(image).decode()
