"""Who acts on a gallery amid the chaos, each in a process that may be killed; and the process they are forked from.

python results/chaos_actors.py      reads lines of JSON: what to start; says what has started and what has ended

Forked from a process that has imported everything and opened nothing, each is as one that was started, half a second
earlier. What an actor was told is in a file of lines: ["tried", number, what], then ["acknowledged", number, ""].
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import itertools
import json
import os
import random
import select
import signal
import sqlite3
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

GALLERIES = ("main", "door", "lab")
NEEDED = (
    "firstsight.cli", "firstsight.cli.render", "firstsight.cli.receipts", "firstsight.api", "firstsight.gallery",
    "firstsight.stores.access", "firstsight.stores.listing", "firstsight.serve.run", "firstsight.serve.app",
    "firstsight.serve.routes", "firstsight.model", "onnxruntime", "scipy.special", "rich.table", "h11",
)  # fmt: skip


class Book:
    """Where an actor writes what it tries and what it is told."""

    def __init__(self, file: str) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._next = itertools.count()

    def write(self, word: str, number: str, said: Any) -> None:
        """One line, whole."""
        os.write(self._file, (json.dumps([word, number, said]) + "\n").encode())

    @contextmanager
    def doing(self, **op: Any) -> Iterator[None]:
        """Something is tried; at the end without an error it was acknowledged."""
        from firstsight.errors import FirstSightError

        number = f"{os.getpid()}-{next(self._next)}"
        self.write("tried", number, op)
        try:
            yield
        except FirstSightError as error:
            self.write("refused", number, f"{type(error).__name__}: {error}")
        else:
            self.write("acknowledged", number, "")

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Something is asked that changes nothing."""
        from firstsight.errors import FirstSightError

        try:
            yield
        except FirstSightError as error:
            self.write("no look", "", f"{type(error).__name__}: {error}")


def fresh(draw: random.Random, count: int = 1, *, own: bool = False) -> tuple[dict[str, Any], list[Any]]:
    """An operation that enrolls new people, whose names and images hold what nothing else holds; and the entries."""
    from firstsight.types import Entry

    tokens = [f"{draw.getrandbits(48):012x}" for _ in range(count)]
    images = [f"im{token}".encode() * draw.choice([1, 4, 60]) + draw.randbytes(40) for token in tokens]
    vectors = np.random.default_rng(draw.getrandbits(32)).standard_normal((count, 256)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    names, shas = [f"qz{token}" for token in tokens], [hashlib.sha256(image).hexdigest() for image in images]
    made = [Entry(n, v[None], ["given"], images=[i]) for n, v, i in zip(names, vectors, images, strict=True)]
    return {"op": "enroll", "names": names, "tokens": tokens, "shas": shas, "own": own}, made


def several(place: str, book: str, seed: int) -> None:
    """Several galleries of one file open in one process, used by threads, while others are opened and closed."""
    from firstsight.gallery import Gallery
    from firstsight.stores.access import Access
    from firstsight.stores.listing import galleries_of

    told = Book(book)
    opened = [Gallery.open(f"{place}#{name}") for name in GALLERIES]
    opened.append(Gallery.open(f"{place}#main"))

    def act(number: int) -> None:
        draw, mine = random.Random(f"{seed} {number}"), list[tuple[str, str]]()
        while True:
            gallery = draw.choice(opened)
            name, what = gallery.store.contract and str(gallery.address).partition("#")[2], draw.random()
            if what < 0.45:
                enroll(told, gallery, name, draw, draw.choice([1, 1, 1, 25]), mine)
            elif what < 0.55 and mine:
                removed(told, opened, mine.pop(), draw)
            elif what < 0.65:
                record(told, gallery, draw)
            elif what < 0.72:
                with told.looking(), Gallery.open(f"{place}#{name}") as other:
                    enroll(told, other, name, draw, 1, mine)
            elif what < 0.8:
                with told.looking():
                    Gallery.open(f"{place}#{name}").close()
            elif what < 0.88:
                with told.looking():
                    access = Access(place)
                    access.keys()
                    access.close()
            elif what < 0.92:
                with told.looking():
                    galleries_of(place)
            elif what < 0.94:
                passing(told, place, draw, gallery)
            else:
                with told.looking():
                    gallery.identities()
            time.sleep(draw.random() * 0.01)

    run([lambda n=n: act(n) for n in range(3)], told)  # type: ignore[misc]


def enroll(told: Book, gallery: Any, name: str, draw: random.Random, count: int, mine: list[tuple[str, str]]) -> None:
    """New people; one in three is the actor's own to remove."""
    own = draw.random() < 0.33
    op, entries = fresh(draw, count, own=own)
    with told.doing(**op, gallery=name):
        gallery.store.add(entries)
        mine += [(name, n) for n in op["names"]] if own else []


def removed(told: Book, opened: list[Any], who: tuple[str, str], draw: random.Random) -> None:
    """One who is the actor's own goes, or gets another name and goes then."""
    gallery, name = next(g for g in opened if str(g.address).endswith(f"#{who[0]}")), who[1]
    if draw.random() < 0.4:
        to = f"qz{draw.getrandbits(48):012x}"
        with told.doing(op="rename", name=name, to=to, own=True):
            gallery.rename(name, to)
        return
    with told.doing(op="remove", name=name):
        gallery.remove(name)


def passing(told: Book, place: str, draw: random.Random, like: Any) -> None:
    """A gallery is made beside the others, somebody enrolled in it, and it is dropped with them."""
    from firstsight.gallery import Gallery
    from firstsight.stores.listing import drop
    from firstsight.stores.sqlite import SqliteStore

    op, entries = fresh(draw, 2, own=True)
    name = f"for-a-moment-{op['tokens'][0]}"
    with told.looking():
        SqliteStore(f"{place}#{name}", create=like.store.contract).close()
    with told.doing(**op, gallery=name), Gallery.open(f"{place}#{name}") as gallery:
        gallery.store.add(entries)
    with told.doing(op="drop", names=op["names"]):
        drop(f"{place}#{name}")


def record(told: Book, gallery: Any, draw: random.Random) -> None:
    """A stranger was seen, at places that nothing else has."""
    from firstsight.types import Event

    places = [f"pl{draw.getrandbits(48):012x}" for _ in range(draw.choice([1, 3]))]
    model = gallery.store.contract.fingerprint
    events = [Event(0, "identify", "", None, False, 0.1, 0.0, 0.5, model, place) for place in places]
    with told.doing(op="record", places=places):
        gallery.store.record(events, [bytes(500)] * len(events))


def forks(place: str, book: str, seed: int) -> None:
    """A process that forks amid its use of a gallery; its children use what they inherit or their own."""
    from firstsight.gallery import Gallery

    told, draw = Book(book), random.Random(seed)
    gallery = Gallery.open(f"{place}#door")
    stop = threading.Event()

    def beside() -> None:
        other = random.Random(f"{seed} beside")
        while not stop.is_set():
            enroll(told, gallery, "door", other, 1, [])
            time.sleep(0.01)

    threading.Thread(target=beside, daemon=True).start()
    while True:
        child = os.fork()
        if child == 0:
            own = random.Random(f"{seed} {os.getpid()} {time.monotonic_ns()}")
            with faults(told):
                used = gallery if own.random() < 0.6 else Gallery.open(f"{place}#door")
                for _ in range(own.choice([0, 1, 3])):
                    enroll(told, used, "door", own, 1, [])
                with told.looking():
                    used.identities()
                if own.random() < 0.5:
                    used.close()
            how = own.random()
            if how < 0.3:
                os.kill(os.getpid(), signal.SIGKILL)
            os._exit(0)
        os.waitpid(child, 0)
        told.write("count", "", "children forked")
        enroll(told, gallery, "door", draw, draw.choice([1, 5]), [])
        time.sleep(draw.random() * 0.05)


def backup(place: str, to: str) -> None:
    """The backup of docs/gallery.md, by SQLite alone."""
    db = sqlite3.connect(place, timeout=30)
    db.execute("VACUUM INTO ?", (to,))
    db.close()


def checkpoints(place: str, book: str, seed: int) -> None:
    """Another program, which opens the file, brings the log into it, or reads, and closes it again."""
    draw, told = random.Random(seed), Book(book)
    while True:
        db = sqlite3.connect(place, timeout=30)
        try:
            if draw.random() < 0.1:  # a long look, which keeps others from cutting the log off
                db.execute("BEGIN")
                db.execute("SELECT count(*) FROM identity").fetchall()
                time.sleep(draw.random() * 1.5)
                db.execute("COMMIT")
            for _ in range(draw.choice([1, 1, 5])):
                mode = draw.choice(["PASSIVE", "FULL", "RESTART", "TRUNCATE"])
                asked = draw.choice([f"PRAGMA wal_checkpoint({mode})", "SELECT count(*) FROM identity"])
                db.execute(asked).fetchall()
            told.write("count", "", "connections of another program")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                told.write("fault", "another program", str(error))
        finally:
            db.close()
        time.sleep(draw.random() * 0.05)


def command(words: list[str]) -> None:
    """A command of FirstSight."""
    from firstsight.cli import main

    raise SystemExit(main(words))


def run(parts: list[Callable[[], None]], told: Book) -> None:
    """Threads until the process is killed."""

    def kept(part: Callable[[], None]) -> None:
        with faults(told):
            part()

    for thread in [threading.Thread(target=kept, args=(part,)) for part in parts]:
        thread.start()


@contextmanager
def faults(told: Book) -> Iterator[None]:
    """What nobody foresaw is told."""
    try:
        yield
    except Exception:  # noqa: BLE001
        told.write("fault", "an actor", traceback.format_exc()[-1500:])


ACTS: dict[str, Callable[..., None]] = {
    "several": several, "forks": forks, "backup": backup, "checkpoints": checkpoints, "command": command,
}  # fmt: skip


def begun(asked: dict[str, Any]) -> None:
    """In the child: be what was asked for, to the end."""
    code = 70
    try:
        os.setpgid(0, 0)
        with Path(os.devnull).open() as nothing:
            os.dup2(nothing.fileno(), 0)
        for number, end in ((1, "out"), (2, "err")):
            handle = os.open(f"{asked['log']}.{end}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.dup2(handle, number)
        ACTS[asked["act"]](**asked["given"])
        for thread in threading.enumerate():
            if thread is not threading.current_thread():
                thread.join()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def serve() -> None:
    """Fork off what is asked for, until nobody asks any more; then whatever still runs is killed."""
    os.environ["OMP_NUM_THREADS"] = "1"
    for name in NEEDED:
        importlib.import_module(name)
    running: dict[int, int] = {}
    waiting = b""
    print(json.dumps(["ready", 0, 0]), flush=True)
    while True:
        ready, _, _ = select.select([0], [], [], 0.01)
        if ready:
            more = os.read(0, 1 << 16)
            if not more:
                break
            *lines, waiting = (waiting + more).split(b"\n")
            for line in lines:
                asked = json.loads(line)
                pid = os.fork()
                if pid == 0:
                    begun(asked)
                with contextlib.suppress(OSError):
                    os.setpgid(pid, pid)
                running[pid] = asked["number"]
                print(json.dumps(["started", asked["number"], pid]), flush=True)
        for pid in list(running):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                print(json.dumps(["ended", running.pop(pid), os.waitstatus_to_exitcode(status)]), flush=True)
    for pid in running:
        with contextlib.suppress(OSError):
            os.killpg(pid, signal.SIGKILL)


if __name__ == "__main__":
    serve()
