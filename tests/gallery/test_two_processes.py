"""Several processes on one gallery: what any of them acknowledged stays, whoever else opens and closes the file."""

from __future__ import annotations

import io
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

import started
from drawn import draw
from firstsight import api
from firstsight.client import Client
from firstsight.errors import AccessError, MissingError, StorageError
from firstsight.gallery import Gallery
from started import Start, command, looked, ran


def listed(place: Path) -> str:
    """Another process of FirstSight looks."""
    return command("identities", place)


def free(place: Path, kind: str) -> Path:
    """A path beside the gallery at which nothing is yet."""
    return next(p for n in range(99) if not (p := place.with_name(f"{kind}-{n}")).exists())


OTHERS: dict[str, Callable[[Path], object]] = {
    "the command line": listed,
    "another program": looked,
    "a backup": lambda place: started.backup(place, free(place, "backup")),
    "an export": lambda place: command("gallery", "export", place, "--out", free(place, "export")),
    "doctor": lambda place: ran("-m", "firstsight", "doctor", place),
    "keys": lambda place: command("key", "list", place),
}


@pytest.fixture
def gallery(tiny_model: Path, tmp_path: Path) -> Path:
    """A new, empty gallery of the tiny model that keeps images."""
    Gallery.create(tmp_path / "g.db", tiny_model, keep_sources=True).close()
    return tmp_path / "g.db"


@pytest.fixture
def starting(tmp_path: Path) -> Iterator[Start]:
    """``starting(store, "--workers", 2)``: a service, and the URL that it says."""
    with started.starting(tmp_path) as start:
        yield start


def picture(number: int) -> bytes:
    """A picture that no other number gives."""
    buffer = io.BytesIO()
    draw("ring", number).save(buffer, "PNG")
    return buffer.getvalue()


def enroll(gallery: Client | Gallery, name: str, number: int = 0) -> None:
    """Enrolled, whoever it looks like."""
    assert gallery.enroll(name, picture(number), override=["all"]).added == 1


def refused(gallery: Client | Gallery, name: str, number: int) -> str:
    """Why it was not enrolled; "" where it was."""
    try:
        enroll(gallery, name, number)
    except StorageError as error:
        return str(error)
    return ""


def names(place: Path) -> list[str]:
    """Who is enrolled."""
    return [i.identity for i in api.identities(place)]


def files(place: Path) -> bytes:
    """All bytes of a store."""
    own = [place.with_name(place.name + end) for end in ("", "-wal", "-shm")]
    return b"".join(file.read_bytes() for file in own if file.exists())


def killed(process: subprocess.Popen[str]) -> None:
    """As ``kill -9`` does it."""
    process.send_signal(signal.SIGKILL)
    process.wait(30)


def test_who_else_looks_costs_a_service_nothing(starting: Start, gallery: Path) -> None:
    """Enrolled over HTTP before and after each kind of process looked at the file: all is there after kill -9."""
    process, url = starting(gallery)
    with Client(url, retries=0) as client:
        enroll(client, "first")
        for kind, other in OTHERS.items():
            other(gallery)
            enroll(client, kind)
    killed(process)
    assert names(gallery) == ["first", *OTHERS]


def test_who_asks_whether_it_is_ready_costs_nothing(starting: Start, gallery: Path) -> None:
    """A service that is asked for all that opens the file again, and others beside it: all is there after kill -9."""
    process, url = starting(gallery)
    with Client(url, retries=0) as client:
        for turn in range(3):
            for path in ("health", "ready", "galleries", "metrics", "galleries/main/attendance"):
                assert httpx2.get(f"{url}/v1/{path}").status_code == 200
            assert looked(gallery) == 2 * turn
            enroll(client, f"early {turn}")
            listed(gallery)
            assert httpx2.post(f"{url}/v1/galleries", json={"gallery": f"more-{turn}"}).status_code == 201
            assert looked(gallery) == 2 * turn + 1
            enroll(client, f"late {turn}")
    killed(process)
    assert names(gallery) == [f"{when} {turn}" for turn in range(3) for when in ("early", "late")]
    assert [g.gallery for g in api.galleries(gallery)] == ["main", "more-0", "more-1", "more-2"]


def test_a_backup_made_while_serving_holds_all(starting: Start, gallery: Path, tmp_path: Path) -> None:
    """VACUUM INTO beside a service: the copy has all that was acknowledged before it began, the next one the rest."""
    process, url = starting(gallery)
    with Client(url, retries=0) as client:
        for turn in range(3):
            for number in range(7):
                enroll(client, f"{turn} {number}", number)
            started.backup(gallery, tmp_path / f"backup-{turn}.db")
            assert names(tmp_path / f"backup-{turn}.db") == [f"{t} {n}" for t in range(turn + 1) for n in range(7)]
    killed(process)
    assert names(gallery) == [f"{t} {n}" for t in range(3) for n in range(7)]


@pytest.mark.parametrize("words", [(), ("--workers", "2")])
def test_two_services_on_one_file(starting: Start, gallery: Path, words: tuple[str, ...]) -> None:
    """Two services that enroll at once acknowledge all of it, both see all of it, and all is there after kill -9."""
    both = [starting(gallery, "--rate", "0", *words) for _ in range(2)]
    refusals: list[str] = []

    def enrolling(who: int, url: str) -> None:
        with Client(url, retries=0) as client:
            refusals.extend(refused(client, f"{who} {number}", number) for number in range(20))

    threads = [threading.Thread(target=enrolling, args=(who, url)) for who, (_, url) in enumerate(both)]
    for thread in threads:
        thread.start()
    listed(gallery)
    for thread in threads:
        thread.join()
    assert set(refusals) == {""}
    expected = {f"{who} {number}" for who in range(2) for number in range(20)}
    for _, url in both:
        with Client(url, retries=0) as client:
            assert {i.identity for i in client.identities()} == expected
    for process, _ in both:
        killed(process) if not words else process.terminate()
    for process, _ in both:
        process.wait(60)
    assert set(names(gallery)) == expected


def test_who_is_removed_beside_a_service_stays_away(starting: Start, gallery: Path) -> None:
    """Removed by the command line: the service does not know them from then on, and no file holds a byte of them."""
    process, url = starting(gallery)
    image = picture(1)
    with Client(url, retries=0) as client:
        enroll(client, "alice", 0)
        enroll(client, "mallory the removed", 1)
        command("identities", gallery)
        assert client.identify(image).identity == "mallory the removed"
        command("remove", gallery, "mallory the removed")
        assert {c.identity for c in client.identify(image).candidates} == {"alice"}
        with pytest.raises(MissingError):
            client.verify("mallory the removed", image)
        enroll(client, "bob", 2)
        assert {c.identity for c in client.identify(image).candidates} == {"alice", "bob"}
    assert b"mallory" not in files(gallery)
    assert image not in unwrapped(gallery)
    process.terminate()
    assert process.wait(60) == 0
    assert names(gallery) == ["alice", "bob"]
    assert b"mallory" not in files(gallery)
    assert image[-200:] not in files(gallery)


def unwrapped(place: Path) -> set[bytes]:
    """The images that are kept."""
    with sqlite3.connect(f"{place.as_uri()}?mode=ro", uri=True) as db:
        found = {bytes(row[0]) for row in db.execute("SELECT data FROM image")}
    db.close()
    return found


@pytest.mark.parametrize("by", ["the command line", "another service"])
def test_a_revoked_key_is_refused_from_the_next_request_on(starting: Start, gallery: Path, by: str) -> None:
    """A key that is revoked by the command line is refused by every service at once, one added is known, and none of
    this is undone by who looks at the file."""
    given, root = (api.add_key(gallery, name, role="admin") for name in ("given", "root"))
    services = [starting(gallery)[1] for _ in range(2 if by == "another service" else 1)]
    clients = [Client(url, key=given, retries=0) for url in services]
    for number, client in enumerate(clients):
        enroll(client, f"allowed {number}", number)
        listed(gallery)
    command("key", "revoke", gallery, "given")
    for client in clients:
        for _ in range(3):
            with pytest.raises(AccessError):
                client.identities()
            with pytest.raises(AccessError):
                enroll(client, "not allowed", 5)
        client.close()
    later = command("key", "add", gallery, "later", "--role", "admin").strip()
    for number, url in enumerate(services):
        assert httpx2.post(f"{url}/v1/galleries", json={"gallery": "x"}, headers=bearer(given)).status_code == 401
        assert httpx2.get(f"{url}/v1/galleries", headers=bearer(root)).json()[0]["references"] == len(services)
        made = httpx2.post(f"{url}/v1/galleries", json={"gallery": f"y{number}"}, headers=bearer(later))
        assert made.status_code == 201
    assert [k.name for k in api.keys(gallery)] == ["root", "later"]


def bearer(secret: str) -> dict[str, str]:
    """The header that carries a key."""
    return {"Authorization": f"Bearer {secret}"}


@pytest.mark.parametrize("first", ["who wrote writes on", "another looks first"])
@pytest.mark.parametrize("ends", [("-wal",), ("-shm",), ("-wal", "-shm")], ids="+".join)
@pytest.mark.parametrize("whose", ["a service's", "a process's"])
def test_a_log_that_is_deleted_loses_nothing_acknowledged(
    starting: Start, gallery: Path, ends: tuple[str, ...], whose: str, first: str
) -> None:
    """Where somebody deletes the write-ahead log or its index under a running process, a write is refused, or there."""
    acknowledged = []
    service, url = starting(gallery) if whose == "a service's" else (None, "")
    with Client(url, retries=0) if service is not None else Gallery.open(gallery) as opened:
        enroll(opened, "before")
        for end in ends:
            gallery.with_name(gallery.name + end).unlink()
        if first == "another looks first":
            started.ran("-m", "firstsight", "identities", gallery)
        for number in range(4):
            refusal = refused(opened, f"after {number}", number)
            assert "disk I/O" not in refusal
            if not refusal:
                acknowledged.append(f"after {number}")
            if number % 2:
                shown = started.ran("-m", "firstsight", "identities", gallery)
                assert "disk I/O" not in shown.stderr
                assert "malformed" not in shown.stderr
                assert all(name in shown.stdout for name in acknowledged)
        if service is not None:
            killed(service)
    assert set(names(gallery)) >= set(acknowledged)
    with Gallery.open(gallery) as again:
        enroll(again, "later", 9)
    assert "later" in names(gallery)
    with sqlite3.connect(gallery) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    db.close()


SEVERAL = """
import subprocess, sys
from firstsight import api
from firstsight.gallery import Gallery
from firstsight.stores.access import Access
place, looks = sys.argv[1], sys.argv[2]
number = 0
def look():
    subprocess.run([sys.executable, "-c", looks, place], check=True, stdout=subprocess.DEVNULL)
def enroll(gallery):
    global number
    gallery.enroll(f"name {number}", f"{place}.png", override=["all"])
    number += 1
    print(number, flush=True)
kept = Gallery.open(place)
for other in (
    lambda: Gallery.open(place).close(),
    lambda: Access(place).close(),
    lambda: api.galleries(place),
    lambda: api.identities(place),
    lambda: kept.beside().close(),
    lambda: api.doctor(place),
    lambda: Gallery.create(place + "#second", kept.model).close(),
    lambda: api.drop(place + "#second"),
    lambda: api.enroll(place, "by a verb", [f"{place}.png"], override=["all"]),
):
    enroll(kept)
    other()
    look()
    enroll(kept)
    with Gallery.open(place) as second:
        enroll(second)
        look()
        enroll(kept)
sys.stdin.readline()
"""


def test_several_connections_of_one_process(gallery: Path) -> None:
    """Whatever a process opens and closes beside an open gallery, others who look meanwhile cost it nothing."""
    Path(f"{gallery}.png").write_bytes(picture(0))
    words = [sys.executable, "-c", SEVERAL, str(gallery), started.LOOKS]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin
    assert process.stdout
    for number in range(9 * 4):
        assert process.stdout.readline() == f"{number + 1}\n"
    killed(process)
    process.stdin.close()
    process.stdout.close()
    assert {n for n in names(gallery) if n.startswith("name")} == {f"name {n}" for n in range(9 * 4)}


FORKS = """
import os, subprocess, sys, time, warnings
warnings.simplefilter("ignore")
import numpy as np
from firstsight.gallery import Gallery
from firstsight.types import Entry
place, looks, how = sys.argv[1:]
def look():
    subprocess.run([sys.executable, "-c", looks, place], check=True, stdout=subprocess.DEVNULL)
def enroll(gallery, name):
    one = np.eye(1, gallery.store.contract.dim, dtype=np.float32)
    gallery.store.add([Entry(name, one, ["here"])])  # without an encoder, whose threads are not there after a fork
    print(name, flush=True)
kept = Gallery.open(place)
enroll(kept, "before")
parent = os.getpid()
child = os.fork()
if how == "the child goes on":
    if child:
        os._exit(0)
    while os.getppid() == parent:
        time.sleep(0.01)
    for number in range(3):
        look()
        enroll(kept, f"child {number}")
    look()
    enroll(kept, "last")
    print("done", flush=True)
    os.kill(os.getpid(), 9)
if child == 0:
    if how == "the child opens its own":
        with Gallery.open(place) as own:
            enroll(own, "child's own")
    elif how == "the child uses its parent's":
        enroll(kept, "child 0")
        look()
        enroll(kept, "child 1")
    elif how == "the child closes its parent's":
        kept.close()
    sys.exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
for number in range(3):
    enroll(kept, f"parent {number}")
    look()
print("done", flush=True)
os.kill(os.getpid(), 9)
"""
HOW = ("the child opens its own", "the child uses its parent's", "the child closes its parent's", "the child goes on")


@pytest.mark.parametrize("how", HOW)
def test_a_process_that_forks(gallery: Path, how: str, tmp_path: Path) -> None:
    """Whatever a child does with a gallery that its parent has open, what either acknowledged is there afterwards."""
    words = [sys.executable, "-c", FORKS, str(gallery), started.LOOKS, how]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    out, err = process.communicate(timeout=60)
    said = out.splitlines()
    assert said[-1:] == ["done"], err
    assert set(names(gallery)) == set(said[:-1])
    with sqlite3.connect(gallery) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    db.close()


def test_only_sqlite_opens_the_file(gallery: Path) -> None:
    """While a gallery is open, no verb opens its file by another way than SQLite's: closing that would drop the locks
    of this process."""
    Path(f"{gallery}.png").write_bytes(picture(0))
    done = command_of(OPENS, gallery)
    assert done.splitlines() == ["looked", "done"]


OPENS = """
import os, pathlib, sys
from firstsight import api
from firstsight.gallery import Gallery
from firstsight.types import Record
place = sys.argv[1]
image = f"{place}.png"
kept, opened = Gallery.open(place), []
def hook(event, given):
    if event == "open" and isinstance(given[0], (str, bytes)) and os.fsdecode(given[0]) in watched:
        opened.append(given[0])
watched = {place + end for end in ("", "-wal", "-shm", "-journal")}
sys.addaudithook(hook)
pathlib.Path(place).open("rb").close()
assert opened == [place]
print("looked")
opened.clear()
api.enroll(place, "alice", [image], override=["all"], record=Record())
for verb in (api.identities, api.references, api.events, api.galleries, api.keys, api.doctor):
    verb(place)
api.verify(place, "alice", [image])
api.identify(place, [image])
api.add_key(place, "k", role="read")
api.revoke_key(place, "k")
Gallery.create(place + "#other", kept.model).close()
api.export_gallery(place, out=pathlib.Path(place + ".export"))
api.export_subject(place, "alice", out=pathlib.Path(place + ".alice"))
api.import_gallery(place + "#other", pathlib.Path(place + ".export"))
api.rename(place, "alice", "alicia")
api.replace(place, "alicia", [image], override=["all"])
api.rebuild(place, model=kept.model)
api.remove(place, "alicia")
api.drop(place + "#other")
for address in (place + "#none", place):
    try:
        Gallery.open(address).close()
        Gallery.create(address, "glyphs")
    except Exception as error:
        assert type(error).__module__ == "firstsight.errors", error
assert opened == [], opened
print("done")
"""


def command_of(script: str, *words: object) -> str:
    """What a script prints."""
    return started.told("-c", script, *words)
