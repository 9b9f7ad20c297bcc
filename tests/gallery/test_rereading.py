"""References that were embedded from a wrong reading: doctor lists them, rebuilding for the same model mends them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from drawn import Cli
from firstsight import api
from firstsight.gallery import Gallery
from firstsight.gallery.rereading import reread
from firstsight.inputs import ImageInput
from firstsight.model import Model
from firstsight.types import Entry


def saved(pixels: np.ndarray) -> bytes:
    """A PNG."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def place(tiny_model: Path, shapes: Path, tmp_path: Path) -> Path:
    """A gallery that keeps its images: two of 8 bits, one of 16, and two of 12 that were embedded as black."""
    model, file = Model.load(tiny_model), tmp_path / "g.db"
    assert isinstance(model.input, ImageInput)
    black = model.embed_arrays(np.zeros((1, *model.input.shape), np.uint8))
    pictures = [np.asarray(Image.open(p).convert("L")) for p in sorted((shapes / "ring").iterdir())[:5]]
    with Gallery.create(file, model, keep_sources=True) as gallery:
        for n, pixels in enumerate(pictures):
            deep = pixels.astype(np.uint16) * (257 if n == 2 else 16)
            data = saved(pixels if n < 2 else deep)
            vector = black if n > 2 else model.embed(data)
            gallery.store.add([Entry(f"ring {n}", vector, [f"{n}.png"], [f"key {n}"], [data])])
    return file


def test_doctor_lists_what_is_read_otherwise(place: Path, tiny_model: Path, cli: Cli) -> None:
    """Those embedded as black are named with what mends them; rebuilding with the same model does, and all is well."""
    before = place.read_bytes()
    ran = cli("doctor", place, "--json")
    assert ran.code == 3
    [found] = [check for check in ran.json if check["name"] == "readings"]
    assert found["ok"] is False
    assert (
        "5 of 5 kept images looked at, 2 are read otherwise now: ring 3 (reference 4), ring 4 (reference 5)"
        in (found["value"])
    )
    assert found["advice"] == f"firstsight gallery rebuild {place}#main --model {tiny_model}"
    assert place.read_bytes() == before
    assert cli(*found["advice"].split()[1:]).code == 0
    [mended] = [check for check in cli("doctor", place, "--json").json if check["name"] == "readings"]
    assert mended["ok"] is True
    model = Model.load(tiny_model)
    with Gallery.open(place) as gallery:
        for reference in gallery.list():
            image = gallery.store.image(reference.id)
            np.testing.assert_allclose(gallery.store.vectors(reference.identity), model.embed(image), atol=1e-5)


def test_an_image_that_is_not_read_any_more_is_listed(tiny_model: Path, tmp_path: Path) -> None:
    """So is one that nothing can be made of; looking ends when time is up."""
    model = Model.load(tiny_model)
    vector = model.embed_arrays(np.zeros((1, *model.input.shape), np.uint8))
    with Gallery.create(tmp_path / "g.db", model, keep_sources=True) as gallery:
        gallery.store.add([Entry("a", vector, ["a"], ["k"], [b"no picture"])])
        assert [r.identity for r in reread(gallery.store, model).otherwise] == ["a"]
        seen = reread(gallery.store, model, seconds=-1)
        assert (seen.looked, seen.kept, seen.otherwise) == (0, 1, ())


def test_galleries_without_images_have_nothing_to_look_at(tiny_model: Path, tmp_path: Path) -> None:
    """Where nothing is kept nothing is said."""
    Gallery.create(tmp_path / "g.db", tiny_model).close()
    assert not [c for c in api.doctor(tmp_path / "g.db") if c.name == "readings"]
