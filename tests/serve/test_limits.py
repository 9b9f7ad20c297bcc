"""How much is taken on: bytes, pixels, images, requests; what is too much is refused in a sentence, with its status."""

from __future__ import annotations

import asyncio
import io
import json
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageFile

from firstsight import api
from firstsight.inputs import pixel_budget
from firstsight.inputs.pixel_budget import PixelBudget
from firstsight.serve import bodies, limits
from firstsight.serve.answers import Refusal
from firstsight.serve.limits import Asked, Queue
from served import Serve

IDENTIFY = "/v1/galleries/main/identify"


def png(width: int, height: int) -> bytes:
    """A picture of a bar, small as a file."""
    buffer, image = io.BytesIO(), Image.new("1", (width, height))
    image.paste(1, (width // 3, 0, 2 * width // 3, height))
    image.save(buffer, "PNG")
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
    assert queue.hold(one, 60)
    assert not queue.hold(other, 41)
    assert queue.held == 60
    queue.leave(one)
    assert queue.hold(other, 100)
    queue.leave(other)
    assert queue.held == 0


def test_a_body_waits_for_room() -> None:
    """A body for which there is no room is not refused: it goes on as soon as another request has been answered."""
    queue, one, other = Queue(9, 100), Asked("1"), Asked("2")

    async def both() -> None:
        queue.hold(one, 90)
        waiting = asyncio.create_task(queue.wait(other, 50))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        queue.leave(one)
        await asyncio.wait_for(waiting, 5)

    asyncio.run(both())
    assert (queue.held, other.held) == (50, 50)


def test_bodies_that_are_here_in_part_do_not_wait_for_each_other() -> None:
    """Where all memory is taken by bodies of which none is whole, one of them may have the reserve, and only one."""
    queue, one, other, third = Queue(9, 100, reserve=40), Asked("1"), Asked("2"), Asked("3")
    assert queue.hold(one, 50)
    assert queue.hold(other, 50)
    assert queue.hold(other, 30)
    assert not queue.hold(one, 1)
    assert not queue.hold(third, 1)
    assert queue.hold(other, 10)
    assert not queue.hold(other, 1)
    queue.leave(other)
    assert queue.hold(one, 50)
    assert queue.hold(one, 40)
    queue.leave(one)
    assert queue.held == 0


def test_who_waits_too_long_for_room_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body for which there is no room for as long as it is waited for is 503, and nothing stays counted."""
    monkeypatch.setattr(limits, "PATIENCE", 0.01)
    queue, one, other = Queue(9, 100), Asked("1"), Asked("2")
    queue.hold(one, 100)
    with pytest.raises(Refusal) as refused:
        asyncio.run(queue.wait(other, 1))
    assert refused.value.status == 503
    assert (queue.held, other.held) == (100, 0)


def test_the_clock_of_a_body_stands_while_it_waits_for_room(serving: Serve, picture: Path) -> None:
    """The seconds in which a body must come are its client's: what it waits for others is not counted."""
    client = serving(timeout=0.3)
    queue, other = client.app.state.service.queue, Asked("other")
    queue.hold(other, queue.memory + queue.reserve - 1)
    queue._first = other
    loop = threading.Timer(1.0, lambda: client.portal.call(queue.leave, other))
    loop.start()
    answer = client.post(IDENTIFY, files={"images": picture.read_bytes()})
    loop.join()
    assert answer.status_code == 200
    assert queue.held == 0


def test_answers_share_the_memory_of_bodies() -> None:
    """Images that are being sent count too; one alone is sent however large it is."""
    queue, one, other = Queue(9, 100), Asked("1"), Asked("2")
    queue.keep(one, 500)
    with pytest.raises(Refusal) as refused:
        queue.keep(other, 1)
    assert refused.value.status == 503
    queue.leave(one)
    queue.keep(other, 1)


def test_a_body_is_held_once(serving: Serve, picture: Path) -> None:
    """What came is given up when it was parsed: its images are copies, and both would be held until the answer."""
    upload = bodies.Upload(bodies.JSON, b"", json.dumps({"images": ["QUJD" * 1000]}).encode(), 9)
    assert bodies.parse(bodies.Images, upload).images == [b"ABC" * 1000]
    assert upload.data == b""


def test_images_of_one_request_have_a_budget_together(serving: Serve) -> None:
    """Each image may have so many pixels, and all of a request sixteen times as many: one more is 413."""
    client, image = serving(pixels=1), png(1000, 1000)
    assert client.post("/v1/embed", files=[("images", image)] * 17).status_code == 413
    answer = client.post("/v1/embed", files=[("images", image)] * 17)
    assert "16 million pixels together" in answer.json()["error"]["message"]
    assert client.post("/v1/embed", files=[("images", image)] * 16).status_code != 413


def test_no_room_to_unpack_is_busy(serving: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture that finds no room in time is 503 with Retry-After, and not a damaged one; a small one is answered."""
    spent = PixelBudget(patience=0.05)
    spent.take(spent.room)
    monkeypatch.setattr(pixel_budget, "BUDGET", spent)
    client = serving()
    answer = client.post(IDENTIFY, files={"images": png(2000, 2000)})
    assert answer.status_code == 503
    assert answer.json()["error"]["kind"] == "BusyError"
    assert int(answer.headers["retry-after"]) >= 1
    assert client.post(IDENTIFY, files={"images": png(40, 30)}).status_code == 200


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
