"""What was seen of an image on the way reaches who asked: in receipts, in reasons, in refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from drawn import Cli
from firstsight.errors import InputError, QualityError
from firstsight.gallery import Gallery
from firstsight.model import Model

SIGN = np.full((60, 60), 4080, np.uint16)
SIGN[10:50, 28:33] = SIGN[44:50, 28:52] = 16
NOTE = "depth guessed: 12 bits"


@pytest.fixture
def deep(tmp_path: Path) -> Path:
    """A sign of 12 bits in a file of 16."""
    Image.fromarray(SIGN).save(tmp_path / "deep.png")
    return tmp_path / "deep.png"


def test_receipts_and_reasons_tell_of_a_guess(deep: Path, tmp_path: Path) -> None:
    """Enrol, verify, identify, assign and compare carry the finding; an image of 8 bits leaves them as they were."""
    plain = tmp_path / "plain.png"
    Image.fromarray((SIGN >> 4).astype(np.uint8)).save(plain)
    model = Model.load("glyphs")
    with Gallery.create(tmp_path / "g.db", model) as gallery:
        assert gallery.enroll("a", deep).notes == (f"{deep}: {NOTE}",)
        assert gallery.enroll("a", plain, override="all").notes == ()
        for answer in (
            gallery.verify("a", deep),
            gallery.identify(deep),
            gallery.assign([plain, deep])[1],
            model.compare(plain, deep),
        ):
            assert answer.reason.endswith(f"; note: {NOTE}")
        for answer in (gallery.verify("a", plain), gallery.identify(plain), model.compare(plain, plain)):
            assert "note:" not in answer.reason
        assert gallery.check(deep, "a") == []


def test_commands_show_it(deep: Path, tmp_path: Path, cli: Cli) -> None:
    """So do the command line and its JSON, for one image and for several."""
    place = tmp_path / "g.db"
    Gallery.create(place, "glyphs").close()
    assert NOTE in cli("enroll", place, "a", deep).out
    assert NOTE in cli("verify", place, "a", deep).out
    assert NOTE in cli("identify", place, deep).out
    assert NOTE in cli("identify", place, deep, "--json").json["reason"]
    assert cli("identify", place, deep, deep).out.count(NOTE) == 2
    assert NOTE in cli("compare", "glyphs", deep, deep).out


def test_pictures_without_contrast_match_nobody(tiny_model: Path, tmp_path: Path) -> None:
    """All black pictures are refused as references and as probes, since to a model they are all one."""
    black = np.zeros((80, 80, 3), np.uint8)
    with Gallery.create(tmp_path / "g.db", tiny_model) as gallery:
        with pytest.raises(QualityError, match=r"nothing is there to recognise \(no contrast\)"):
            gallery.enroll("a", black)
        assert [f.name for f in gallery.check(black)] == ["blank"]
        gallery.enroll("a", black, override="blank")
        for ask in (
            lambda: gallery.verify("a", black),
            lambda: gallery.identify(black),
            lambda: gallery.model.embed(black),
        ):
            with pytest.raises(InputError, match="no contrast"):
                ask()
