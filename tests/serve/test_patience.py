"""Connections on real sockets: who sends no head, half of one or an endless one, and who reads nothing, is let go; and
many of them keep nobody else out."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import uvicorn

from firstsight.serve.patience import HEAD, Patience

SECONDS = 0.4
LARGE = 32 << 20
Listen = Callable[..., int]


async def echo(scope: dict[str, object], receive: Callable[[], object], send: Callable[[object], object]) -> None:
    """An application that reads a body, or refuses it unread, and answers with a few bytes or with many."""
    path = scope["path"]
    while path != "/refuse" and (await receive()).get("more_body"):  # type: ignore[attr-defined, misc]
        pass
    body = b"x" * (LARGE if path == "/large" else 2)
    head = {"type": "http.response.start", "status": 413 if path == "/refuse" else 200}
    head["headers"] = [(b"content-length", str(len(body)).encode())]
    await send(head)  # type: ignore[misc]
    await send({"type": "http.response.body", "body": body})  # type: ignore[misc]


@pytest.fixture
def listening() -> Iterator[Listen]:
    """``listening(most)``: the port of a server with that patience."""
    with contextlib.ExitStack() as stack:

        def begin(most: int = 512, seconds: float = SECONDS) -> int:
            made = Patience(seconds, most)
            config = uvicorn.Config(
                echo, http=made, lifespan="off", log_config=None, ws="none", timeout_keep_alive=30  # type: ignore[arg-type]
            )  # fmt: skip
            server = uvicorn.Server(config)
            sock = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=2048))
            thread = threading.Thread(target=lambda: asyncio.run(server.serve([sock])))
            thread.start()

            def end() -> None:
                server.should_exit = server.force_exit = True
                thread.join()

            stack.callback(end)
            port: int = sock.getsockname()[1]
            return port

        yield begin


def connected(port: int, *parts: bytes) -> socket.socket:
    """A connection on which these were sent."""
    made = socket.create_connection(("127.0.0.1", port), timeout=20)
    for part in parts:
        made.sendall(part)
    return made


def rest(made: socket.socket) -> bytes:
    """What comes until the end; a connection that is cut off has ended too."""
    got = b""
    with contextlib.suppress(ConnectionError):
        while more := made.recv(1 << 16):
            got += more
    return got


def get(port: int, path: str = "/") -> bytes:
    """An answer on a connection of its own."""
    with connected(port, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()) as made:
        return rest(made)


def whole(made: socket.socket) -> bytes:
    """A whole small answer."""
    got = b""
    while not got.endswith(b"xx"):
        more = made.recv(1 << 16)
        assert more, got
        got += more
    return got


def cut_off(made: socket.socket, part: bytes, pause: float = 0.001) -> bool:
    """Whether somebody who goes on sending, part by part, is cut off."""
    try:
        for _ in range(10_000):
            made.sendall(part)
            time.sleep(pause)
    except ConnectionError:
        return True
    return False


@pytest.mark.parametrize("sent", [b"GET / HTTP/1.1\r\n", b"G", b"\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nA: "])
def test_a_head_that_does_not_come_ends_the_connection(listening: Listen, sent: bytes) -> None:
    """Half a head is 408 with a sentence, in time."""
    began = time.monotonic()
    with connected(listening(), sent) as made:
        got = rest(made)
    assert got.startswith(b"HTTP/1.1 408 ")
    error = json.loads(got.partition(b"\r\n\r\n")[2])["error"]
    assert error["kind"] == "InputError"
    assert f"within {SECONDS:g} s" in error["message"]
    assert SECONDS * 0.9 < time.monotonic() - began < 10


def test_who_says_nothing_is_let_go_without_a_word(listening: Listen) -> None:
    """A connection that never asks (a browser keeps such ones ready) is closed, and nothing is sent on it."""
    with connected(listening()) as made:
        assert rest(made) == b""


def test_dripping_does_not_win_time(listening: Listen) -> None:
    """The time is that of the whole head, however often a byte of it comes; also after an answered request."""
    port = listening()
    for before in (b"", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"):
        with connected(port, before) as made:
            if before:
                assert whole(made).startswith(b"HTTP/1.1 200")
            began = time.monotonic()
            with contextlib.suppress(ConnectionError):
                for byte in b"GET / HTTP/1.1\r\n" + b"A: " + b"b" * 1000:
                    made.sendall(bytes([byte]))
                    made.settimeout(0.05)
                    with contextlib.suppress(TimeoutError):
                        if made.recv(1 << 16):
                            break
            assert time.monotonic() - began < 10


def test_an_idle_connection_is_kept_for_the_next_request(listening: Listen) -> None:
    """Whoever asked before may wait longer than a head may take: the connection is still there."""
    with connected(listening()) as made:
        for _ in range(2):
            made.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert whole(made).startswith(b"HTTP/1.1 200")
            time.sleep(3 * SECONDS)


def test_a_head_has_a_size(listening: Listen) -> None:
    """A head of more than 64 KiB is 431; one of nearly as much is served; an endless one is cut off."""
    port = listening(seconds=20)
    large = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + b"A: b\r\n" * (HEAD // 7) + b"\r\n"
    with connected(port, large) as made:
        assert rest(made).startswith(b"HTTP/1.1 200")
    with connected(port, b"GET / HTTP/1.1\r\n") as made:
        assert cut_off(made, b"A: " + b"b" * 10_000 + b"\r\n")
    with connected(port, b"GET / HTTP/1.1\r\n", b"A: b\r\n" * (HEAD // 6)) as made:
        assert rest(made).startswith(b"HTTP/1.1 431 ")


def test_lines_after_a_body_have_an_end(listening: Listen) -> None:
    """What follows the last chunk is a head too."""
    body = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"
    port = listening(seconds=20)
    with connected(port, body + b"A: b\r\n" * 5 + b"\r\n") as made:
        assert whole(made).startswith(b"HTTP/1.1 200")
    with connected(port, body) as made:
        assert cut_off(made, b"A: b\r\n" * 1000)


def test_an_answer_that_nobody_reads_is_given_up(listening: Listen) -> None:
    """Who reads slowly gets all of it; who does not read at all is dropped."""
    port = listening()
    with connected(port, b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") as made:
        got = 0
        while more := made.recv(1 << 20):
            got += len(more)
            time.sleep(0.02)
        assert got > LARGE
    with connected(port, b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n") as made:
        time.sleep(4 * SECONDS)
        assert len(rest(made)) < LARGE


def test_a_body_that_was_refused_is_read_for_a_while(listening: Listen) -> None:
    """Who is told in the middle of an upload that it is too large can finish and read the answer, but not go on."""
    port = listening()
    head = b"POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000000\r\n\r\n"
    with connected(port, head, b"x" * (1 << 20)) as made:
        time.sleep(SECONDS / 4)
        made.sendall(b"x" * (1 << 20))
        assert whole(made).startswith(b"HTTP/1.1 413")
        assert cut_off(made, b"x" * (1 << 10), pause=0.002)


def test_many_who_wait_keep_nobody_out(listening: Listen) -> None:
    """With as many silent, slow and idle connections as there may be, newcomers are answered at once, and who has been
    waited for longest has made room."""
    port = listening(most=50, seconds=20)
    with contextlib.ExitStack() as stack:
        sent = (
            b"",
            b"GET / HT",
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nx",
        )
        held = [stack.enter_context(connected(port, sent[n % len(sent)])) for n in range(200)]
        for _ in range(20):
            began = time.monotonic()
            assert get(port).startswith(b"HTTP/1.1 200")
            assert time.monotonic() - began < 5
        held[0].settimeout(5)
        assert rest(held[0]) == b""
        held[-1].sendall(b"x" * 8)
        assert whole(held[-1]).startswith(b"HTTP/1.1 200")
