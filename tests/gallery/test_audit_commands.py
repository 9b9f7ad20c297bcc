"""Events, attendance, forgetting and the copy for a person, from the command line and through the api."""

from __future__ import annotations

import csv
import dataclasses
import json
import shutil
import stat
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from drawn import Cli, Refused, draw
from firstsight import api
from firstsight.errors import GalleryError
from firstsight.gallery import Gallery
from firstsight.types import Record


@pytest.fixture
def gallery(tiny_model: Path, shapes: Path, tmp_path: Path) -> Path:
    """A gallery with one reference of each of the six shapes, whose images are kept."""
    Gallery.create(tmp_path / "g.db", tiny_model, keep_sources=True).close()
    api.enroll(tmp_path / "g.db", data=str(shapes))
    return tmp_path / "g.db"


def test_a_day_at_a_door(gallery: Path, shapes: Path, tmp_path: Path, cli: Cli) -> None:
    """What the doors record is listed, written as CSV, turned into attendance, and forgotten."""
    ring = shapes / "ring" / "0.png"
    at_door = ("--record", "--place", "door-1", "--actor", "reader")
    assert cli("verify", gallery, "ring", ring, *at_door, "--direction", "in", "--keep-image").code == 0
    assert cli("identify", gallery, ring, *at_door, "--direction", "out").code == 0
    assert cli("identify", gallery, ring).code == 0
    told = cli("gallery", "events", gallery, "--json").json
    assert [(e["verb"], e["identity"], e["same"], e["direction"], e["kept"]) for e in told] == [
        ("verify", "ring", True, "in", True),
        ("identify", "ring", True, "out", False),
    ]
    assert told == [dataclasses.asdict(e) for e in api.events(gallery)]
    listed = cli("gallery", "events", gallery, "--last", "1", "--csv", tmp_path / "e.csv")
    assert "Z  identify: ring, probability " in listed.out
    assert listed.out.splitlines()[0].endswith(", door-1 out, by reader")
    assert "verify" not in listed.out
    with (tmp_path / "e.csv").open(newline="") as file:
        assert [row["verb"] for row in csv.DictReader(file)] == ["identify"]
    (row,) = cli("attendance", gallery, "--csv", tmp_path / "a.csv", "--zone", "UTC", "--json").json
    assert (row["identity"], row["events"], row["open"], row["day"]) == ("ring", 2, False, told[0]["at"][:10])
    with (tmp_path / "a.csv").open(newline="") as file:
        assert [row["identity"] for row in csv.DictReader(file)] == ["ring"]
    assert "0:00" in cli("attendance", gallery, "--since", "2026-01-01").out
    assert cli("gallery", "forget", gallery, "--older-than", "1h", "--json").json["forgotten"] == 0
    assert "2 events before" in cli("gallery", "forget", gallery, "--before", "2999-01-01").out
    assert "nothing like that" in cli("gallery", "events", gallery).out
    assert "nobody was seen" in cli("attendance", gallery).out


def test_every_verb_that_writes_is_recorded_from_the_command_line(gallery: Path, shapes: Path, cli: Cli) -> None:
    """``--record`` with place and actor is the same at every verb; a bulk enrolment leaves an event an identity."""
    said = ("--record", "--place", "desk", "--actor", "clerk")
    for command in (
        ("enroll", gallery, "new", shapes / "ring" / "1.png"),
        ("annotate", gallery, "new", "a=b"),
        ("replace", gallery, "new", shapes / "ring" / "2.png"),
        ("rename", gallery, "new", "newer"),
        ("merge", gallery, "newer", "bars"),
        ("remove", gallery, "cross"),
    ):
        assert cli(*command, *said).code == 0
    told = [(e.verb, e.identity, e.place, e.actor) for e in api.events(gallery)]
    assert told == [
        *((verb, "bars", "desk", "clerk") for verb in ("enroll", "annotate", "replace", "rename", "merge")),
        ("remove", None, "desk", "clerk"),
    ]
    assert cli("enroll", gallery, "--data", shapes, "--each", "2", "--record").code == 0
    assert [e.identity for e in api.events(gallery, after=6)] == [*sorted(e.name for e in shapes.iterdir())]


def test_commands_that_do_not_fit_are_refused(gallery: Path, shapes: Path, tmp_path: Path, refused: Refused) -> None:
    """What is said of an event that is not asked for, and questions that contradict themselves, are sentences."""
    ring = shapes / "ring" / "0.png"
    for arguments, word in (
        (("identify", gallery, ring, "--place", "x", "--keep-image"), "--place and --keep-image came without --record"),
        (("verify", gallery, "ring", ring, "--direction", "in"), "--direction came without --record"),
        (("remove", gallery, "ring", "--actor", "x"), "--actor came without --record"),
        (("identify", gallery, ring, "--record", "--direction", "up"), "in or out was expected"),
        (("identify", gallery, "--data", shapes, "--record"), "--record"),
        (("gallery", "events", gallery, "--verb", "look"), "known: annotate"),
        (("gallery", "events", gallery, "--limit", "0"), "at least 1"),
        (("gallery", "events", gallery, "--identity", "nobody"), "not enrolled"),
        (("gallery", "forget", gallery), "was expected"),
        (("gallery", "forget", gallery, "--before", "2026-01-01", "--older-than", "3d"), "either before"),
        (("gallery", "forget", gallery, "--before", ""), "is no time"),
        (("gallery", "forget", gallery, "--older-than", "soon"), "is no length of time"),
        (("attendance", gallery, "--day", "monday"), "is no day"),
        (("attendance", gallery, "--day", "2026-11-23", "--since", "2026-11-23"), "not both"),
        (("attendance", gallery, "--until", "2026-11-23"), "without since"),
        (("attendance", gallery, "--since", "2026-11-24", "--until", "2026-11-23"), "the earlier one"),
        (("attendance", gallery, "--zone", "Mars/Base"), "no time zone"),
        (("attendance", gallery, "--longest", "0"), "longest is 0"),
    ):
        refused(2, arguments, word)
    refused(3, ("gallery", "events", gallery, "--csv", tmp_path), "can't be written")
    assert api.events(gallery) == []
    assert "ring" in {i.identity for i in api.identities(gallery)}


def test_what_happened_is_told_without_the_model(model_copy: Path, picture: Path, tmp_path: Path, cli: Cli) -> None:
    """Events, attendance, forgetting and the copy for a person need no model, so they outlive its directory."""
    place = tmp_path / "m.db"
    api.create(place, model=model_copy).close()
    api.enroll(place, "alice", [picture])
    api.verify(place, "alice", picture, record=Record())
    shutil.rmtree(model_copy)
    assert len(cli("gallery", "events", place, "--json").json) == 1
    assert len(cli("attendance", place, "--json").json) == 1
    assert cli("gallery", "export-subject", place, "alice", "--out", tmp_path / "alice").code == 0
    assert cli("gallery", "forget", place, "--before", "2999-01-01").code == 0


# --- the copy for a person


@pytest.fixture
def known(gallery: Path, shapes: Path, tmp_path: Path) -> Path:
    """A gallery in which much is known of Zoë."""
    draw("ring", 77).save(tmp_path / "probe.jpg")
    with Gallery.open(gallery) as opened:
        opened.rename("ring", "Zoë")
        opened.enroll("Zoë", shapes / "ring" / "1.png", metadata={"site": "north"})
        opened.annotate("Zoë", {"team": "red"})
        opened.verify("Zoë", tmp_path / "probe.jpg", record=Record("door-1", "in", "reader", keep_image=True))
        opened.verify("bars", shapes / "bars" / "0.png", record=Record("door-2"))
        opened.enroll("Zoë", shapes / "ring" / "2.png", record=Record(actor="clerk"))
    return gallery


def test_a_copy_holds_all_that_is_known_of_somebody(known: Path, shapes: Path, tmp_path: Path, cli: Cli) -> None:
    """References, numbers, events, pictures and words of the person are in it as in the gallery, for its owner."""
    out = tmp_path / "zoe"
    receipt = cli("gallery", "export-subject", known, "Zoë", "--out", out, "--json").json
    assert receipt == {"identity": "Zoë", "out": str(out), "references": 3, "events": 2, "images": 4}
    assert stat.S_IMODE(out.stat().st_mode) == 0o700
    files = {str(f.relative_to(out)) for f in out.rglob("*") if f.is_file()}
    references, events = (
        [json.loads(line) for line in (out / name).read_text().splitlines()]
        for name in ("references.jsonl", "events.jsonl")
    )
    images = {row["image"] for row in (*references, *events) if row["image"]}
    named = {"README.txt", "identity.json", "references.jsonl", "embeddings.npy", "events.jsonl"}
    assert files == named | images
    with Gallery.open(known) as opened:
        assert [{k: v for k, v in r.items() if k != "image"} for r in references] == [
            dataclasses.asdict(r) for r in opened.list(identity="Zoë")
        ]
        assert [{k: v for k, v in e.items() if k != "image"} for e in events] == [
            dataclasses.asdict(e) for e in opened.events(identity="Zoë")
        ]
        assert np.array_equal(np.load(out / "embeddings.npy"), opened.store.vectors("Zoë"))
    for row, source in zip(references, ("0.png", "1.png", "2.png"), strict=True):
        assert (out / row["image"]).read_bytes() == (shapes / "ring" / source).read_bytes()
        assert row["image"].endswith(".png")
    assert (out / events[0]["image"]).read_bytes() == (tmp_path / "probe.jpg").read_bytes()
    assert events[0]["image"].endswith(".jpg")
    about = json.loads((out / "identity.json").read_text())
    assert (about["identity"], about["metadata"]) == ("Zoë", {"team": "red"})


def test_a_copy_explains_itself_and_names_nobody_else(known: Path, tmp_path: Path) -> None:
    """README.txt tells of every file that there is; no other identity is in any of them."""
    receipt = api.export_subject(known, " Zoë", out=tmp_path / "zoe")
    text = (tmp_path / "zoe" / "README.txt").read_text()
    for file in (tmp_path / "zoe").iterdir():
        assert file.name == "README.txt" or file.name in text
    assert "3 references, 2 events and 4 kept pictures" in text
    assert f"as of {datetime.now(UTC):%Y-%m}" in text
    assert receipt.identity == "Zoë"
    written = b"".join(f.read_bytes() for f in (tmp_path / "zoe").rglob("*.json*"))
    assert not [name for name in ("bars", "circle", "cross", "square") if name.encode() in written]


def test_copies_that_cannot_be_made_are_refused(
    known: Path, tmp_path: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of nobody, onto something, into nowhere: a sentence, and nothing is left lying about."""
    (tmp_path / "there").mkdir()
    before = sorted(f.name for f in tmp_path.iterdir() if not f.name.startswith("g.db"))
    refused(2, ("gallery", "export-subject", known, "nobody", "--out", tmp_path / "x"), "'nobody' is not enrolled")
    refused(2, ("gallery", "export-subject", known, "Zoë", "--out", tmp_path / "there"), "a new folder")
    refused(2, ("gallery", "export-subject", known, "Zoë", "--out", tmp_path / "no" / "x"), "a new folder")
    assert sorted(f.name for f in tmp_path.iterdir() if not f.name.startswith("g.db")) == before
    with Gallery.open(known) as opened:
        monkeypatch.setattr(opened.store, "state", iter(range(100)).__next__)
        from firstsight.gallery.subject import export_subject

        with pytest.raises(GalleryError, match="others go on changing"):
            export_subject(opened, "Zoë", tmp_path / "x")
    assert not (tmp_path / "x").exists()
