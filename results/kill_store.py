"""A store killed with SIGKILL at random moments: is all that was acknowledged there, and nothing by half?

python results/make.py store-kills     200 rounds each of single, bulk, remove and record, into results/store-kills.json
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from firstsight.errors import FirstSightError
from firstsight.stores.sqlite import SqliteStore
from firstsight.types import Contract, Entry, Event

SEED, ROUNDS, DIM, BATCH, REFERENCES = 0, 200, 128, 40, 3
FRESH = 20  # rounds on one file
KINDS = ("single", "bulk", "remove", "record")
CONTRACT = Contract("m", "f", DIM)
People = dict[str, int]
"""Identity, or place of an event -> the number that all numbers of its vectors are, or its score."""


def entry(name: str, number: int, count: int = 1) -> Entry:
    """References whose vectors tell whose they are."""
    return Entry(name, np.full((count, DIM), number, np.float32), [f"/photos/{name}"] * count)


def seen(place: str, number: int) -> Event:
    """A recorded identify of a stranger, whose place is told apart from all others."""
    return Event(0, "identify", "", None, False, number, 0.0, 0.5, CONTRACT.fingerprint, place)


def steps(kind: str, first: int, people: People) -> Iterator[tuple[list[str], Callable[[SqliteStore], object]]]:
    """What a writer does until it is killed: the names it touches, and the one write that does it."""
    if kind == "remove":
        for name in list(people):
            yield [name], lambda store, name=name: store.remove(name)  # type: ignore[misc]
        return
    for number in range(first, first + 10_000):
        if kind == "record":
            events = [seen(f"record {number} {i}", number) for i in range(1 + number % REFERENCES)]
            images = [bytes(2000)] * len(events)
            yield [e.place for e in events], lambda store, e=events, i=images: store.record(e, i)  # type: ignore[misc]
            continue
        size = 1 if kind == "single" else BATCH
        batch = [entry(f"{kind} {number} {i}", number, 1 + i % REFERENCES) for i in range(size)]
        yield [e.identity for e in batch], lambda store, batch=batch: store.add(batch)  # type: ignore[misc]


def write(place: Path, kind: str, first: int, people: People, pipe: int, often: bool) -> None:
    """In the process that is to die: write, and say so once a write has returned."""
    store = SqliteStore(str(place))
    if often:  # moves the log into the file at nearly every commit, for kills amid that
        store._file.db.execute("PRAGMA wal_autocheckpoint=8")
    for number, (_, act) in enumerate(steps(kind, first, people)):
        act(store)
        os.write(pipe, f"{number}\n".encode())


def killed(place: Path, kind: str, first: int, people: People, draw: random.Random) -> int:
    """A writer killed after a drawn number of acknowledgements and a drawn moment more; how many it gave."""
    out, pipe = os.pipe()
    wanted, moment = draw.choice([0, 0, 1, 3, 8]), draw.random() * draw.choice([1e-4, 3e-3, 2e-2])
    often = draw.random() < 0.5
    child = os.fork()
    if child == 0:
        try:
            os.close(out)
            write(place, kind, first, people, pipe, often)
        finally:
            os._exit(1)
    os.close(pipe)
    said = b""
    while said.count(b"\n") < wanted and (more := os.read(out, 1 << 16)):
        said += more
    time.sleep(moment)
    os.kill(child, signal.SIGKILL)
    while more := os.read(out, 1 << 16):
        said += more
    os.close(out)
    os.waitpid(child, 0)
    return said.count(b"\n")


def found(place: Path) -> tuple[People, bool]:
    """Who is in the store, each with all references and the right numbers, and what was recorded; is the file sound?"""
    store = SqliteStore(str(place))
    try:
        people: People = {}
        for references, vectors in store.rows():
            for r, v in zip(references, vectors, strict=True):
                if not (v == v[0]).all():
                    return {}, False
                people[r.identity] = int(v[0])
        wrong = [i for i in store.identities() if i.references != expected(i.identity)]
        sound = store._file.db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        whole = sound and not wrong and len(people) == len(store.identities())
        return people | {e.place: int(e.score or 0) for e in store.events() if e.kept}, whole
    finally:
        store.close()


def expected(name: str) -> int:
    """How many references an identity was enrolled with."""
    return 1 + int(name.split()[-1]) % REFERENCES


def bytes_of(place: Path) -> bytes:
    """All files of the store."""
    return b"".join(f.read_bytes() for f in place.parent.iterdir() if f.name.startswith(place.name))


def rounds(kind: str, number: int, draw: random.Random, folder: Path) -> dict[str, int]:
    """So many kills; how often anything acknowledged was lost, a write was there by half, or the file was damaged."""
    count = dict.fromkeys(("rounds", "acknowledged", "lost", "half", "corrupt", "left in the bytes"), 0)
    place, people, first = folder / kind / "g.db", {}, 0
    for turn in range(number):
        if turn % FRESH == 0:
            shutil.rmtree(place.parent, ignore_errors=True)
            place.parent.mkdir()
            SqliteStore(str(place), create=CONTRACT).close()
            people = {}
        if kind == "remove" and len(people) < 200:
            store = SqliteStore(str(place))
            names = {f"remove {first + i} {i}": first + i for i in range(400)}
            store.add([entry(name, n, expected(name)) for name, n in names.items()])
            store.close()
            people, first = people | names, first + 400
        plan = [
            names for names, _ in zip((names for names, _ in steps(kind, first, people)), range(3000), strict=False)
        ]
        acknowledged = killed(place, kind, first, people, draw)
        try:
            now, sound = found(place)
        except FirstSightError:
            now, sound = {}, False
        count["rounds"] += 1
        count["acknowledged"] += acknowledged
        count["corrupt"] += not sound
        done, open_, rest = plan[:acknowledged], plan[acknowledged], plan[acknowledged + 1 :]
        there = [sum(name in now for name in names) for names in (*done, open_)]
        if kind == "remove":
            count["lost"] += sum(there[:-1]) + sum(name not in now for names in rest for name in names)
            files = bytes_of(place)  # the last connection is closed, so the log is gone
            count["left in the bytes"] += sum(
                f"/photos/{name}\0".encode() in files or name.encode() in files for [name] in done
            )
        else:
            count["lost"] += sum(there_ != len(names) for there_, names in zip(there[:-1], done, strict=True))
            count["lost"] += sum(name not in now for name in people)
        count["half"] += there[-1] not in (0, len(open_))
        people = now
        first = max(first, max(now.values(), default=0)) + 1
    return count


def syncs(writes: int = 50) -> dict[str, Any]:
    """How often the disk is made to take what was written, for each write that is acknowledged."""
    with tempfile.TemporaryDirectory() as folder:
        place, log = Path(folder) / "g.db", Path(folder) / "log"
        SqliteStore(str(place), create=CONTRACT).close()
        words = [sys.executable, __file__, str(place), str(writes)]
        if shutil.which("strace"):
            trace = ["strace", "-f", "-e", "trace=fsync,fdatasync,getppid", "-o", str(log)]
            if subprocess.run([*trace, *words], capture_output=True, check=False).returncode == 0:
                lines = log.read_text().split("getppid()")  # the writer calls it before each write and after the last
                each = [part.count("fsync(") + part.count("fdatasync(") for part in lines[1:-1]]
                return {"by": "strace", "writes": len(each), "least": min(each), "most": max(each)}
        with sqlite3.connect(place) as db:
            mode = db.execute("PRAGMA journal_mode").fetchone()[0]
        store = SqliteStore(str(place))
        level = store._file.db.execute("PRAGMA synchronous").fetchone()[0]
        store.close()
        return {"by": "settings: no strace here", "journal_mode": mode, "synchronous": level}


def measure(number: int = ROUNDS) -> dict[str, Any]:
    """All kinds of kills, and the syncs."""
    draw, began = random.Random(SEED), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        result: dict[str, Any] = {kind: rounds(kind, number, draw, Path(folder)) for kind in KINDS}
    result["syncs a write"] = syncs()
    result["batch"], result["minutes"] = BATCH, round((time.monotonic() - began) / 60, 1)
    return result


if __name__ == "__main__":
    opened = SqliteStore(sys.argv[1])
    for n in range(int(sys.argv[2])):
        os.getppid()
        opened.add([entry(f"single {n} 0", n)])
    os.getppid()
    opened.close()
