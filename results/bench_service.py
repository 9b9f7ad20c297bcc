"""The service beside the bare cost of its work, in one run: ``results/bench-service.json``.

python results/bench_service.py                 on a machine that does nothing else; half an hour and some minutes
python results/bench_service.py --minutes 1     a shorter mixed load
python results/bench_service.py --trial         to see that it runs: small sizes; prints, writes nothing
python results/bench_service.py one WHAT ...    one process of it, as the first form starts them

Bare is one process that decodes, embeds and searches, one image after another; the service is asked by 16 clients in a
process of its own (bench/service/generator.py) on the same cores. Every run of the encoder has one thread on both
sides; the cores are the same two, or all there are. Beside it stands bare with as many threads as there are cores.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import io
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import numpy as np
from PIL import Image, ImageDraw

SEED, CLIENTS, ENROLLED, PROBES, WORKERS = 0, 16, 1000, 64, 4
ROOT = Path(__file__).parents[1]
GENERATOR = ROOT / "bench" / "service" / "generator.py"
CORES = sorted(os.sched_getaffinity(0))[:2]
MAIN = "/v1/galleries/main"


def threads(number: int) -> dict[str, str]:
    """An environment in which every library has so many threads."""
    return {**os.environ, **{f"{name}_NUM_THREADS": str(number) for name in ("OMP", "OPENBLAS", "MKL")}}


def drawn(number: int) -> bytes:
    """A sign as PNG: some strokes of a pen on 105 x 105 pixels."""
    r = random.Random(number)
    image = Image.new("L", (105, 105), 255)
    corners = [(r.randint(10, 95), r.randint(10, 95)) for _ in range(5)]
    ImageDraw.Draw(image).line(corners, fill=0, width=3)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def fill(place: str) -> dict[str, Any]:
    """A gallery of the shipped glyphs with some identities of random embeddings, and a few that are drawn."""
    from firstsight.gallery import Gallery
    from firstsight.types import Entry

    with Gallery.create(place, "glyphs") as gallery:
        made = np.random.default_rng(SEED).standard_normal((ENROLLED, gallery.model.dim)).astype(np.float32)
        made /= np.linalg.norm(made, axis=1, keepdims=True)
        gallery.store.add([Entry(f"person {i}", v[None], ["given"]) for i, v in enumerate(made)])
    return {}


def bare(place: str, seconds: float) -> dict[str, Any]:
    """Images a second through decode, embed and search, one after another."""
    from firstsight.gallery import Gallery

    with Gallery.open(place) as gallery:
        probes = [drawn(n) for n in range(PROBES)]
        for probe in probes[:16]:
            gallery.identify(probe)
        began, done = time.perf_counter(), 0
        while time.perf_counter() < began + seconds:
            gallery.identify(probes[done % PROBES])
            done += 1
        return {"rate": done / (time.perf_counter() - began)}


def told(words: list[str], environment: dict[str, str]) -> dict[str, Any]:
    """The last line of a process of its own, on the cores that all have."""
    words = ["taskset", "-c", ",".join(map(str, CORES)), sys.executable, *words]
    done = subprocess.run(words, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def one(what: str, *words: object, number: int = 1) -> dict[str, Any]:
    """A part of this script in a process of its own."""
    return told([__file__, "one", what, *map(str, words)], threads(number))


def generate(port: int, seconds: float, requests: Path, rate: float | None = None) -> dict[str, Any]:
    """What the generator saw."""
    words = [str(GENERATOR), str(port), str(CLIENTS), str(seconds), str(requests)]
    return told([*words, *([] if rate is None else [str(rate)])], threads(1))


def form(**fields: str | bytes) -> tuple[str, bytes]:
    """Content type and bytes of a form; bytes are a file."""
    parts = []
    for name, value in fields.items():
        file = '; filename="image"' if isinstance(value, bytes) else ""
        head = f'--b\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode()
        parts.append(head + (value if isinstance(value, bytes) else value.encode()))
    return "multipart/form-data; boundary=b", b"\r\n".join([*parts, b"--b--\r\n"])


def write(place: Path, requests: list[tuple[str, str, dict[str, str | bytes]]]) -> Path:
    """Requests (name, verb, fields) for the generator."""
    with place.open("w") as lines:
        for name, verb, fields in requests:
            kind, body = form(**fields)
            row = {"name": name, "path": f"{MAIN}/{verb}", "type": kind, "body": base64.b64encode(body).decode()}
            lines.write(json.dumps(row) + "\n")
    return place


@contextlib.contextmanager
def serving(place: Path, *words: str) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A service on the cores, with one thread a run; its port."""
    log = place.with_suffix(".log")
    command = ["taskset", "-c", ",".join(map(str, CORES)), sys.executable, "-m", "firstsight", "serve", str(place)]
    with log.open("w") as out:
        process = subprocess.Popen([*command, "--port", "0", "--rate", "0", *words], stderr=out, env=threads(1))
    try:
        deadline = time.monotonic() + 60
        while (found := re.search(r"at http://127\.0\.0\.1:(\d+)/", log.read_text())) is None:
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(log.read_text())
            time.sleep(0.05)
        port = int(found[1])
        while not ready(port):
            time.sleep(0.05)
        yield port, process
    finally:
        process.terminate()
        process.wait(60)


def ready(port: int) -> bool:
    """Whether it answers."""
    with contextlib.suppress(OSError):
        return bool(urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/ready", timeout=5).status == 200)
    return False


def throughput(folder: Path, turns: int, seconds: float) -> dict[str, Any]:
    """Identifications a second of 16 clients, and bare in turn with them."""
    place = folder / "bench.db"
    probes = write(folder / "probes", [("identify", "identify", {"images": drawn(n)}) for n in range(PROBES)])
    alone, many, served, times = [], [], [], []
    with serving(place) as (port, _):
        generate(port, min(2, seconds), probes)
        for _ in range(turns):
            alone.append(one("bare", place, seconds)["rate"])
            many.append(one("bare", place, seconds, number=len(CORES))["rate"])
            seen = generate(port, seconds, probes)
            if set(seen["counts"]) != {"identify 200"}:
                raise SystemExit(f"the service answered {seen['counts']}")
            served.append(len(seen["times"]) / seen["seconds"])
            times += [t for _, _, t in seen["times"]]
    pairs = [s / a for s, a in zip(served, alone, strict=True)]
    return {
        "clients": CLIENTS,
        "enrolled": ENROLLED,
        "service, a second": round(median(served), 1),
        "bare, one thread, a second": round(median(alone), 1),
        f"bare, {len(CORES)} threads, a second": round(median(many), 1),
        "ratio": round(median(served) / median(alone), 3),
        "lowest and highest ratio": [round(edge(pairs), 3) for edge in (min, max)],
        f"ratio to bare of {len(CORES)} threads": round(median(served) / median(many), 3),
        "p50 ms": round(median(times), 1),
        "p99 ms": round(float(np.percentile(times, 99)), 1),
    }


def mixed(folder: Path, minutes: float, rate: float) -> dict[str, Any]:
    """Half an hour at a steady rate: identify, verify, enroll, remove; errors, times, memory."""
    requests: list[tuple[str, str, dict[str, str | bytes]]] = []
    more = {"override": "all"} if "override" in signature() else {}
    half = (
        PROBES // 2
    )  # who is removed was enrolled that many rounds before, so that no removal overtakes its enrolment
    guests = [{"identity": f"guest {n}", "images": drawn(1000 + n), **more} for n in range(PROBES)]
    for n in range(PROBES):
        requests.append(("enroll", "enroll", guests[n]))
        requests += [("identify", "identify", {"images": drawn(m)}) for m in range(n, n + 12)]
        requests += [("verify", "verify", {"identity": "person 1", "images": drawn(n)})] * 2
        requests.append(("remove", "remove", {"identity": f"guest {(n + half) % PROBES}"}))
    file, memory = write(folder / "mixed", requests), []
    with serving(folder / "bench.db") as (port, process):
        for guest in guests[half:]:
            ask(port, "enroll", **guest)
        stop = threading.Event()

        def watch() -> None:
            while not stop.wait(max(0.5, minutes)):
                status = Path(f"/proc/{process.pid}/status").read_text()
                memory.append(int(status.split("VmRSS:")[1].split()[0]) / 1024)

        watcher = threading.Thread(target=watch)
        watcher.start()
        seen = generate(port, 60 * minutes, file, rate)
        stop.set()
        watcher.join()
    times = [t for _, _, t in seen["times"]]
    late = [t for at, _, t in seen["times"] if at > 30 * minutes]
    answered = {k: v for k, v in seen["counts"].items() if k.split()[1] in ("200", "201")}
    later = memory[len(memory) // 5 :] or [0.0]  # after what is made at first use is made
    p50, p99 = median(times), float(np.percentile(times, 99))
    return {
        "minutes": minutes,
        "asked, a second": round(rate, 1),
        "answered": answered,
        "errors": {k: v for k, v in seen["counts"].items() if k not in answered},
        "p50 ms": round(p50, 1),
        "p99 ms": round(p99, 1),
        "p99 / p50": round(p99 / p50, 2),
        "p99 / p50 of the second half": round(float(np.percentile(late, 99)) / median(late), 2),
        "memory MiB, after a fifth, at the end, at most": [round(v, 1) for v in (later[0], later[-1], max(later))],
        "memory, end / after a fifth": round(later[-1] / max(1.0, later[0]), 3),
    }


def signature() -> set[str]:
    """What enrolling takes."""
    import inspect

    from firstsight.gallery import Gallery

    return set(inspect.signature(Gallery.enroll).parameters)


def ask(port: int, verb: str, **fields: str | bytes) -> Any:
    """One request on a connection of its own, so by any of the processes."""
    kind, body = form(**fields)
    asked = urllib.request.Request(f"http://127.0.0.1:{port}{MAIN}/{verb}", body, {"Content-Type": kind})
    with urllib.request.urlopen(asked, timeout=30) as answer:
        return json.load(answer)


def seen_by_all(folder: Path, times: int) -> dict[str, Any]:
    """Milliseconds from an acknowledged enrolment until no process answers without it: asked until 16 in a row know."""
    found = []
    with serving(folder / "bench.db", "--workers", str(WORKERS)) as (port, _):
        image = drawn(5000)
        for _ in range(4 * WORKERS):
            ask(port, "identify", images=image)
        for turn in range(times):
            name, more = f"late {turn}", {"override": "all"} if "override" in signature() else {}
            ask(port, "enroll", identity=name, images=image, **more)
            acknowledged, last, row = time.perf_counter(), 0.0, 0
            while row < 16:
                known = ask(port, "identify", images=image)[0]["candidates"][0]["identity"] == name
                row = row + 1 if known else 0
                if not known:
                    last = time.perf_counter() - acknowledged
            found.append(1000 * last)
            ask(port, "remove", identity=name)
    return {
        "processes": WORKERS,
        "enrolments": times,
        "answers that did not know it": sum(ms > 0 for ms in found),
        "most ms": round(max(found), 1),
    }


def main() -> None:
    """Measure all; print, and write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trial", action="store_true", help="small sizes; print, write nothing")
    parser.add_argument("--minutes", type=float, default=30, help="of mixed load")
    given = parser.parse_args()
    minutes, turns, seconds = (0.1, 1, 2.0) if given.trial else (given.minutes, 5, 10.0)
    result: dict[str, Any] = {
        "cores": CORES,
        "threads a run of the encoder": 1,
        "load before": round(os.getloadavg()[0], 2),
    }
    (ROOT / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as made:
        folder = Path(made)
        one("fill", folder / "bench.db")
        result["identify"] = throughput(folder, turns, seconds)
        print(result["identify"], flush=True)
        result["mixed load at half of that"] = mixed(folder, minutes, result["identify"]["service, a second"] / 2)
        print(result["mixed load at half of that"], flush=True)
        result["an enrolment is seen by all"] = seen_by_all(folder, 3 if given.trial else 50)
    for name, row in result.items():
        print(name, row)
    if not given.trial:
        from make import record

        record("bench-service", "python results/bench_service.py", SEED, result)


PARTS = {"fill": fill, "bare": lambda place, seconds: bare(place, float(seconds))}

if __name__ == "__main__":
    if sys.argv[1:2] == ["one"]:
        print(json.dumps(PARTS[sys.argv[2]](*sys.argv[3:])))
    else:
        main()
