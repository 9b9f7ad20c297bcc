"""Nothing that a terminal obeys is printed raw, wherever it comes from."""

from __future__ import annotations

import json
import logging
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from drawn import Cli
from firstsight import api
from firstsight.gallery import Gallery
from firstsight.serve.logs import Lines
from firstsight.terminal import in_line, visible

ESC = "\x1b[31m\x1b]0;title\x07"
EVIL = f"a{ESC}\x9b2J\u202egnp.\r\u200bz"


def raw(text: str) -> list[str]:
    """What a terminal would obey in it, or hide."""
    return [c for c in text if c not in "\n\t" and not c.isprintable()]


def test_what_is_obeyed_is_written_out() -> None:
    """Controls of both sets, orders of direction and unseen characters are spelled as JSON spells them."""
    assert visible("a\x1bb\x9bc\u202ed\U000e0041\r\x7f") == r"a\u001bb\u009bc\u202ed\udb40\udc41\u000d\u007f"
    assert raw(visible("".join(map(chr, range(0x3000))))) != []  # what is not assigned is no order
    assert json.loads(visible(json.dumps(EVIL, ensure_ascii=False))) == EVIL
    assert visible("zoë 名前 می\u200cخواهم 👩\u200d🔬\n\t") == "zoë 名前 می\u200cخواهم 👩\u200d🔬\n\t"
    assert in_line(Path("a\nb\tc")) == r"a\nb\tc"


@pytest.fixture
def place(tiny_model: Path, tmp_path: Path, picture: Path) -> Path:
    """A gallery with one identity, and a picture of an evil name beside it."""
    with Gallery.create(tmp_path / "g.db", tiny_model) as gallery:
        gallery.enroll("alice", picture)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / f"{EVIL}\nerror: fake.png").write_bytes(picture.read_bytes())
    (tmp_path / "photos" / f"{EVIL}2.png").write_bytes(b"no image")
    return tmp_path / "g.db"


def test_no_command_prints_it(place: Path, tiny_model: Path, picture: Path, cli: Cli) -> None:
    """File names, arguments, names in the store and in models, as text, as JSON and in errors."""
    photos = place.parent / "photos"
    bad = next(photos.glob("*2.png"))
    odd = next(photos.glob("*fake.png"))
    import sqlite3

    with sqlite3.connect(place) as db:
        db.execute("UPDATE identity SET name=?", (EVIL,))
        db.execute("INSERT INTO access VALUES (1, ?, 'read', x'00', ?, NULL)", (EVIL, EVIL))
    db.close()
    commands: list[tuple[object, ...]] = [
        ("identities", place),
        ("list", place),
        ("key", "list", place),
        ("gallery", "list", place),
        ("identify", place, odd),
        ("identify", place, odd, picture),
        ("identify", place, bad),
        ("identify", place, photos),
        ("check", place, odd),
        ("verify", place, EVIL, odd),
        ("compare", tiny_model, odd, odd),
        ("enroll", place, EVIL, odd),
        ("compare", f"./{EVIL}", odd, odd),
        ("gallery", "create", f"{place}#{EVIL}", "--model", tiny_model),
        (EVIL,),
        ("gallery", "events", place, "--verb", EVIL),
        ("attendance", place, "--csv", photos / f"{EVIL}.csv"),
        ("train", EVIL),
        ("gallery", "events", place, "--csv", photos / f"{EVIL}.csv"),
        ("doctor", photos / EVIL),
        ("evaluate", EVIL, EVIL),
        ("key", "revoke", place, EVIL),
        ("serve", photos / EVIL),
        ("rename", place, EVIL, "bob"),
        ("remove", place, EVIL),
    ]
    for command in commands:
        for json_too in ((), ("--json",)):
            if json_too and command[0] in ("serve", EVIL):
                continue
            ran = cli(*command, *json_too)
            assert raw(ran.out + ran.err) == [], (command, ran)
            assert not any(line.startswith("error: fake") for line in (ran.out + ran.err).splitlines()), command


def test_a_terminal_gets_its_own_orders_alone(place: Path) -> None:
    """On a terminal tables may have colours, and what is in their cells has none."""
    odd = place.parent / "photos"
    api.annotate(place, "alice", ["team=red"])
    near, far = pty.openpty()
    code = f"import sys; from firstsight.cli import main; sys.exit(main(['identify', {str(place)!r}, {str(odd)!r}]))"
    listed = f"import sys; from firstsight.cli import main; sys.exit(main(['identities', {str(place)!r}]))"
    for script in (code, listed):
        subprocess.run([sys.executable, "-c", script], stdout=far, stderr=far, timeout=120)
    os.close(far)
    got = b""
    while True:
        try:
            more = os.read(near, 1 << 16)
        except OSError:
            break
        if not more:
            break
        got += more
    os.close(near)
    assert b"alice" in got
    assert b"\x1b[31m" not in got
    assert b"\x1b]0" not in got


def test_a_line_of_the_log_is_one_line() -> None:
    """What a key is called, or a client sends, ends no line and orders no terminal; JSON reads it as it was."""
    record = logging.LogRecord("firstsight.serve", logging.INFO, "", 0, "request", None, None)
    record.fields = {"key": EVIL, "request": "a\nb"}
    line = Lines().format(record)
    assert raw(line) == []
    assert "\n" not in line
    assert json.loads(line)["key"] == EVIL
