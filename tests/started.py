"""Processes that tests start: services, the command line, and others who look at a gallery's file."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

Start = Callable[..., tuple[subprocess.Popen[str], str]]

LOOKS = """
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as db:
    print(db.execute("SELECT count(*) FROM identity").fetchone()[0])
db.close()
"""
"""Another program that knows SQLite and nothing of FirstSight; the last to close a file moves the log into it."""


@contextmanager
def starting(folder: Path) -> Iterator[Start]:
    """``start(store, "--workers", 2)``: a service, and the URL that it says; its log is ``log-N`` in the folder."""
    running: list[subprocess.Popen[str]] = []

    def start(*words: object) -> tuple[subprocess.Popen[str], str]:
        log = folder / f"log-{len(running)}"
        alone = {**os.environ, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "firstsight", "serve", *map(str, words), "--port", "0"]
        with log.open("w") as out:
            process = subprocess.Popen(command, stderr=out, stdout=out, text=True, env=alone)
        running.append(process)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            found = re.search(r"at (http://\S+?)/ ", log.read_text())
            if found and answers(found[1]):
                return process, found[1]
            time.sleep(0.05)
        raise AssertionError(log.read_text())

    try:
        yield start
    finally:
        for process in running:
            if process.poll() is None:
                process.terminate()
                process.wait(30)


def answers(url: str) -> bool:
    """Whether somebody answers there."""
    try:
        return httpx2.get(f"{url}/v1/health").status_code == 200
    except httpx2.TransportError:
        return False


def command(*words: object) -> str:
    """What a command of FirstSight prints, in a process of its own."""
    return told("-m", "firstsight", *words)


def looked(place: Path) -> int:
    """How many identities a program sees that knows SQLite and nothing of FirstSight."""
    return int(told("-c", LOOKS, place))


def backup(place: Path, to: Path) -> None:
    """The backup that docs/gallery.md recommends, by SQLite's own means."""
    told("-c", "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('VACUUM INTO ?', sys.argv[2:])", place, to)


def told(*words: object) -> str:
    """What another Python prints."""
    done = ran(*words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def ran(*words: object) -> subprocess.CompletedProcess[str]:
    """Another Python, at its end."""
    return subprocess.run([sys.executable, *map(str, words)], capture_output=True, text=True, check=False, timeout=60)
