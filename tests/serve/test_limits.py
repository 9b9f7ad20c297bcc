"""How much is taken on: bytes, pixels, images, requests; what is too much is refused in a sentence, with its status."""

from __future__ import annotations

import io
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageFile

from firstsight import api
from firstsight.serve import limits
from firstsight.serve.answers import Refusal
from firstsight.serve.limits import Asked, Queue
from served import Serve

IDENTIFY = "/v1/galleries/main/identify"


def png(width: int, height: int) -> bytes:
    """A picture of one colour, small as a file."""
    buffer = io.BytesIO()
    Image.new("1", (width, height)).save(buffer, "PNG")
    return buffer.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A PNG whose head tells of this many pixels, and which unpacks to them."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([1, 0, 0, 0, 0])
    rows = zlib.compress(bytes(1 << 20) * 4, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_a_body_of_one_byte_too_many_is_refused(serving: Serve) -> None:
    """The limit is exact: a body of its size is read, one byte more is 413."""
    client = serving(body_limit=1)
    for size, status in ((1 << 20, 400), ((1 << 20) + 1, 413)):
        answer = client.post(IDENTIFY, content=b"x" * size, headers={"Content-Type": "application/json"})
        assert answer.status_code == status, size
    assert "1 MiB" in answer.json()["error"]["message"]


def test_a_body_without_a_length_is_counted(serving: Serve) -> None:
    """A body in chunks, of which no header tells the size, is refused when it has become too large, and not after."""
    client, sent = serving(body_limit=1), 0

    def chunks() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(64):
            sent += 1
            yield b"x" * (1 << 16)

    answer = client.post(IDENTIFY, content=chunks(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413


@pytest.mark.parametrize("size", [(5000, 5000), (1_000_000, 1_000_000)])
def test_too_many_pixels_are_refused_unseen(
    serving: Serve, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bomb is refused by what its head says; its pixels are never unpacked, as those of a small picture are."""
    client, unpacked, load = serving(pixels=24), [], ImageFile.ImageFile.load

    def watched(image: ImageFile.ImageFile) -> object:
        unpacked.append(image.size)
        return load(image)

    monkeypatch.setattr(ImageFile.ImageFile, "load", watched)
    answer = client.post(IDENTIFY, files={"images": bomb(*size)})
    assert answer.status_code == 413
    assert "24 million" in answer.json()["error"]["message"]
    assert unpacked == []
    assert client.post(IDENTIFY, files={"images": png(40, 30)}).status_code == 200
    assert (40, 30) in unpacked


def test_too_many_images_are_refused(serving: Serve, picture: Path) -> None:
    """At most so many images a request."""
    client = serving(images=2)
    two = [("images", picture.read_bytes())] * 2
    assert client.post(IDENTIFY, files=two).status_code == 200
    answer = client.post(IDENTIFY, files=[*two, *two])
    assert answer.status_code == 413
    assert "4 images came, at most 2" in answer.json()["error"]["message"]


def test_who_asks_too_often_waits(serving: Serve, store: Path) -> None:
    """A key has its rate, whoever else asks; health and readiness have none."""
    one, other = (api.add_key(store, name, role="read") for name in ("one", "other"))
    client = serving(rate=4)
    ask = [client.get("/v1/galleries", headers={"Authorization": f"Bearer {one}"}) for _ in range(10)]
    assert [a.status_code for a in ask[:4]] == [200] * 4
    assert ask[-1].status_code == 429
    assert ask[-1].json()["error"]["kind"] == "BusyError"
    assert 1 <= int(ask[-1].headers["retry-after"]) <= 120
    assert client.get("/v1/galleries", headers={"Authorization": f"Bearer {other}"}).status_code == 200
    assert all(client.get("/v1/ready").status_code == 200 for _ in range(10))


def test_a_full_queue_refuses_at_once(serving: Serve, picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While as many requests as there are places are worked on, the next is 503 with Retry-After, at once; later it is
    served. Health needs no place."""
    client = serving(waiting=2)
    service = client.app.state.service
    model, go, inside = service.galleries.model, threading.Event(), threading.Semaphore(0)
    run = model._encode

    def slow(arrays: object) -> object:
        inside.release()
        go.wait(30)
        return run(arrays)

    monkeypatch.setattr(model, "_encode", slow)
    body = {"images": picture.read_bytes()}
    answers: list[int] = []
    threads = [threading.Thread(target=lambda: answers.append(client.post("/v1/embed", files=body).status_code))]
    threads += [threading.Thread(target=lambda: answers.append(client.post("/v1/embed", files=body).status_code))]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert inside.acquire(timeout=30)
    refused = client.post("/v1/embed", files=body)
    assert refused.status_code == 503
    assert refused.json()["error"]["kind"] == "BusyError"
    assert int(refused.headers["retry-after"]) >= 1
    assert client.get("/v1/galleries").status_code == 503
    assert client.get("/v1/health").status_code == 200
    go.set()
    for thread in threads:
        thread.join()
    assert answers == [200, 200]
    assert client.post("/v1/embed", files=body).status_code == 200
    assert (service.queue.working, service.queue.held) == (0, 0)


def test_memory_for_bodies_is_bounded() -> None:
    """Bodies that are being read take from one store of memory, and give it back."""
    queue = Queue(2, 100)
    one, other = Asked("1"), Asked("2")
    queue.hold(one, 60)
    with pytest.raises(Refusal) as refused:
        queue.hold(other, 41)
    assert refused.value.status == 503
    queue.leave(one)
    queue.hold(other, 100)
    queue.leave(other)
    assert queue.held == 0


def test_nothing_is_kept_of_requests_that_failed(serving: Serve, picture: Path) -> None:
    """Whatever a request comes to, its place and its memory are given back."""
    client = serving(body_limit=1)
    service = client.app.state.service
    for content in (b"", b"{", b"x" * (2 << 20), b'{"images": ["AAAA"]}'):
        client.post(IDENTIFY, content=content, headers={"Content-Type": "application/json"})
    client.post("/v1/galleries/none/identify", files={"images": picture.read_bytes()})
    client.get("/v1/galleries/none/identities")
    assert (service.queue.working, service.queue.held, service.open) == (0, 0, 0)


def test_memory_is_for_several_bodies() -> None:
    """There is room for more than one body of the largest size."""
    assert limits.MEMORY >= 2
