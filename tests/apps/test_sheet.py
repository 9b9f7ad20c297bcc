"""A CSV sheet executes nothing, whatever a spreadsheet takes for its separator; and it is for its owner alone."""

from __future__ import annotations

import csv
import io
import itertools
import random
from pathlib import Path

import pytest

from drawn import Cli
from firstsight import api
from firstsight.apps.sheet import sheet
from firstsight.gallery import Gallery
from firstsight.types import Event, Presence, Record

SEPARATORS = (",", ";", "\t", "|", ":", "，", "；")
SIGNS = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "﹣")


def event(text: str) -> Event:
    """An event in which all texts are this one."""
    return Event(1, text, text, text, True, -0.5, None, None, text, text, None, text)


def begins(made: str, separator: str) -> list[str]:
    """Cells that a spreadsheet with this separator would compute, numbers aside."""
    cells = itertools.chain.from_iterable(csv.reader(io.StringIO(made), delimiter=separator))
    return [
        c for c in cells if c.strip().startswith(SIGNS) and c.strip() != "-0.5" and not c.strip().startswith("-0.5,")
    ]


@pytest.mark.parametrize("separator", SEPARATORS)
@pytest.mark.parametrize("sign", SIGNS)
def test_no_cell_is_a_formula(separator: str, sign: str) -> None:
    """At the beginning, after each separator, with blanks or quotes about it: an apostrophe stands before the sign."""
    for before in ("", "a", 'a"', "a'", "'", '"'):
        for between in ("", " ", "\t", "\u00a0", "\u3000"):
            for text in (sign + "1", f"{between}{sign}1", f"{before}{separator}{between}{sign}cmd|' /C calc'!A0"):
                made = sheet([event(text)], Event)
                for read_by in SEPARATORS:
                    assert begins(made, read_by) == [], (text, read_by)


def test_any_text_is_shown_and_not_computed() -> None:
    """Texts drawn of signs, separators, blanks and quotes, whichever of the separators is taken."""
    r = random.Random(0)
    letters = [*SIGNS, *SEPARATORS, " ", '"', "'", "a", "1"]
    for _ in range(400):
        made = sheet([event("".join(r.choice(letters) for _ in range(r.randint(1, 9))))], Event)
        for separator in SEPARATORS:
            assert begins(made, separator) == []


def test_plain_text_is_as_it_was() -> None:
    """Dashes in names and between words, times and numbers are not touched."""
    for text in ("Jean-Luc", "gate 1 - north", "08:00:00+01:00", "2026-11-23", "a+b", "x=1", "mail@host", "a, b"):
        [row] = csv.DictReader(io.StringIO(sheet([event(text)], Event)))
        assert row["identity"] == text
        assert row["score"] == "-0.5"
    assert "'" not in sheet([Presence("a", "2026-11-23", "2026-11-23T08:00:00+01:00", None, 1, 0, True, ())], Presence)


def test_files_of_who_was_where_are_their_owners(tiny_model: Path, picture: Path, tmp_path: Path, cli: Cli) -> None:
    """Sheets, exports and copies have mode 0600, folders 0700, also in the place of a file that others could read."""
    place = tmp_path / "g.db"
    with Gallery.create(place, tiny_model, keep_sources=True) as gallery:
        gallery.enroll("alice", picture)
        gallery.verify("alice", picture, record=Record(keep_image=True))
    (tmp_path / "e.csv").write_text("old")
    (tmp_path / "e.csv").chmod(0o644)
    cli("gallery", "events", place, "--csv", tmp_path / "e.csv")
    cli("attendance", place, "--csv", tmp_path / "a.csv")
    api.export_gallery(place, out=tmp_path / "export")
    api.export_subject(place, "alice", out=tmp_path / "copy")
    made = [tmp_path / "e.csv", tmp_path / "a.csv", tmp_path / "export", tmp_path / "copy"]
    made += [file for folder in made[2:] for file in folder.rglob("*")]
    assert len(made) > 10
    assert {(f.is_dir(), f.stat().st_mode & 0o777) for f in made} == {(True, 0o700), (False, 0o600)}
    assert {f.stat().st_mode & 0o777 for f in tmp_path.glob("g.db*")} == {0o600}
