"""One unreadable image does not lose the others: each has an answer, or stands in the list of what can't be read."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from drawn import SHAPES, STRANGERS, Cli, Refused
from firstsight import api
from firstsight.errors import BatchError, InputError
from firstsight.gallery import Gallery, several
from firstsight.types import Failure, Match, Record


@pytest.fixture
def full(tiny_model: Path, shapes: Path, tmp_path: Path) -> Path:
    """A gallery with one reference of each of the six shapes."""
    Gallery.create(tmp_path / "g.db", tiny_model, keep_sources=True).close()
    api.enroll(tmp_path / "g.db", data=str(shapes))
    return tmp_path / "g.db"


@pytest.fixture
def many(shapes: Path, tmp_path: Path) -> Path:
    """Three good pictures and three that can't be read, in the order of their names: bad and good in turn."""
    folder = tmp_path / "many"
    folder.mkdir()
    (folder / "0.png").write_bytes(b"")
    (folder / "2.png").write_text("no picture")
    (folder / "4.png").write_bytes((shapes / "bars" / "2.png").read_bytes()[:60])
    for name, shape in (("1", "ring"), ("3", "bars"), ("5", "cross")):
        shutil.copyfile(shapes / shape / "1.png", folder / f"{name}.png")
    return folder


@pytest.mark.parametrize("how", [(), ("--one-to-one",)])
def test_the_good_ones_of_a_folder_are_answered(how: tuple[str, ...], full: Path, many: Path, cli: Cli) -> None:
    """Exit code 2 at the end; each bad one is named with its reason; JSON holds an answer a place."""
    ran = cli("identify", full, many, *how, "--json")
    assert ran.code == 2
    found = ran.json
    assert ["error" in one for one in found] == [True, False] * 3
    alone = [cli("identify", full, many / f"{n}.png", "--json").json["candidates"] for n in (1, 3, 5)]
    assert [one["candidates"] for one in found[1::2]] == alone
    assert [one["error"]["source"] for one in found[::2]] == [str(many / f"{n}.png") for n in (0, 2, 4)]
    lines = ran.err.splitlines()
    assert len(lines) == 3
    for line, n, why in zip(lines, (0, 2, 4), ("is empty", "is not an image", "is damaged"), strict=True):
        assert line.startswith("error: ")
        assert f"{n}.png {why}" in line
    plain = cli("identify", full, many, *how)
    assert plain.code == 2
    *answers, remedy, _ = plain.out.splitlines()
    assert [line.split(":")[0] for line in answers] == [str(many / f"{n}.png") for n in (1, 3, 5)]
    assert remedy.startswith("for fewer strangers: firstsight calibrate ")


def test_no_event_stands_for_a_picture_without_an_answer(
    full: Path, many: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three answers, three events with their pictures; where the disk refuses one, none, and no answer is given."""
    assert cli("identify", full, many, "--record", "--keep-image").code == 2
    with Gallery.open(full) as gallery:
        kept = [gallery.event_image(e.id) for e in gallery.events()]
    assert kept == [(many / f"{n}.png").read_bytes() for n in (1, 3, 5)]
    calls = []
    monkeypatch.setattr(several, "answered", lambda *given: calls.append(len(given[2])))
    cli("identify", full, many, "--record")
    assert calls == [3], "one transaction"
    monkeypatch.setattr(several, "_KEPT", 1)
    cli("identify", full, many, "--record", "--keep-image")
    assert calls == [3, 1, 1, 1, 0] or calls == [3, 1, 1, 1], "pictures to be kept do not pile up"


def test_a_single_bad_picture_is_an_error(full: Path, many: Path, refused: Refused) -> None:
    """As before: one sentence, and nothing is recorded."""
    refused(2, ("identify", full, many / "2.png", "--record"), "2.png is not an image")
    assert api.events(full) == []


@pytest.mark.parametrize("verb", [("identify", "--fused"), ("verify", "ring")])
def test_one_question_needs_all_its_pictures(verb: tuple[str, ...], full: Path, many: Path, refused: Refused) -> None:
    """Fused probes are one question: without one it is another, so it is refused, and all that are bad are named."""
    command, *rest = verb
    given = [full, *rest, *sorted(many.iterdir())] if command == "verify" else [full, *sorted(many.iterdir()), *rest]
    refused(2, (command, *given, "--record"), "3 of 6 images", "0.png", "2.png", "4.png", "ask again without")
    assert api.events(full) == []


def test_enrolling_one_identity_takes_all_or_none(full: Path, many: Path, refused: Refused) -> None:
    """Every picture that can't be read is named, not the first alone."""
    before = api.references(full)
    refused(2, ("enroll", full, "new", *sorted(many.iterdir())), "3 of 6", "0.png", "2.png", "4.png", "nothing was")
    assert api.references(full) == before


def test_checking_looks_at_the_others(full: Path, many: Path, cli: Cli, refused: Refused) -> None:
    """What can't be read is a finding, and exit code 2; a single one is an error as it was."""
    ran = cli("check", full, many, "--json")
    assert ran.code == 2
    lost = [f for f in ran.json if f["name"] == "unreadable"]
    assert [Path(f["source"]).name for f in lost] == ["0.png", "2.png", "4.png"]
    assert cli("check", full, many / "1.png", "--json").json == [
        f for f in ran.json if f["name"] != "unreadable" and Path(f["source"]).name == "1.png"
    ]
    refused(2, ("check", full, many / "2.png"), "2.png is not an image")


def test_a_bad_picture_of_a_data_set_is_passed_over(
    tiny_model: Path, shapes: Path, tmp_path: Path, cli: Cli, refused: Refused
) -> None:
    """The others are enrolled and counted, what can't be read is named each time; nothing is enrolled twice."""
    gallery, data = tmp_path / "b.db", Path(shutil.copytree(shapes, tmp_path / "data"))
    api.create(gallery, model=tiny_model).close()
    (data / "ring" / "0.png").write_text("no picture")
    for file in (data / "bars").iterdir():
        file.write_bytes(b"")
    ran = cli("enroll", gallery, "--data", data, "--each", "2", "--json")
    assert ran.code == 2
    receipts = {one["identity"]: one["added"] for one in ran.json if "identity" in one}
    assert receipts == {shape: 1 if shape == "ring" else 2 for shape in SHAPES if shape != "bars"}
    assert [one["error"]["source"] for one in ran.json if "error" in one] == [
        str(data / place) for place in ("bars/0.png", "bars/1.png", "ring/0.png")
    ]
    told = [line for line in ran.err.splitlines() if "learned by the model" not in line]
    assert [line.startswith("error: ") for line in told] == [True] * 3
    assert cli("enroll", gallery, "--data", data, "--each", "2").code == 2
    assert len(api.references(gallery)) == 9
    (data / "ring" / "0.png").write_bytes((shapes / "ring" / "0.png").read_bytes())
    counted = cli("identify", gallery, "--data", data, "--json")
    assert counted.code == 2
    assert (counted.json["left_out"], counted.json["probes"]) == (9, 5 * 6 - 9)
    assert {Path(one["source"]).parent.name for one in counted.json["failures"]} == {"bars"}
    assert len(counted.err.splitlines()) == 6
    shutil.rmtree(data / "cross")
    refused(2, ("enroll", gallery, "--data", f"folder:{shutil.copytree(data / 'bars', data / 'all' / 'bars').parent}"))


def test_python_gets_the_answers_with_the_error(full: Path, many: Path, shapes: Path) -> None:
    """It is an InputError, as it was, and holds what each image got in the order they came in."""
    with Gallery.open(full) as gallery:
        given = [(many / "1.png").read_bytes(), b"none", np.asarray(Image.open(shapes / "bars" / "1.png"))]
        with pytest.raises(BatchError, match="1 of 3 images can't be read: image 2: an image of 4 bytes") as caught:
            gallery.assign(given, record=Record())
        assert isinstance(caught.value, InputError)
        first, lost, last = caught.value.answers
        assert isinstance(first, Match)
        assert isinstance(last, Match)
        assert isinstance(lost, Failure)
        assert lost.error.source == "image 2"
        assert len(gallery.events()) == 2
        with pytest.raises(BatchError) as all_bad:
            gallery.assign([b"none", b"neither"], record=Record())
        assert all(isinstance(one, Failure) for one in all_bad.value.answers)
        with pytest.raises(InputError) as single:
            gallery.assign([b"none"])
        assert not isinstance(single.value, BatchError)
        with pytest.raises(InputError, match="2 of 3 images can't be read"):
            gallery.model.embed([b"none", b"", many / "1.png"])
        assert len(gallery.events()) == 2


def test_classes_of_strangers_are_still_strangers(full: Path, strangers: Path, tmp_path: Path) -> None:
    """A count of which one image can't be read is that of the others."""
    data = Path(shutil.copytree(strangers, tmp_path / "data"))
    (data / "wedge" / "3.png").write_bytes(b"GIF89a")
    with pytest.raises(BatchError, match="1 of 36 images can't be read") as caught:
        api.identify_data(full, str(data))
    tally, lost = caught.value.answers
    assert (tally.strangers, tally.probes) == (6 * len(STRANGERS) - 1, 0)
    assert lost.error.source.endswith("wedge/3.png")
