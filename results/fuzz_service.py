"""Malformed requests at a service that really runs: ``results/service-fuzz.json``.

python results/fuzz_service.py               20,000 of them, some minutes
python results/fuzz_service.py --trial       to see that it runs: 600; prints, writes nothing

Each is drawn from the seed and its number: mutated and cut bodies, bombs, wrong types, huge names, paths that climb,
SQL and HTML in names, unseen letters, strange heads, hundreds of parts, data: URLs, broken HTTP. Those that may wait
for an answer that does not come (lengths that lie, bytes that are no HTTP) have senders of their own, so that the
others need not wait for them; most are cut off after a moment, and some are left for the service to end. What is
legal after all is counted. Afterwards the service must be the process that it was, within its memory, have given no
5xx (503 of back-pressure counted apart) and left no connection open, and the store must hold what was legally
enrolled and no more.
"""

from __future__ import annotations

import argparse
import base64
import collections
import contextlib
import io
import json
import random
import re
import socket
import sqlite3
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from bench_service import ROOT, drawn, form, one, serving
from PIL import Image

SEED, MANY = 0, 20_000
QUICK, SLOW = 16, 32  # senders; together fewer than the service has places, so that nothing is refused unread
PATIENCE = 0.5  # seconds after which a slow sender falls silent
LEFT = 1 / 8  # of the slow ones, who wait until the service ends it
MEMORY = 640  # MiB: what bodies may take (sixteen of 16 MiB), twice, and the service itself
Random = random.Random
Request = tuple[str, bytes]  # a family, and the bytes on the wire
MAIN = "/v1/galleries/main"
VERBS = ("enroll", "replace", "annotate", "rename", "merge", "remove", "verify", "identify", "check", "forget", "drop")
GETS = ("identities", "references", "events", "attendance", "references/1/image", "events/1/image")
NASTY = (
    "'; DROP TABLE identity; --", '" OR 1=1 --', "x'); DELETE FROM reference; --", "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>", "{{7*7}}", "${jndi:ldap://x}", "$(touch executed)", "`touch executed`",
    "; touch executed", "| touch executed", "../../../../etc/passwd", "..\\..\\windows", "/etc/passwd", "file:///etc/passwd",
    "%00", "%2e%2e%2f", "\u202egpj.exe", "\ud7ff", "\u0000", "\n\r\nX-Evil: 1", "a" * 201, "b" * 100_000, "", " ", "\t",
    "𝕏" * 150, "e\u0301" * 90, "main#other", "-1", "1e999", "NaN", "None", "__class__", "%s%n%d",
)  # fmt: skip
IMAGE = drawn(1)


def http(method: str, path: str, body: bytes = b"", kind: str = "", more: str = "", length: int | None = None) -> bytes:
    """A request as it goes over the wire; the length may lie."""
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    head += f"Content-Type: {kind}\r\n" if kind else ""
    head += f"Content-Length: {len(body) if length is None else length}\r\n{more}\r\n"
    return head.encode("utf-8", "surrogatepass") + body


def verb(r: Random) -> str:
    """The address of a verb."""
    return f"{MAIN}/{r.choice(VERBS[:-2])}"


def noise(r: Random, most: int = 400) -> bytes:
    """Random bytes."""
    return r.randbytes(r.randint(0, most))


def mutated(r: Random, data: bytes) -> bytes:
    """Some bytes changed, doubled, taken away; or cut."""
    made = bytearray(data)
    for _ in range(r.randint(1, 8)):
        at = r.randrange(len(made) + 1)
        what = r.randrange(4)
        if what == 0 and at < len(made):
            made[at] = r.randrange(256)
        elif what == 1:
            made[at:at] = noise(r, 20)
        elif what == 2:
            del made[at : at + r.randint(1, 20)]
        else:
            del made[r.randrange(len(made) + 1) :]
    return bytes(made)


def value(r: Random, depth: int = 0) -> Any:
    """Any value of JSON."""
    kinds: list[Callable[[], Any]] = [
        lambda: r.choice(NASTY), lambda: None, lambda: r.random() < 0.5, lambda: r.randint(-(10**30), 10**30),
        lambda: r.uniform(-1e300, 1e300), lambda: [value(r, depth + 1) for _ in range(r.randint(0, 3))],
        lambda: {r.choice(NASTY)[:50]: value(r, depth + 1) for _ in range(r.randint(0, 3))},
        lambda: base64.b64encode(IMAGE).decode(),
    ]  # fmt: skip
    return r.choice(kinds[:5] if depth > 3 else kinds)()


def wrong_types(r: Random) -> Request:
    """JSON objects whose fields are of any type."""
    names = ["identity", "images", "metadata", "to", "into", "top", "record", "place", "direction", "before", "gallery"]
    content = {name: value(r) for name in r.sample(names, r.randint(0, 6))}
    body = json.dumps(content).encode("utf-8", "surrogatepass")
    return "wrong types", http("POST", verb(r), body, "application/json")


def broken_json(r: Random) -> Request:
    """JSON that is cut, mutated, nested too deep, or none."""
    good = json.dumps({"identity": "a", "images": [base64.b64encode(IMAGE).decode()]}).encode()
    deep = b"[" * r.randint(1, 200_000)
    body = r.choice([mutated(r, good), noise(r), deep, b'{"a":' * 5000, good[: r.randrange(len(good))]])
    return "broken JSON", http("POST", verb(r), body, "application/json")


def broken_form(r: Random) -> Request:
    """Forms that are cut or mutated, or whose boundary is another."""
    kind, body = form(identity=r.choice(NASTY[:10]), images=IMAGE)
    if r.random() < 0.2:
        kind = r.choice(
            ["multipart/form-data", "multipart/form-data; boundary=", f"multipart/form-data; boundary={'x' * 500}"]
        )
    return "broken form", http("POST", verb(r), mutated(r, body), kind)


def bad_image(r: Random) -> Request:
    """Images that are mutated, cut, of another format, or none."""
    buffer = io.BytesIO()
    Image.new("RGB", (30, 30), "red").save(buffer, r.choice(["GIF", "JPEG", "TIFF", "BMP", "WEBP", "PPM"]))
    body = r.choice(
        [mutated(r, IMAGE), mutated(r, buffer.getvalue()), noise(r), b"", b"<svg onload=alert(1)>", b"%PDF-1.4"]
    )
    kind, sent = form(identity="person 1", images=body)
    return "bad image", http("POST", f"{MAIN}/{r.choice(['verify', 'identify', 'enroll'])}", sent, kind)


def bomb(r: Random) -> Request:
    """PNGs that tell of many pixels, with rows that unpack to megabytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    side = r.choice([6000, 20_000, 65_535, 2**31 - 1])
    head = side.to_bytes(4, "big") * 2 + bytes([r.choice([1, 8]), r.choice([0, 2]), 0, 0, 0])
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", BOMB) + chunk(b"IEND", b"")
    kind, body = form(images=data)
    return "bomb", http("POST", f"{MAIN}/identify", body, kind)


BOMB = zlib.compress(bytes(16 << 20), 9)


def nasty_name(r: Random) -> Request:
    """SQL, HTML, shell, templates, paths and odd letters in names: legal ones are enrolled under that very name."""
    name = r.choice(NASTY) + (str(r.randrange(50)) if r.random() < 0.5 else "")
    content = {
        "identity": name,
        "images": [base64.b64encode(IMAGE).decode()],
        "metadata": [f"note={r.choice(NASTY)[:80]}"],
    }
    content["override"] = ["all"]  # the same image comes under many names
    if r.random() < 0.5:
        del content["metadata"]
    return "nasty name", http(
        "POST", f"{MAIN}/enroll", json.dumps(content).encode("utf-8", "surrogatepass"), "application/json"
    )


def nasty_path(r: Random) -> Request:
    """Paths that climb, are encoded twice, hold odd bytes, or are very long."""
    from urllib.parse import quote

    words = [quote(r.choice(NASTY)[:200], safe=r.choice(["", "/", "/.%"])) for _ in range(r.randint(1, 4))]
    base = r.choice(
        ["/", "/page/", "/v1/", "/v1/galleries/", f"{MAIN}/references/", "/page/../", "/page/%2e%2e/", "//"]
    )
    path = (base + "/".join(words))[: r.choice([200, 4000, 60_000])]
    return "nasty path", http(r.choice(["GET", "POST", "HEAD", "PUT"]), path.replace(" ", "%20"))


def nasty_query(r: Random) -> Request:
    """Queries with names and numbers that are none."""
    from urllib.parse import quote

    keys = [
        "search",
        "where",
        "limit",
        "after",
        "identity",
        "verb",
        "since",
        "until",
        "last",
        "size",
        "zone",
        "day",
        "format",
        "x",
    ]
    query = "&".join(f"{k}={quote(str(value(r, 9))[:300])}" for k in r.sample(keys, r.randint(1, 5)))
    return "nasty query", http("GET", f"{MAIN}/{r.choice(GETS)}?{query}")


def lying(r: Random) -> Request:
    """Lengths that lie, chunks that are none, kinds that are others, bodies that are compressed."""
    kind, body = form(images=IMAGE)
    path = f"{MAIN}/identify"
    made = [
        lambda: http("POST", path, body, kind, length=len(body) + r.randint(1, 10**9)),
        lambda: http("POST", path, body, kind, length=r.randrange(len(body))),
        lambda: http("POST", path, body, kind, length=10**18),
        lambda: http("POST", path, body, kind, length=-1),
        lambda: http("POST", path, body, r.choice(["text/html", "application/xml", "image/png", "a/b" * 1000])),
        lambda: http("POST", path, zlib.compress(bytes(1 << 20)), kind, "Content-Encoding: gzip\r\n"),
        lambda: http("POST", path, b"", kind, "Transfer-Encoding: chunked\r\n") + b"FFFFFFFF\r\n" + noise(r),
        lambda: http("POST", path, body, kind, f"X-Request-Id: {'i' * r.randint(1, 5000)}\r\n"),
        lambda: http("POST", path, body, kind, "Expect: 100-continue\r\n"),
    ]
    return "lying", r.choice(made)()


def no_http(r: Random) -> Request:
    """Bytes that are no HTTP, or nearly."""
    made = [noise(r), b"\x16\x03\x01\x02\x00" + noise(r), mutated(r, http("GET", f"{MAIN}/identities"))]
    return "no HTTP", r.choice([*made, b"GET " + b"a" * 100_000, b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 2000 + b"\r\n"])


HOSTS = (
    "localhost",
    "127.0.0.1",
    "[::1]",
    "[::1",
    "evil.example",
    "localhost.evil.example",
    "localhost:99999999",
    "@localhost",
    "localhost/../x",
    "LOCALHOST",
    "localhost, evil.example",
    "\u202elocalhost",
    "",
    " ",
    "a" * 5000,
    "0x7f.1",
    "127.1",
    "[]",
)
SAID = (
    ("Forwarded", ("for=127.0.0.1", "for=" + "[" * 500, "", ";;;")),
    ("X-Forwarded-For", ("127.0.0.1", "1.2.3.4, " * 200)),
    ("X-Forwarded-Host", ("localhost",)),
    ("X-Forwarded-Proto", ("https", "\u00e9")),
    ("Via", ("1.1 a",)),
    ("X-Real-IP", ("::1",)),
    ("Origin", ("null", "http://localhost", "http://[", "file://", "http://evil.example")),
    ("Sec-Fetch-Site", ("cross-site", "same-site", "same-origin", "none", "x" * 2000)),
    ("Sec-Fetch-Dest", ("image",)),
    ("Authorization", ("Bearer", "Bearer x", "Basic eDp4", "Bearer " + "x" * 9000, "bearer \u00e9")),
    ("Range", ("bytes=0-,1-",)),
    ("X-HTTP-Method-Override", ("DELETE",)),
    ("Access-Control-Request-Method", ("POST",)),
    ("Accept", ("*/*;q=" + "9" * 99,)),
    ("X-Request-Id", ("a\tb", "\x1b[31m", "i" * 65)),
    ("Content-Encoding", ("gzip", "identity")),
    ("Cookie", ("a=b; " * 300,)),
    ("A" * 3000, ("b",)),
    ("Upgrade", ("websocket", "h2c")),
    ("Connection", ("Upgrade", "X-Request-Id")),
    ("TE", ("trailers",)),
)


def strange_head(r: Random) -> Request:
    """Other hosts, origins and sites, what proxies say, keys that are none, methods that are others, by every route."""
    method = r.choice(["GET", "GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE", "PROPFIND"])
    path = r.choice([f"{MAIN}/{r.choice(GETS)}", verb(r), "/v1/galleries", "/v1/metrics", "/page/", "/v1/openapi.json"])
    kind, body = form(identity="person 1", images=IMAGE)
    said = [(name, r.choice(values)) for name, values in r.sample(SAID, r.randint(0, 4))]
    hosts = [r.choice(HOSTS) for _ in range(r.choice([0, 1, 1, 1, 1, 2]))]
    lines = [f"{method} {path} HTTP/1.1", *(f"Host: {host}" for host in hosts), *(f"{k}: {v}" for k, v in said)]
    lines += [f"Content-Type: {kind}", f"Content-Length: {len(body)}"] if method in ("POST", "PUT") else []
    head = "\r\n".join([*lines, "Connection: close", "", ""]).encode("utf-8", "surrogatepass")
    return "strange head", head + (body if method in ("POST", "PUT") else b"")


def many_parts(r: Random) -> Request:
    """Hundreds of parts, long and odd names of fields, headers of parts without end, and none at all."""
    number, boundary = r.choice([0, 1, 60, 97, 300, 5000]), b"--b\r\n"
    name = r.choice(["images", "identity", "metadata", "x", "", "a" * 3000, "\u202e", 'i"; filename="x', "__proto__"])
    more = r.choice(["", "Content-Type: a/b\r\n", "X: y\r\n" * 50, f"X: {'y' * 20_000}\r\n"])
    part = f'Content-Disposition: form-data; name="{name}"\r\n{more}\r\n'.encode() + r.choice([b"x", IMAGE[:99], b""])
    body = (boundary + part + b"\r\n") * number + r.choice([b"--b--\r\n", b"--b--" + b"\r\n" * 9999, b""])
    return "many parts", http("POST", verb(r), body, "multipart/form-data; boundary=b")


def data_url(r: Random) -> Request:
    """Images as data: URLs, whole, cut, escaped and of other kinds, in JSON and in forms."""
    text = base64.b64encode(IMAGE).decode()
    heads = ["data:image/png;base64,", "data:,", "DATA:;BASE64,", "data:", "data:" + ";" * 5000, "data:a;base64"]
    tails = [text, text[: r.randrange(len(text))], text.replace("+", "%2b"), "%", "%zz" * 99, "\u20ac"]
    sent = r.choice(heads) + r.choice(tails)
    if r.random() < 0.5:
        kind, body = form(images=sent.encode())
        return "data URL", http("POST", f"{MAIN}/identify", body, kind)
    content = json.dumps({"images": [sent] * r.choice([1, 2, 400])}).encode()
    return "data URL", http("POST", f"{MAIN}/identify", content, "application/json")


UNSEEN = "\u200b\u202e\u2066\u00ad\u3164\ufe0f\u034f\u0301\u0430\u03bf\uff41\u200d\x1b\x9b\ud800\U000e0041\U0001d41a"


def unseen_name(r: Random) -> Request:
    """Unseen, turned, styled, mixed and lone letters in names, places, keys and values, as they are and escaped."""
    words = ["".join(r.choice(UNSEEN + "alice ") for _ in range(r.randint(1, 9))) for _ in range(4)]
    content = {"identity": words[0], "images": [base64.b64encode(IMAGE).decode()], "override": ["all"]}
    content |= r.choice([{}, {"metadata": [f"{words[1]}={words[2]}"]}, {"record": True, "place": words[3]}])
    body = json.dumps(content, ensure_ascii=r.random() < 0.5).encode("utf-8", "surrogatepass")
    return "unseen name", http("POST", f"{MAIN}/{r.choice(['enroll', 'verify', 'rename'])}", body, "application/json")


def smuggled(r: Random) -> Request:
    """Lengths that come twice, beside chunks, with signs and blanks; heads folded, with odd ends and letters."""
    kind, body = form(images=IMAGE)
    size = len(body)
    more = r.choice(
        [
            f"Content-Length: {size}\r\n",
            "Content-Length: 0\r\n",
            "Transfer-Encoding: chunked\r\n",
            "Content-Length: +5\r\n",
            "Transfer-Encoding: identity, chunked\r\n",
            "Transfer-Encoding : chunked\r\n",
            "X: a\r\n b\r\n",
            "X: a\nHost: b\r\n",
            "X\x00Y: a\r\n",
            "Content-Length: 1e3\r\n",
            f"Content-Length: {'9' * 400}\r\n",
            "Expect: x\r\n",
            ": x\r\n",
        ]
    )
    after = r.choice([b"", b"GET /v1/drop HTTP/1.1\r\n\r\n"])
    return "smuggled", http("POST", f"{MAIN}/identify", body, kind, more) + after


FAMILIES = (
    (wrong_types, 4), (broken_json, 3), (broken_form, 4), (bad_image, 4), (bomb, 1), (nasty_name, 2), (nasty_path, 3),
    (nasty_query, 3), (lying, 2), (no_http, 2), (strange_head, 5), (many_parts, 3), (data_url, 2), (unseen_name, 3),
    (smuggled, 2),
)  # fmt: skip


def drawn_request(number: int) -> tuple[str, bytes, float]:
    """The request of a number: its family, its bytes, and the seconds its sender waits before it falls silent."""
    r = Random(f"{SEED} {number}")
    make = r.choice(MAKERS)
    patience = PATIENCE if make in WAITING and r.random() > LEFT else HELD
    return (*make(r), patience)


def family_of(number: int) -> Callable[[Random], Request]:
    """What draws the request of a number."""
    return Random(f"{SEED} {number}").choice(MAKERS)


MAKERS = [make for make, weight in FAMILIES for _ in range(weight)]
WAITING = (lying, no_http, smuggled)
LATE = 2.0  # seconds in which every answer must begin that is not waited for on purpose
HELD = 60.0  # seconds after which a connection that is neither answered nor closed is one that is held for ever


def send(port: int, data: bytes, patience: float = HELD, rest: float = HELD) -> tuple[str, bytes]:
    """Status of the answer ("closed" where there is none, "held" where nothing at all comes), and its body.

    Args:
        port: of the service.
        data: what is sent.
        patience: seconds until the answer begins; after fewer than ``HELD`` the sender falls silent, and waits on.
        rest: seconds in which some of the rest comes; a connection may be kept for another request after that.
    """
    got = b""
    try:
        with socket.create_connection(("127.0.0.1", port), HELD) as made:
            with contextlib.suppress(ConnectionError):
                made.sendall(data)
            made.settimeout(patience)
            try:
                got = made.recv(1 << 16)
            except TimeoutError:
                if patience >= HELD:
                    raise
                made.shutdown(socket.SHUT_WR)
                made.settimeout(HELD)
                got = made.recv(1 << 16)
            made.settimeout(rest)
            while got and (more := made.recv(1 << 16)):
                got += more
    except TimeoutError:
        if not got:
            return "held", got
    except ConnectionError:
        pass
    lines = re.findall(rb"HTTP/1\.1 (\d{3})", got)
    status = next((s.decode() for s in lines if s != b"100"), "closed")
    return status, got.partition(b"\r\n\r\n")[2]


def content_of(place: Path) -> dict[str, Any]:
    """All that a store holds: its schema and its rows."""
    with sqlite3.connect(f"{place.as_uri()}?mode=ro", uri=True) as db:
        tables = [t for (t,) in db.execute("SELECT name FROM sqlite_master WHERE type='table' ORDER BY name")]
        made: dict[str, Any] = {t: db.execute(f"SELECT * FROM {t} ORDER BY 1").fetchall() for t in tables}
        made["schema"] = db.execute("SELECT type, name, sql FROM sqlite_master ORDER BY 1, 2").fetchall()
        [made["integrity"]] = db.execute("PRAGMA integrity_check").fetchone()
    db.close()
    return made


def memory_of(pid: int, line: str) -> int:
    """MiB of a process: what it has (VmRSS), or had at most (VmHWM)."""
    return int(Path(f"/proc/{pid}/status").read_text().split(f"{line}:")[1].split()[0]) // 1024


def fuzz(folder: Path, many: int) -> dict[str, Any]:
    """Send all; what came back, and what is in the store."""
    place = folder / "fuzz.db"
    one("fill", place)
    before, counts = content_of(place), collections.Counter[str]()
    refused = collections.Counter[str]()
    bad: list[str] = []
    legal: set[str] = set()
    slowest: list[tuple[float, str]] = []
    lock = threading.Lock()
    files = sorted(p.name for p in folder.iterdir())

    def ask(number: int) -> None:
        family, data, patience = drawn_request(number)
        begun = time.monotonic()
        status, body = send(port, data, patience, PATIENCE if family == "no HTTP" else HELD)
        spent = time.monotonic() - begun
        with lock:
            if family_of(number) not in WAITING:
                slowest.append((round(spent, 2), f"{family}, request {number}"))
            counts[f"{family}: {status}"] += 1
            if status == "503" and b'"BusyError"' in body:
                refused["503 of back-pressure"] += 1
            elif status.startswith("5"):
                bad.append(f"{family}: {status} {body[:200]!r} for {data[:200]!r}")
            if status in ("200", "201") and b'"added":' in body and b'"openapi":' not in body:
                legal.add(json.loads(body)["identity"])

    with serving(place, "--timeout", "5") as (port, process):
        kind, good = form(images=IMAGE)
        for warm in ("identify", "check"):  # what a process does at its first answer is not the malformed request's
            send(port, http("POST", f"{MAIN}/{warm}", good, kind))
        began = time.monotonic()
        with ThreadPoolExecutor(QUICK) as quick, ThreadPoolExecutor(SLOW) as slow:
            asked = [(slow if family_of(n) in WAITING else quick).submit(ask, n) for n in range(many)]
        for one_of_them in asked:
            one_of_them.result()
        seconds = time.monotonic() - began
        alive = process.poll() is None and send(port, http("GET", "/v1/ready"))[0] == "200"
        memory = [memory_of(process.pid, line) for line in ("VmRSS", "VmHWM")] if alive else [0, 0]
        log = place.with_suffix(".log").read_text()
    after = content_of(place)
    names = {row[2] for row in after["identity"]} - {row[2] for row in before["identity"]}
    same = [t for t in ("gallery", "event", "access", "schema", "integrity") if after[t] != before[t]]
    kept = {row[0]: row for row in after["reference"]}
    gone = [row[0] for row in before["reference"] if kept.get(row[0]) != row]
    fresh = sorted(p.name for p in folder.iterdir() if p.name not in files and not p.name.startswith("fuzz"))
    return {
        "requests": sum(counts.values()),
        "senders": {"quick": QUICK, "slow": SLOW},
        "requests a second": round(many / seconds, 1),
        "by family and status": dict(sorted(counts.items())),
        "5xx": len(bad),
        "503 of back-pressure": refused["503 of back-pressure"],
        "examples of 5xx": bad[:5],
        "connections held": sum(n for told, n in counts.items() if told.endswith(": held")),
        "errors in the log": log.count('"level": "error"'),
        "tracebacks": log.count("Traceback"),
        "answers later than 2 s": sum(seconds > LATE for seconds, _ in slowest),
        "slowest, seconds": sorted(slowest)[-5:],
        "alive": alive,
        "legal enrolments": len(legal),
        "stored that was not legal": sorted(names - legal),
        "legal and not stored": sorted(legal - names),
        "references changed": len(gone),
        "tables changed": same,
        "files made": fresh,
        "memory afterwards and at most, MiB": memory,
    }


def broken(result: dict[str, Any]) -> list[str]:
    """What the service did not stand, of what it must."""
    none = ("5xx", "connections held", "errors in the log", "tracebacks", "answers later than 2 s")
    none += ("stored that was not legal", "legal and not stored")
    found = [what for what in (*none, "references changed", "tables changed", "files made") if result[what]]
    if not result["alive"]:
        found.append("it is not alive")
    if max(result["memory afterwards and at most, MiB"]) > MEMORY:
        found.append(f"it took more than {MEMORY} MiB")
    return found


def main() -> None:
    """Send all; print, and write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trial", action="store_true", help="few; print, write nothing")
    given = parser.parse_args()
    (ROOT / "build").mkdir(exist_ok=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as made:
        with contextlib.chdir(made):  # what is executed would leave its traces here
            result = fuzz(Path(made), 600 if given.trial else MANY)
    result["seconds"] = round(time.monotonic() - began)
    print(json.dumps(result, indent=1))
    if not given.trial:
        from make import record

        record("service-fuzz", "python results/fuzz_service.py", SEED, result)
    if found := broken(result):
        raise SystemExit(f"the service did not stand it: {'; '.join(found)}")


if __name__ == "__main__":
    main()
