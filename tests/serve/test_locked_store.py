"""Whoever only asks whether the service lives, or is ready, waits for nobody's lock, and costs nobody anything."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from firstsight import api
from firstsight.serve import aside
from firstsight.stores.listing import Listing, galleries_of
from served import Serve

HOLD = """
import fcntl, sys
files = [(open(sys.argv[1] + "-shm", "r+b"), 8, 120), (open(sys.argv[1], "r+b"), 2, 0x40000000)]
for file, length, start in files:
    fcntl.lockf(file, fcntl.LOCK_EX, length, start)
print("locked", flush=True)
sys.stdin.read()
"""
"""All locks that a reader of the log could take, and those of whoever writes the file itself."""


@contextmanager
def locked(store: Path) -> Iterator[None]:
    """While another process holds every lock of the store."""
    words = [sys.executable, "-c", HOLD, str(store)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        try:
            yield
        finally:
            other.communicate()


def asked(client: TestClient, path: str, headers: dict[str, str] | None = None) -> tuple[int, float]:
    """The status of an answer, and the seconds until it."""
    began = time.monotonic()
    return client.get(path, headers=headers or {}).status_code, time.monotonic() - began


@pytest.mark.parametrize("with_key", [False, True])
def test_a_locked_store_holds_nobody_up(
    with_key: bool, serving: Serve, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While another process holds the store: the process lives, its page comes, it is not ready, who needs the store
    is told to come again; a second after the lock is gone all is well."""
    monkeypatch.setattr(aside, "PATIENCE", 0.5)
    monkeypatch.setattr(aside, "LASTS", 0.1)
    headers = {"Authorization": f"Bearer {api.add_key(store, 'k', role='read')}"} if with_key else {}
    client = serving()
    assert [asked(client, path, headers)[0] for path in ("/v1/model", "/v1/ready", "/page/")] == [200] * 3
    time.sleep(0.2)  # what was known is forgotten
    with locked(store):
        answers: list[tuple[int, float]] = []
        many = [threading.Thread(target=lambda: answers.append(asked(client, "/v1/model", headers))) for _ in range(4)]
        many += [threading.Thread(target=lambda: answers.append(asked(client, "/v1/ready"))) for _ in range(4)]
        for one in many:
            one.start()
        for path in ("/v1/health", "/page/", "/v1/health"):
            status, seconds = asked(client, path)
            assert (status, seconds < 5) == (200, True), path  # SQLite gives up after ten
        for one in many:
            one.join()
        assert {status for status, _ in answers} == {503}
        assert max(seconds for _, seconds in answers) < 8
    deadline = time.monotonic() + 30
    while asked(client, "/v1/model", headers)[0] != 200 or asked(client, "/v1/ready")[0] != 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_revoked_key_is_refused_from_the_next_request_on(serving: Serve, store: Path) -> None:
    """Looking at keys aside from the loop keeps none a moment longer, whoever revokes it."""
    api.add_key(store, "other", role="read")
    client = serving()
    for n in range(20):
        headers = {"Authorization": f"Bearer {api.add_key(store, f'k{n}', role='read')}"}
        assert asked(client, "/v1/model", headers)[0] == 200
        api.revoke_key(store, f"k{n}")
        assert asked(client, "/v1/model", headers)[0] == 401


def test_ready_looks_once_a_second(serving: Serve, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many ask whether it is ready, the store is asked once a second at most, and nothing in it is counted."""
    looks: list[float] = []
    plain = Listing.number
    monkeypatch.setattr(Listing, "number", lambda self: (looks.append(time.monotonic()), plain(self))[1])
    monkeypatch.setattr(Listing, "galleries", lambda _: pytest.fail("all references were counted"))
    client, began = serving(), time.monotonic()
    statuses = [asked(client, "/v1/ready")[0] for _ in range(200)]
    assert set(statuses) == {200}
    assert 1 <= len(looks) <= 1 + (time.monotonic() - began) / aside.LASTS


def test_a_store_that_is_gone_is_told_within_a_second(serving: Serve, store: Path) -> None:
    """Ready is told of a second ago at most: then it says 503, and 200 again when the file is back."""
    client = serving()
    assert asked(client, "/v1/ready")[0] == 200
    away = store.rename(store.with_suffix(".away"))
    time.sleep(aside.LASTS)
    assert asked(client, "/v1/ready")[0] == 503
    away.rename(store)
    assert asked(client, "/v1/ready")[0] == 200


def test_a_listing_that_is_kept_tells_what_is_there(store: Path, shapes: Path) -> None:
    """Galleries are counted again after every write of anybody, and not before."""
    listing = Listing(store)
    assert listing.galleries() == galleries_of(store)
    counted = listing._counted
    assert listing.galleries() == galleries_of(store)
    assert listing._counted is counted
    api.enroll(store, "more", [shapes / "ring/1.png"], override=["all"])
    assert listing.galleries() == galleries_of(store)
    assert listing.galleries()[0].references == 7
    api.create(f"{store}#second", model="glyphs").close()
    assert (listing.number(), len(listing.galleries())) == (2, 2)
    api.drop(f"{store}#second")
    assert (listing.number(), len(listing.galleries())) == (1, 1)
    listing.close()
