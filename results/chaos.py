"""Many processes on one file of galleries, killed at random: is all that was acknowledged there? ``results/chaos.json``

python results/chaos.py                                  300 rounds, an hour and more; adds to the runs there are
python results/chaos.py --rounds 20 --minutes 5 --seed 3 so many rounds, or so many minutes
python results/chaos.py --trial                          two rounds; prints, writes nothing

In each round two services, the command line, backups, a process with several connections and threads, one that forks,
and another program that knows SQLite alone act on one file at once, and are killed by ``kill -9`` at drawn moments.
Whatever any of them acknowledged is looked for meanwhile by all ways there are, and when all have ended: whoever was
enrolled is there with the bytes of the image, whoever was removed or renamed is gone from answers and from the bytes of
the files, a revoked key is refused from its acknowledgement on, what was refused is not stored, and the file is sound.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import hashlib
import http.client
import json
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from chaos_actors import GALLERIES
from chaos_ledger import ACKNOWLEDGED, REFUSED, Ledger, Seen
from chaos_service import Child, Line, Nursery, Service, ask, encoded, picture

ROOT = Path(__file__).parents[1]
SEED, ROUNDS = 0, 300
SECONDS = 6.0  # in which all act, in each round
FRESH = 6  # rounds on one file
SECRET = "chaos-" + "x" * 40
LEAST = {
    "acknowledged writes": 20_000,
    "removals": 2_000,
    "revocations": 200,
    "killed: service": 100,
    "killed: second service": 100,
    "killed: command line": 100,
    "killed: backup": 100,
}
FAULTS = (
    "lost", "returned", "a revoked key was used", "a revoked key is back", "a key was refused", "broken", "half",
    "refused, but stored", "unexpected",
)  # fmt: skip
WAYS = ("the service", "the second service", "Python", "the command line")
NAMES = """SELECT g.name, i.name FROM gallery g JOIN identity i ON i.gallery = g.id
    WHERE EXISTS (SELECT 1 FROM reference r WHERE r.identity = i.id)"""
IMAGES = """SELECT i.name, m.data FROM identity i JOIN reference r ON r.identity = i.id
    JOIN image m ON m.reference = r.id"""


def seen_in(db: sqlite3.Connection) -> Seen:
    """Who is enrolled, by gallery."""
    found: Seen = {name: set() for name in GALLERIES}
    for gallery, name in db.execute(NAMES):
        found.setdefault(gallery, set()).add(name)
    return found


class Round:
    """One file amid the chaos.

    Args:
        folder: of the file.
        nursery: where processes come from.
        ledger: the truth about the file.
        seed: of all that is drawn.
        seconds: how long all act.
    """

    def __init__(self, folder: Path, nursery: Nursery, ledger: Ledger, seed: str, seconds: float = SECONDS) -> None:
        self.folder, self.nursery, self.ledger, self.seed, self.seconds = folder, nursery, ledger, seed, seconds
        self.place = folder / "g.db"
        self.services = [Service(nursery, self.place, role) for role in ("service", "second service")]
        self.draw = random.Random(f"{seed} the round")
        self.stop = threading.Event()
        self.actors: list[Child] = []

    def run(self) -> None:
        """All of it."""
        starts = [threading.Thread(target=self.start, args=(service,)) for service in self.services]
        for thread in starts:
            thread.start()
        for act in ("several", "forks", "checkpoints"):
            book = self.folder / f"{self.seed.replace(' ', '-')}-{act}.book"
            self.ledger.listen(book)
            given = {"place": str(self.place), "book": str(book), "seed": self.draw.getrandbits(30)}
            self.actors.append(self.nursery.start(act, **given))
        for thread in starts:
            thread.join()
        parts: list[Callable[[random.Random], None]] = [
            self.commands,
            self.commands,
            self.backups,
            self.keys,
            self.looks,
        ]
        parts += [lambda r, s=s: self.clients(r, s) for s in self.services for _ in range(2)]  # type: ignore[misc]
        parts += [lambda r, s=s: self.polls(r, s) for s in self.services]  # type: ignore[misc]
        parts += [lambda r, s=s: self.ends(r, s) for s in self.services]  # type: ignore[misc]
        threads = [threading.Thread(target=self.part, args=(part, n)) for n, part in enumerate(parts)]
        for thread in threads:
            thread.start()
        for actor in self.actors[:2]:
            if self.draw.random() < 0.5:
                self.stop.wait(self.draw.random() * self.seconds)
                actor.signal(signal.SIGKILL)
        self.stop.wait(self.seconds)
        self.stop.set()
        for thread in threads:
            thread.join()
        for actor in self.actors:
            actor.signal(signal.SIGKILL)
            actor.wait()
            self.ledger.counts["killed: another actor"] += 1
        self.close()

    def part(self, act: Callable[[random.Random], None], number: int) -> None:
        """One thread's part; what nobody foresaw is a fault."""
        try:
            act(random.Random(f"{self.seed} {number}"))
        except Exception as error:  # noqa: BLE001
            self.ledger.fault("unexpected", f"{type(error).__name__}: {error}")

    def start(self, service: Service) -> None:
        """Start a service, now and then with several processes."""
        words = ("--workers", "2") if service is self.services[1] and self.draw.random() < 0.08 else ()
        if not service.start(*words) and not service.ends:
            assert service.child
            seen = f"exit code {service.child.code}, last answer {service.answer}"
            self.ledger.fault("unexpected", f"a service did not start: {seen}: {service.child.said('err')[-600:]}")
        self.ledger.counts["services started"] += 1
        self.ledger.counts["services of several processes"] += bool(words)

    def ends(self, draw: random.Random, service: Service) -> None:
        """A service is killed or told to end at a drawn moment, and perhaps started again, once or twice."""
        while not self.stop.wait(draw.uniform(0.15, 0.95) * self.seconds):
            self.end(service, signal.SIGKILL if draw.random() < 0.8 else signal.SIGTERM)
            if draw.random() < 0.3:
                return
            self.start(service)
        if service.child is not None and not service.ends:
            self.end(service, signal.SIGKILL if draw.random() < 0.6 else signal.SIGTERM)

    def end(self, service: Service, number: int) -> None:
        """End a service; what it logged must hold no fault."""
        code = service.end(number)
        word = "killed" if code == -signal.SIGKILL else "ended by SIGTERM"
        self.ledger.counts[f"{word}: {service.role}"] += 1
        log = service.child.said("err") if service.child else ""
        if code is None or (number == signal.SIGTERM and code != 0):
            self.ledger.fault("unexpected", f"a service that was told to end gave {code}: {log[-600:]}")
        if '"level": "error"' in log or "Traceback" in log:
            self.ledger.fault("unexpected", f"a service logged: {log[-900:]}")

    def lines(self, service: Service, secret: str = SECRET) -> Line | None:
        """A new connection to a service, where one runs."""
        port = service.port
        return Line(port, secret) if port else None

    def clients(self, draw: random.Random, service: Service) -> None:
        """Somebody who asks a service over one connection, until it ends; then over another."""
        while not self.stop.is_set():
            if (line := self.lines(service)) is None:
                self.stop.wait(0.05)
                continue
            try:
                with line:
                    while not self.stop.is_set() and line.port == service.port:
                        self.asked(draw, service, line)
            except (OSError, http.client.HTTPException):
                self.ledger.counts["connections lost"] += 1

    def asked(self, draw: random.Random, service: Service, line: Line) -> None:
        """One request, or a few that belong together."""
        gallery, what = draw.choice(GALLERIES), draw.random()
        if what < 0.45:
            token, number = f"{draw.getrandbits(48):012x}", draw.randrange(48)
            image, place = picture(number, token), f"pl{token}"
            op = {"op": "enroll", "gallery": gallery, "names": [f"qz{token}"], "tokens": [token], "number": number}
            op["shas"] = [hashlib.sha256(image).hexdigest()]
            content = {"identity": f"qz{token}", "images": [encoded(image)], "override": ["all"]}
            if draw.random() < 0.3:
                op["place"], content["record"], content["place"] = place, True, place
            if self.write(line, f"{gallery}/enroll", content, op) and draw.random() < 0.3:
                self.known(gallery, f"qz{token}")
        elif what < 0.65:
            if person := self.ledger.claim(draw):
                op = {"op": "remove", "name": person.name}
                if self.write(line, f"{person.gallery}/remove", {"identity": person.name}, op):
                    self.unknown(person.gallery, person.name, person.number, person.token)
        elif what < 0.72:
            if person := self.ledger.claim(draw):
                to = f"qz{draw.getrandbits(48):012x}"
                op = {"op": "rename", "name": person.name, "to": to}
                self.write(line, f"{person.gallery}/rename", {"identity": person.name, "to": to}, op)
        elif what < 0.9:
            content = {"images": [encoded(picture(draw.randrange(48), "0" * 12))]}
            self.read(line, "POST", f"/v1/galleries/{gallery}/identify", content)
        else:
            path = draw.choice(["identities", "references", "events", "attendance"])
            self.read(line, "GET", f"/v1/galleries/{gallery}/{path}")

    def write(self, line: Line, path: str, content: Any, op: dict[str, Any]) -> bool:
        """Ask for a write; whether it was acknowledged."""
        number = self.ledger.begin(op)
        status, said = ask(line, "POST", f"/v1/galleries/{path}", content)
        if status in (200, 201):
            self.ledger.end(number, ACKNOWLEDGED)
            return True
        self.ledger.end(number, REFUSED, f"{status} {self.message(said)}")
        if status != 503:
            self.ledger.fault("unexpected", f"{path} of {op}: {status} {said}")
        self.ledger.counts["503"] += status == 503
        return False

    def read(self, line: Line, method: str, path: str, content: Any = None) -> Any:
        """Ask something that changes nothing; None where it was not answered."""
        status, said = ask(line, method, path, content)
        if status == 200:
            return said
        if status == 404 and "references?identity" in path:
            return []
        if not (status == 409 and "nobody" in str(said)):
            self.ledger.refused(path, f"{status} {self.message(said)}")
            self.ledger.counts["503"] += status == 503
            if status != 503:
                self.ledger.fault("unexpected", f"{method} {path}: {status} {said}")
        return None

    @staticmethod
    def message(said: Any) -> str:
        """Of an error."""
        return str(said["error"]["message"]) if isinstance(said, dict) and "error" in said else str(said)

    def each(self, act: Callable[[Line], None]) -> None:
        """Something is asked of every service that runs."""
        for service in self.services:
            if line := self.lines(service):
                with contextlib.suppress(OSError, http.client.HTTPException), line:
                    act(line)

    def known(self, gallery: str, name: str) -> None:
        """Who was just enrolled is known to every service, unless somebody removes them meanwhile."""

        def look(line: Line) -> None:
            found = self.read(line, "GET", f"/v1/galleries/{gallery}/references?identity={name}")
            self.ledger.absorb()
            if found == [] and self.ledger.people[name].required:
                self.ledger.fault("lost", f"{gallery} {name} asked for right after")

        self.each(look)

    def unknown(self, gallery: str, name: str, number: int, token: str) -> None:
        """Who was just removed is known to no service."""

        def look(line: Line) -> None:
            if self.read(line, "GET", f"/v1/galleries/{gallery}/references?identity={name}"):
                self.ledger.fault("returned", f"{gallery} {name} listed right after")
            if number >= 0:
                content = {"images": [encoded(picture(number, token))], "top": 9}
                found = self.read(line, "POST", f"/v1/galleries/{gallery}/identify", content)
                if found and name in {c["identity"] for c in found[0]["candidates"]}:
                    self.ledger.fault("returned", f"{gallery} {name} identified right after")

        self.each(look)

    def polls(self, draw: random.Random, service: Service) -> None:
        """A balancer that asks whether a service is alive and ready, both at once, over and over."""
        while not self.stop.is_set():
            if line := self.lines(service, ""):
                with contextlib.suppress(OSError, http.client.HTTPException), line:
                    while not self.stop.is_set() and line.port == service.port:
                        for path in ("health", "ready"):
                            status, said = ask(line, "GET", f"/v1/{path}")
                            self.ledger.counts[f"{path}: {status}"] += 1
                            if status not in (200, 503):
                                self.ledger.fault("unexpected", f"{path}: {status} {said}")
                            if status == 503:
                                self.ledger.refused(path, f"503 {self.message(said)}")
                        time.sleep(draw.random() * 0.06)
            self.stop.wait(0.1)

    def commands(self, draw: random.Random) -> None:
        """The command line, killed now and then."""
        while not self.stop.is_set():
            gallery = draw.choice(GALLERIES)
            address, what = f"{self.place}#{gallery}", draw.random()
            op: dict[str, Any] | None = None
            words: list[object] = []
            if what < 0.3:
                token, number = f"{draw.getrandbits(48):012x}", draw.randrange(48)
                image = picture(number, token)
                file = self.folder / f"picture-{threading.get_ident()}.png"
                file.write_bytes(image)
                op = {"op": "enroll", "gallery": gallery, "names": [f"qz{token}"], "tokens": [token], "number": number}
                op["shas"] = [hashlib.sha256(image).hexdigest()]
                words = ["enroll", address, f"qz{token}", file, "--override", "all"]
            elif what < 0.65 and (person := self.ledger.claim(draw)):
                op, address = {"op": "remove", "name": person.name}, f"{self.place}#{person.gallery}"
                words = ["remove", address, person.name]
                if draw.random() < 0.25:
                    to = f"qz{draw.getrandbits(48):012x}"
                    op, words = {"op": "rename", "name": person.name, "to": to}, ["rename", address, person.name, to]
            elif what < 0.75:
                words = ["identities", address]
            elif what < 0.85:
                words = ["gallery", "events", address, "--last", "5"]
            elif what < 0.93:
                words = ["list", address]
            else:
                words = ["key", "list", self.place]
            self.command(draw, words, op)

    def command(self, draw: random.Random, words: list[object], op: dict[str, Any] | None) -> None:
        """One command, seldom in a process that was started and not forked; what it said of a write is the truth."""
        number = self.ledger.begin(op) if op else ""
        kill = draw.random() < 0.35
        if draw.random() < 0.08:
            code, out, err = started([sys.executable, "-m", "firstsight", *map(str, words)], draw if kill else None)
        else:
            child = self.nursery.command(*words)
            if kill and not child.wait(draw.random() * draw.choice([0.05, 0.3, 1.0])):
                child.signal(signal.SIGKILL)
            if not child.wait():
                self.ledger.fault("unexpected", f"no end of {words}")
                child.signal(signal.SIGKILL)
                child.wait()
            code, out, err = child.code, child.said(), child.said("err")
        self.ledger.counts["commands"] += 1
        self.ledger.counts["killed: command line"] += code == -signal.SIGKILL
        if code not in (0, -signal.SIGKILL):
            if code != 3:
                self.ledger.fault("unexpected", f"{words} gave {code}: {err[-300:]}")
            self.ledger.refused(str(words[0]), err)
        if op is None:
            return
        if code == 0 or (code == -signal.SIGKILL and out.strip()):
            self.ledger.end(number, ACKNOWLEDGED)
            if op["op"] == "remove":
                person = self.ledger.people[op["name"]]
                self.unknown(person.gallery, person.name, person.number, person.token)
            if op["op"] == "enroll":
                self.known(op["gallery"], op["names"][0])
        elif code != -signal.SIGKILL:
            self.ledger.end(number, REFUSED, err)

    def backups(self, draw: random.Random) -> None:
        """The backup of the documents, killed now and then; one that ended holds all that was acknowledged before."""
        number = 0
        while not self.stop.wait(draw.random() * 0.3):
            number += 1
            to = self.folder / f"backup-{threading.get_ident()}-{number}.db"
            kill = draw.random() < 0.5

            def look(to: Path = to, kill: bool = kill) -> Seen | None:
                child = self.nursery.start("backup", place=str(self.place), to=str(to))
                if kill and not child.wait(draw.random() * draw.choice([0.01, 0.05])):
                    child.signal(signal.SIGKILL)
                child.wait()
                self.ledger.counts["killed: backup"] += child.code == -signal.SIGKILL
                if child.code == 0:
                    with contextlib.closing(sqlite3.connect(to)) as db:
                        if db.execute("PRAGMA integrity_check").fetchone() != ("ok",):
                            self.ledger.fault("broken", "a backup")
                        return seen_in(db)
                if child.code != -signal.SIGKILL:
                    self.ledger.refused("backup", child.said("err")[-200:])
                return None

            self.ledger.check("a backup", look, whole=True)
            for file in self.folder.glob(f"{to.name}*"):
                file.unlink()

    def keys(self, draw: random.Random) -> None:
        """Keys are made, used, and revoked by the command line or in Python; services refuse them from then on."""
        from firstsight import api
        from firstsight.errors import FirstSightError

        while not self.stop.is_set():
            name = f"key-{draw.getrandbits(40):010x}"
            number = self.ledger.begin({"op": "add key", "name": name})
            try:
                secret = api.add_key(self.place, name, role=draw.choice(["admin", "admin", "read"]))
                self.ledger.end(number, ACKNOWLEDGED)
            except FirstSightError as error:
                self.ledger.end(number, REFUSED, str(error))
                continue
            lines = [line for line in (self.lines(s, secret) for s in self.services) if line]
            with contextlib.ExitStack() as stack:
                for line in lines:
                    stack.enter_context(line)
                self.used(draw, name, secret, lines)
            self.stop.wait(draw.random() * 0.5)

    def used(self, draw: random.Random, name: str, secret: str, lines: list[Line]) -> None:
        """A key is used, and revoked while its connections are open."""
        from firstsight import api
        from firstsight.errors import FirstSightError

        self.tried(lines, 200)
        if draw.random() < 0.1:
            return  # it stays
        if draw.random() < 0.35:
            self.command(draw, ["key", "revoke", self.place, name], {"op": "revoke", "name": name})
        else:
            number = self.ledger.begin({"op": "revoke", "name": name})
            try:
                api.revoke_key(self.place, name)
                self.ledger.end(number, ACKNOWLEDGED)
            except FirstSightError as error:
                self.ledger.end(number, REFUSED, str(error))
        if self.ledger.keys[name].revoked == ACKNOWLEDGED:
            self.tried(lines, 401)
            for service in self.services:
                if line := self.lines(service, secret):
                    with line:
                        self.tried([line], 401)

    def tried(self, lines: list[Line], expected: int) -> None:
        """A key is used; 503 is no answer to whether it is accepted."""
        for line in lines:
            with contextlib.suppress(OSError, http.client.HTTPException):
                for method, path, content in (
                    ("GET", "/v1/galleries", None),
                    ("POST", "/v1/galleries/main/identify", {"images": [encoded(picture(0, "0" * 12))]}),
                    ("GET", "/v1/galleries/door/identities?limit=1", None),
                ):
                    status, said = ask(line, method, path, content)
                    self.ledger.counts[f"key {'accepted' if expected == 200 else 'refused'}"] += status == expected
                    if status == 503:
                        self.ledger.refused(path, f"503 {self.message(said)}")
                    elif status != expected and not (expected == 200 and status == 409):
                        kind = "a revoked key was used" if expected == 401 else "a key was refused"
                        self.ledger.fault(kind, f"{method} {path}: {status} {str(said)[:200]}")

    def looks(self, draw: random.Random) -> None:
        """At drawn moments the truth is looked for, by each way in turn."""
        from firstsight.errors import FirstSightError
        from firstsight.gallery import Gallery

        kept = [Gallery.open(f"{self.place}#{name}") for name in GALLERIES] if draw.random() < 0.5 else []

        def by_service(service: Service) -> Seen | None:
            found: Seen = {}
            with contextlib.suppress(OSError, http.client.HTTPException):
                if (line := self.lines(service)) is None:
                    return None
                with line:
                    for name in GALLERIES:
                        listed = self.read(line, "GET", f"/v1/galleries/{name}/identities?limit=10000")
                        if listed is None:
                            return None
                        found[name] = {i["identity"] for i in listed}
                return found
            return None

        def by_python() -> Seen:
            found = {}
            for number, name in enumerate(GALLERIES):
                if kept:
                    found[name] = {i.identity for i in kept[number].identities()}
                else:
                    with Gallery.open(f"{self.place}#{name}") as gallery:
                        found[name] = {i.identity for i in gallery.identities()}
            return found

        def by_command() -> Seen | None:
            found = {}
            for name in GALLERIES:
                child = self.nursery.command("identities", f"{self.place}#{name}", "--json")
                child.wait()
                if child.code != 0:
                    self.ledger.refused("identities", child.said("err"))
                    return None
                found[name] = {i["identity"] for i in json.loads(child.said())}
            return found

        first, second = (lambda s=s: by_service(s) for s in self.services)  # type: ignore[misc]
        ways = list(zip(WAYS, (first, second, by_python, by_command), strict=True))
        try:
            while not self.stop.wait(draw.random() * 0.6):
                route, look = draw.choice(ways)
                try:
                    self.ledger.check(route, look)
                except FirstSightError as error:
                    self.ledger.refused(route, str(error))
        finally:
            for gallery in kept:
                gallery.close()

    def close(self) -> None:
        """When all have ended: the file is opened once more as anybody does, and everything is looked for in it."""
        from firstsight.errors import FirstSightError
        from firstsight.gallery import Gallery

        for _ in range(40):  # who was forked off by somebody that was killed may need a moment to die
            try:
                with Gallery.open(f"{self.place}#main") as gallery:
                    gallery.store.erase()
            except FirstSightError as error:
                self.ledger.fault("broken", f"it can't be opened at the end: {error}")
            left = [end for end in ("-wal", "-shm") if self.place.with_name(self.place.name + end).exists()]
            if not left:
                break
            time.sleep(0.25)
        else:
            self.ledger.fault("unexpected", f"{left} left when the last had closed it")
        with contextlib.closing(sqlite3.connect(self.place)) as db:
            for row in db.execute("PRAGMA integrity_check"):
                if row != ("ok",):
                    self.ledger.fault("broken", f"integrity_check: {row[0]}")
            self.ledger.settle(seen_in(db))
            places = {row[0] for row in db.execute("SELECT place FROM event WHERE place IS NOT NULL")}
            self.ledger.forget_places_of_gone()
            self.ledger.settle_more(places, {row[0] for row in db.execute("SELECT name FROM access")})
            images = collections.defaultdict(set)
            for name, data in db.execute(IMAGES):
                images[name].add(hashlib.sha256(data).hexdigest())
        allowed = set()
        for p in self.ledger.people.values():
            if p.required:
                allowed |= {f"qz{p.token}", f"im{p.token}", p.name}
                if images.get(p.name) != {p.sha}:
                    self.ledger.fault("lost", f"{p.gallery} {p.name}: its image is another or not there")
        for found in {m.decode() for m in re.findall(rb"(?:qz|im)[0-9a-f]{12}", self.place.read_bytes())} - allowed:
            self.ledger.fault("returned", f"{found} is in the bytes of the file")


def started(words: list[str], draw: random.Random | None) -> tuple[int, str, str]:
    """A process that is started and not forked, killed where there is a draw: exit code, output, errors."""
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if draw is not None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(draw.random() * 1.5)
        process.kill()
    out, err = process.communicate()
    return process.returncode, out, err


def make(folder: Path, draw: random.Random) -> Ledger:
    """A new file of galleries, with a key, and a few people in it."""
    from firstsight.gallery import Gallery
    from firstsight.stores.access import Access

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    ledger = Ledger()
    for name in GALLERIES:
        with Gallery.create(f"{folder / 'g.db'}#{name}", "glyphs", keep_sources=True) as gallery:
            for number in range(8):
                token = f"{draw.getrandbits(48):012x}"
                image = picture(number, token)
                op = {"op": "enroll", "gallery": name, "names": [f"qz{token}"], "tokens": [token], "number": number}
                asked = ledger.begin({**op, "shas": [hashlib.sha256(image).hexdigest()]})
                gallery.enroll(f"qz{token}", image, override=["all"])
                ledger.end(asked, ACKNOWLEDGED)
    access = Access(folder / "g.db")
    access.add("clients", "admin", secret=SECRET)
    access.close()
    return ledger


def rounds(many: int, minutes: float, seed: int, first: int = 0, say: Callable[[str], None] = print) -> dict[str, Any]:
    """So many rounds, or as many as the minutes allow: all counts, refusals by reason, and faults."""
    counts: collections.Counter[str] = collections.Counter()
    refusals: collections.Counter[str] = collections.Counter()
    faults: list[str] = []
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        ledger: Ledger | None = None
        for number in range(first, first + many):
            if time.monotonic() - began > 60 * minutes:
                break
            if ledger is None or number % FRESH == 0:
                ledger = make(folder / "galleries", random.Random(f"{seed} {number} made"))
                ledger.counts.clear()
            logs = folder / "logs"
            shutil.rmtree(logs, ignore_errors=True)
            logs.mkdir()
            nursery = Nursery(logs)
            try:
                Round(folder / "galleries", nursery, ledger, f"{seed} {number}").run()
            finally:
                nursery.close()
            counts["rounds"] += 1
            counts.update(ledger.counts)
            refusals.update(ledger.refusals)
            faults += [f"round {number}: {fault}" for fault in ledger.faults]
            for fault in ledger.faults[:5]:
                say(f"  {fault[:400]}")
            ledger.counts.clear()
            ledger.refusals.clear()
            broken = bool(ledger.faults)
            ledger.faults.clear()
            say(
                f"round {number}: {written(counts)} writes, {counts['remove']} removals, {counts['revoke']} "
                f"revocations, {len(faults)} faults, {(time.monotonic() - began) / counts['rounds']:.1f} s a round"
            )
            if broken:
                keep = ROOT / "build" / f"chaos-{seed}-{number}"
                shutil.rmtree(keep, ignore_errors=True)
                shutil.copytree(folder, keep)
                ledger = None
    return {
        "counts": dict(sorted(counts.items())),
        "refusals": dict(refusals.most_common(40)),
        "faults": faults[:100],
        "minutes": round((time.monotonic() - began) / 60, 1),
    }


def written(counts: dict[str, int]) -> int:
    """Writes that were acknowledged, each transaction once."""
    return sum(counts.get(op, 0) for op in ("enroll", "remove", "rename", "drop", "record", "add key", "revoke"))


def commit() -> str:
    """Of this checkout."""
    asked = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def table(result: dict[str, Any]) -> dict[str, int]:
    """What must be shown: how much happened, and how often what may not."""
    counts = result["counts"]
    rows = {"rounds": counts.get("rounds", 0), "acknowledged writes": written(counts)}
    rows |= {"removals": counts.get("remove", 0), "revocations": counts.get("revoke", 0)}
    rows |= {name: counts.get(name, 0) for name in LEAST if name.startswith("killed")}
    kinds = (
        "lost",
        "returned",
        "a revoked key was used",
        "a revoked key is back",
        "broken",
        "refused, but stored",
        "half",
    )
    rows |= {f"fault: {kind}": counts.get(f"fault: {kind}", 0) for kind in (*kinds, "a key was refused", "unexpected")}
    return rows


def main() -> None:
    """Run, print, and write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--minutes", type=float, default=600)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--trial", action="store_true", help="two rounds; print, write nothing")
    given = parser.parse_args()
    (ROOT / "build").mkdir(exist_ok=True)
    file = ROOT / "results" / "chaos.json"
    runs = json.loads(file.read_text())["result"]["runs"] if file.exists() and not given.trial else []
    first = sum(run["shown"]["rounds"] for run in runs if run["seed"] == given.seed)
    result = rounds(
        2 if given.trial else given.rounds, given.minutes, given.seed, first, lambda s: print(s, flush=True)
    )
    for reason, count in result["refusals"].items():
        print(f"{count:7} refused: {reason}")
    shown = table(result)
    told = {name: result[name] for name in ("minutes", "refusals", "faults")}
    runs.append({"seed": given.seed, "commit": commit(), "shown": shown, **told})
    whole = {name: sum(run["shown"][name] for run in runs) for name in shown}
    for name, count in whole.items():
        print(f"{name:34} {count:7}{f'  of {LEAST[name]}' if name in LEAST else ''}")
    if not given.trial:
        from make import record

        record("chaos", "python results/chaos.py", given.seed, {"shown": whole, "runs": runs})
    raise SystemExit(bool(result["faults"]))


if __name__ == "__main__":
    main()
