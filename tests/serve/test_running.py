"""A service as a process: how it starts, what it says, who hears it, how it ends, several on one file."""

from __future__ import annotations

import json
import re
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

import started
from drawn import Refused
from firstsight import api
from firstsight.client import Client
from started import Start, answers


@pytest.fixture
def starting(tmp_path: Path) -> Iterator[Start]:
    """``starting(store, "--workers", 2)``: a service, and the URL that it says."""
    with started.starting(tmp_path) as start:
        yield start


def logged(tmp_path: Path) -> list[dict[str, object]]:
    """The lines of the log that are requests."""
    lines = (tmp_path / "log-0").read_text().splitlines()
    found = [json.loads(line) for line in lines if line.startswith("{")]
    return [line for line in found if line["event"] == "request"]


def test_from_nothing_to_an_answer(starting: Start, tiny_model: Path, picture: Path, tmp_path: Path) -> None:
    """One command makes the gallery and serves it; the log tells of requests and of nobody; SIGTERM ends it with 0."""
    process, url = starting(tmp_path / "new.db", "--model", tiny_model, "--keep-sources")
    assert url.startswith("http://127.0.0.1:")
    with Client(url) as gallery:
        assert gallery.enroll("Alice Liddell", picture).added == 1
        assert gallery.identify(picture).identity == "Alice Liddell"
        assert gallery.list()[0].kept
    process.terminate()
    assert process.wait(30) == 0
    last = logged(tmp_path)[-1]
    assert (last["route"], last["status"], last["method"]) == ("/v1/galleries/{gallery}/references", 200, "GET")
    assert set(last) == {"at", "level", "event", "request", "method", "route", "status", "ms", "key"}
    text = (tmp_path / "log-0").read_text()
    assert "Alice" not in text
    assert "score" not in text
    assert oct((tmp_path / "new.db").stat().st_mode)[-3:] == "600"


def test_refusals_to_start(store: Path, tmp_path: Path, refused: Refused) -> None:
    """No gallery and no model; a host beyond this machine without a key; a port in use; numbers that are none."""
    refused(2, ("serve", tmp_path / "none.db"), "does not exist", "--model glyphs")
    assert not (tmp_path / "none.db").exists()
    refused(2, ("serve", store, "--host", "0.0.0.0"), "no key", "firstsight key add")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused(2, ("serve", store, "--port", port), f"port {port}", "choose another")
    refused(2, ("serve", store, "--workers", "0"), "--workers is 0", "at least 1")
    refused(2, ("serve", store, "--port", "70000"), "70000")
    (tmp_path / "short").write_text("short\n")
    refused(2, ("serve", store, "--admin-secret", tmp_path / "short"), "at least 32")
    refused(2, ("serve", store, "--admin-secret", tmp_path / "nothing"), "does not exist")


def test_with_a_key_other_machines_may_ask(starting: Start, store: Path, tmp_path: Path, picture: Path) -> None:
    """The secret in a file is that of a key admin, after each start the newest; then any host can be listened at."""
    secrets = ["first-" + "x" * 40, "second-" + "x" * 40]
    for secret in secrets:
        (tmp_path / "secret").write_text(secret + "\n")
        _, url = starting(store, "--host", "0.0.0.0", "--admin-secret", tmp_path / "secret")
    port = url.rpartition(":")[2]
    with Client(f"http://127.0.0.1:{port}", key=secrets[1], retries=0) as gallery:
        assert gallery.identify(picture).identity == "circle"
    assert httpx2.get(f"http://127.0.0.1:{port}/v1/galleries").status_code == 401
    assert [(k.name, k.role) for k in api.keys(store)] == [("admin", "admin")]


def test_what_has_begun_is_finished(starting: Start, store: Path, picture: Path) -> None:
    """Told to end, it says so at ready while it drains, answers what it has begun, and then listens no more."""
    process, url = starting(store, "--drain", "6")
    statuses: list[int] = []

    def ask() -> None:
        files = [("images", picture.read_bytes())] * 32
        statuses.append(httpx2.post(f"{url}/v1/embed", files=files, timeout=60).status_code)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and httpx2.get(f"{url}/v1/ready").status_code == 200:
        time.sleep(0.02)
    told = httpx2.get(f"{url}/v1/ready")
    assert (told.status_code, told.json()["error"]["kind"]) == (503, "BusyError")
    assert httpx2.post(f"{url}/v1/embed", files={"images": picture.read_bytes()}).status_code == 200
    for thread in threads:
        thread.join()
    assert statuses == [200] * 8
    assert process.wait(30) == 0
    assert not answers(url)


def raw(url: str, *parts: bytes, pause: float = 0) -> bytes:
    """Bytes over a socket, and what comes back until it is closed."""
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as made:
        for part in parts:
            made.sendall(part)
            time.sleep(pause)
        made.shutdown(socket.SHUT_WR)
        got = b""
        while more := made.recv(1 << 16):
            got += more
    return got


def test_slow_and_broken_senders(starting: Start, store: Path, picture: Path, tmp_path: Path) -> None:
    """A body or head that does not come is 408, one that is cut off leaves nothing behind; the service goes on."""
    _, url = starting(store, "--timeout", "0.5")
    head = b"POST /v1/galleries/main/identify HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as slow:
        slow.sendall(head + b"Content-Length: 100\r\n\r\n{")
        assert slow.recv(1 << 16).startswith(b"HTTP/1.1 408")
    with socket.create_connection((host, int(port)), timeout=30) as slow:
        slow.sendall(head[:-9])
        assert slow.recv(1 << 16).startswith(b"HTTP/1.1 408")
    raw(url, head + b"Content-Length: 100\r\n\r\n{")
    assert raw(url, head + b"Content-Length: 99999999999\r\n\r\n").startswith(b"HTTP/1.1 413")
    chunk = b"100000\r\n" + b"x" * (1 << 20) + b"\r\n"
    endless = raw(url, head + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 17)
    assert endless.startswith(b"HTTP/1.1 413")
    assert raw(url, b"\x00\x01\x02nonsense\r\n\r\n").startswith(b"HTTP/1.1 400")
    with Client(url) as gallery:
        assert gallery.identify(picture).identity == "circle"
    cut = [line for line in logged(tmp_path) if line["status"] == 400]
    assert cut


def test_four_processes_see_an_enrolment(starting: Start, store: Path, picture: Path, strangers: Path) -> None:
    """What one process enrolls is known to all, and what is removed to none; metrics count for all of them."""
    process, url = starting(store, "--workers", "4", "--rate", "0")
    image = (strangers / "dots" / "0.png").read_bytes()
    with Client(url) as gallery:
        for turn in range(3):
            gallery.enroll(f"late {turn}", image)
            assert {httpx2_names(url, image) for _ in range(24)} == {f"late {turn}"}
            gallery.remove(f"late {turn}")
            assert {httpx2_names(url, image) for _ in range(8)} != {f"late {turn}"}
    counted = httpx2.get(f"{url}/v1/metrics").text
    [total] = re.findall(r'^firstsight_requests_total\{.*identify.*status="200"\} (\S+)', counted, re.M)
    assert float(total) == 3 * 32
    process.terminate()
    assert process.wait(60) == 0


def httpx2_names(url: str, image: bytes) -> str:
    """Who it is taken for at first, by a connection of its own, so by any of the processes."""
    answer = httpx2.post(f"{url}/v1/galleries/main/identify", files={"images": image})
    return str(answer.json()[0]["candidates"][0]["identity"])
