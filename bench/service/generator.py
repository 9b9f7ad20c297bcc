"""A lean load generator: some clients on keep-alive connections, in one thread of a process of its own.

python bench/service/generator.py PORT CLIENTS SECONDS REQUESTS [RATE]

REQUESTS is a file of JSON lines {"name", "path", "type", "body" (base64), "status"}, which clients send in turn;
RATE is requests a second of all clients together, without it each asks as soon as it is answered. The last line it
prints is JSON: how many were answered, by name and status, and the milliseconds each took. It imports no FirstSight.
"""

from __future__ import annotations

import base64
import collections
import itertools
import json
import selectors
import socket
import sys
import time
from typing import Any


class Client:
    """One connection, and the request that is on its way."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.rest, self.got = memoryview(b""), bytearray()
        self.name, self.began = "", 0.0

    def ask(self, name: str, request: bytes, due: float) -> None:
        """Begin a request; its time counts from when it was due."""
        self.name, self.began, self.rest = name, due, memoryview(request)
        self.got.clear()
        self.write()

    def write(self) -> None:
        """Send what the socket takes."""
        try:
            self.rest = self.rest[self.socket.send(self.rest) :]
        except BlockingIOError:
            return

    def read(self) -> tuple[int, bytes] | None:
        """Status and body, once the answer is whole."""
        part = self.socket.recv(1 << 16)
        if not part:
            raise ConnectionError(f"the service closed the connection during {self.name}")
        self.got += part
        head = self.got.find(b"\r\n\r\n")
        if head < 0:
            return None
        at = self.got.lower().find(b"content-length:", 0, head)
        length = int(self.got[at + 15 : self.got.index(b"\r", at)])
        if len(self.got) < head + 4 + length:
            return None
        return int(self.got[9:12]), bytes(self.got[head + 4 :])


def requests(file: str) -> list[tuple[str, bytes]]:
    """Whole requests as they go over the wire."""
    made = []
    with open(file, encoding="utf-8") as lines:  # noqa: PTH123  nothing is imported that need not be
        for line in lines:
            r = json.loads(line)
            body = base64.b64decode(r["body"])
            head = f"POST {r['path']} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {r['type']}\r\n"
            made.append((r["name"], f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body))
    return made


def run(port: int, clients: int, seconds: float, file: str, rate: float | None) -> dict[str, Any]:
    """Ask for so many seconds; what came back."""
    selector = selectors.DefaultSelector()
    turn = itertools.cycle(requests(file))
    counts: dict[str, int] = {}
    times: list[tuple[float, str, float]] = []
    idle: collections.deque[Client] = collections.deque()  # in turn: one left idle for long is closed by the service
    began = time.perf_counter()
    due = began
    for _ in range(clients):
        client = Client(port)
        selector.register(client.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, client)
        idle.append(client)
    busy = 0
    while True:
        now = time.perf_counter()
        while idle and now < began + seconds and (rate is None or due <= now):
            client = idle.popleft()
            name, request = next(turn)
            client.ask(name, request, due if rate else now)
            selector.modify(client.socket, selectors.EVENT_READ | (selectors.EVENT_WRITE if client.rest else 0), client)
            due += 1 / rate if rate else 0
            busy += 1
        if not busy and now >= began + seconds:
            break
        pause = max(0.0, min(0.1, due - time.perf_counter())) if rate and idle else 0.1
        for key, events in selector.select(pause):
            client = key.data
            if events & selectors.EVENT_WRITE:
                if client.rest:
                    client.write()
                if not client.rest:
                    selector.modify(client.socket, selectors.EVENT_READ, client)
            if events & selectors.EVENT_READ:
                answer = client.read()
                if answer is not None:
                    done = time.perf_counter()
                    label = f"{client.name} {answer[0]}"
                    counts[label] = counts.get(label, 0) + 1
                    times.append((round(done - began, 3), client.name, round(1000 * (done - client.began), 3)))
                    idle.append(client)
                    busy -= 1
    return {"seconds": time.perf_counter() - began, "counts": counts, "times": times}


if __name__ == "__main__":
    port, clients, seconds, file, *more = sys.argv[1:]
    print(json.dumps(run(int(port), int(clients), float(seconds), file, float(more[0]) if more else None)))
