"""The quality gate: what it says, what it lets pass, what it never stops."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFilter

from drawn import Cli
from firstsight import api
from firstsight.errors import GalleryError, InputError, QualityError, UsageError
from firstsight.gallery import Gallery, bulk, gate
from firstsight.model import Model
from signs import SIGNS, sign

Refused = Callable[..., str]


@pytest.fixture(scope="module")
def glyphs() -> Model:
    """The shipped model. Not to be altered."""
    return Model.load("glyphs")


@pytest.fixture
def gallery(tmp_path: Path, glyphs: Model) -> Iterator[Gallery]:
    """Four signs of two drawings each."""
    with Gallery.create(tmp_path / "g.db", glyphs) as made:
        for name in ("house", "fork", "zig", "eye"):
            made.enroll(name, [sign(name, 0), sign(name, 1)])
        yield made


def blurred(pixels: np.ndarray) -> np.ndarray:
    """Out of focus."""
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(9)))


def png(pixels: np.ndarray) -> bytes:
    """As a file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def names(findings: Any) -> list[str]:
    """Of findings."""
    return [f.name for f in findings]


# --- what is found


def test_good_images_of_somebody_new_and_of_the_same_have_nothing_against_them(gallery: Gallery) -> None:
    """A newcomer is enrolled, and so is another drawing of somebody enrolled."""
    assert gallery.check([sign("anchor", n) for n in range(3)]) == []
    assert gallery.check([sign("anchor", n) for n in range(3)], "anchor") == []
    assert gallery.check(sign("house", 5), "house") == []
    assert gallery.enroll("anchor", sign("anchor")).added == 1
    assert gallery.enroll("house", sign("house", 5)).references == 3


def test_somebody_else_is_a_duplicate(gallery: Gallery) -> None:
    """A drawing of the house is refused as the stairs; the finding says whom it looks like, with both scores."""
    (finding,) = gallery.check(sign("house", 5), "stairs")
    assert finding.name == "duplicate"
    assert finding.value > finding.limit
    assert "looks like house" in finding.message
    assert "among 4 identities" in finding.message
    assert f"{finding.value:.2f}" in finding.message
    assert gallery.check(sign("house", 5)) == [finding]


def test_the_very_image_of_somebody_else_is_a_duplicate_even_for_a_model_that_cannot_tell(
    tmp_path: Path, uncalibrated_model: Path
) -> None:
    """A copy is known by its bytes: an uncalibrated model refuses it too, and nothing else that is alike."""
    with Gallery.create(tmp_path / "u.db", uncalibrated_model) as opened:
        opened.enroll("house", sign("house"))
        with pytest.raises(QualityError, match="very image is enrolled as house"):
            opened.enroll("home", sign("house"))
        assert opened.enroll("home", sign("house", 1)).added == 1


def test_who_does_not_fit_is_an_outlier(gallery: Gallery) -> None:
    """An image unlike the identity's references is refused, alone or among others that fit."""
    (finding,) = gallery.check(sign("stairs"), "house")
    assert finding.name == "outlier"
    assert finding.value < finding.limit
    assert "other 2 images of house" in finding.message
    several = [sign("anchor", 0), sign("anchor", 1), sign("stairs"), sign("anchor", 2)]
    (finding,) = gallery.check(several, "anchor")
    assert "score" in finding.message
    with pytest.raises(QualityError, match="other 3 images of anchor"):
        gallery.enroll("anchor", several)


def test_each_image_is_judged_without_itself(gallery: Gallery) -> None:
    """Of two images that show different things neither fits the other, so both are named."""
    assert names(gallery.check([sign("anchor"), sign("stairs")], "both")) == ["outlier", "outlier"]


def test_replacing_forgets_what_was_there(gallery: Gallery) -> None:
    """What is to go does not speak against what comes, but the others do."""
    assert gallery.replace("house", [sign("anchor", 0), sign("anchor", 1)]).references == 2
    with pytest.raises(QualityError) as refused:
        gallery.replace("house", [sign("fork", 4)])
    assert names(refused.value.findings) == ["duplicate"]
    with pytest.raises(GalleryError, match="'nobody' is not enrolled"):
        gallery.replace("nobody", [sign("fork", 4)])


def test_every_finding_is_listed_at_once(gallery: Gallery) -> None:
    """One sentence tells all that is wrong with all images, in their order; the error holds them too."""
    small = np.asarray(Image.fromarray(sign("anchor")).resize((12, 12), Image.Resampling.BOX))
    with pytest.raises(QualityError) as refused:
        gallery.enroll("anchor", [blurred(sign("anchor")), small, sign("anchor", 1), sign("house", 7)])
    found = refused.value.findings
    assert {"blur", "size", "duplicate", "outlier"} <= set(names(found))
    sentence = str(refused.value)
    assert "\n" not in sentence
    assert all(f.message in sentence for f in found)
    assert all(f"--override {name}" in sentence for name in set(names(found)))
    assert gallery.list(search="anchor") == []


def test_a_long_list_is_cut_in_words_and_whole_in_the_error(gallery: Gallery) -> None:
    """Thirty bad images fill no screen; the error knows all of them."""
    with pytest.raises(QualityError, match="and 20 more") as refused:
        gallery.enroll("x", [np.full((40 + n, 40), 128, np.uint8) for n in range(30)])
    assert len(refused.value.findings) == 30


# --- what passes


def test_what_the_identity_has_already_passes(gallery: Gallery) -> None:
    """The same image again adds nothing and is not judged, though it was overridden when it came first."""
    dim = blurred(sign("house", 3))
    with pytest.raises(QualityError):
        gallery.enroll("house", dim)
    assert gallery.enroll("house", dim, override=["blur", "outlier"]).added == 1
    again = gallery.enroll("house", [dim, sign("house", 0)])
    assert (again.added, again.notes) == (0, ("2 of 2 enrolled already",))
    assert gallery.check(dim, "house") == []
    assert "blur" in names(gallery.check(dim, "fork"))


def test_a_finding_is_overridden_by_its_name_and_no_other(gallery: Gallery) -> None:
    """Only what is named passes; all stands for each; a name of none is refused with what there is."""
    with pytest.raises(QualityError) as refused:
        gallery.enroll("stairs", blurred(sign("house")), override=["size", "contrast"])
    found = set(names(refused.value.findings))
    assert "blur" in found
    with pytest.raises(UsageError, match="did you mean 'blur'"):
        gallery.enroll("stairs", sign("stairs"), override=["blurr"])
    assert gallery.enroll("stairs", blurred(sign("house")), override=sorted(found)).added == 1
    assert gallery.enroll("empty", np.full((60, 60), 255, np.uint8), override="all").added == 1


def test_nothing_is_judged_by_a_calibration_of_few_classes(tmp_path: Path) -> None:
    """A calibration of few classes is sure of everything, so who is alike is not asked of it; a copy still is one."""
    model = Model.load("glyphs")
    whole = model.calibration
    assert whole is not None
    model.calibration = replace(whole, classes=whole.classes[:19])
    with Gallery.create(tmp_path / "t.db", model) as opened:
        opened.enroll("a", [sign("house"), sign("zig")])
        assert opened.enroll("b", sign("house", 1)).added == 1
        with pytest.raises(QualityError, match="very image"):
            opened.enroll("c", sign("house"))
        model.calibration = replace(whole, classes=whole.classes[:20])
        with pytest.raises(QualityError) as refused:
            opened.enroll("c", [sign("fork", 2), sign("house", 2)])
    assert set(names(refused.value.findings)) == {"duplicate", "outlier"}


def test_what_cannot_be_read_is_an_error_as_ever(gallery: Gallery) -> None:
    """A file that is no image is an InputError, for check as for enroll; so is no image at all."""
    for act in (lambda s: gallery.check(s), lambda s: gallery.enroll("x", s)):
        with pytest.raises(InputError, match="not an image"):
            act(b"no picture")
        with pytest.raises(InputError, match="at least one"):
            act([])


# --- limits


def test_the_larger_the_gallery_the_more_it_takes_to_be_a_duplicate(glyphs: Model) -> None:
    """The limit rises with the number of identities, from the threshold on, and never beyond a copy."""
    vectors = glyphs.embed([sign("house")])
    limits = [gate.duplicate_limit(glyphs, vectors, size) for size in (0, 1, 10, 100, 1000, 10**6, 10**9)]
    assert limits == sorted(limits)
    assert glyphs.calibration is not None
    assert limits[0] > glyphs.calibration.threshold
    assert limits[-1] < 0.975
    for size, limit in zip((10, 100), limits[2:4], strict=True):
        low = glyphs.calibration.band(limit)[0]
        assert low == pytest.approx(1 - 1 / (1 + gate.ODDS * size), abs=1e-4)


def test_an_outlier_is_far_below_the_threshold(glyphs: Model) -> None:
    """Who is a little below the threshold is what a further reference is for, and is enrolled."""
    calibration = glyphs.calibration
    assert calibration is not None
    limit = gate.outlier_limit(glyphs, calibration, glyphs.embed([sign("house")]))
    assert limit < calibration.threshold - 0.1
    assert calibration.band(limit)[1] == pytest.approx(1 / (1 + gate.ODDS), abs=1e-4)


# --- in bulk


def folders(root: Path, kinds: list[str], each: int = 1, *, alias: str = "") -> Path:
    """A folder a sign."""
    for kind in kinds:
        (root / (kind + alias)).mkdir(parents=True, exist_ok=True)
        for n in range(each):
            (root / (kind + alias) / f"{n}.png").write_bytes(png(sign(kind, n)))
    return root


def test_bulk_notes_who_looks_alike_and_enrolls_them(tmp_path: Path, glyphs: Model) -> None:
    """Two classes that look alike, in one batch or in two, do not stop six hundred others; the receipts say so."""
    data = folders(tmp_path / "data", list(SIGNS))
    (data / "house two").mkdir()
    (data / "house two" / "0.png").write_bytes(png(sign("house", 9)))
    (data / "arrow" / "1.png").write_bytes(png(sign("eye", 4)))
    address = str(tmp_path / "g.db")
    api.create(address, model=glyphs).close()
    receipts = {r.identity: r for r in api.enroll(address, data=str(data), each=2)}
    assert sum(r.added for r in receipts.values()) == len(SIGNS) + 2
    assert {name for name, r in receipts.items() if any("strangers" not in n for n in r.notes)} == {
        "house",
        "house two",
        "arrow",
        "eye",
    }
    assert "looks like house two" in receipts["house"].notes[0]
    assert any(n.startswith("outlier") for n in receipts["arrow"].notes)
    again = api.enroll(address, data=str(data), each=2)
    assert {n for r in again for n in r.notes} == {"1 of 1 enrolled already", "2 of 2 enrolled already"}
    late = tmp_path / "late"
    (late / "home").mkdir(parents=True)
    (late / "home" / "0.png").write_bytes(png(sign("house", 12)))
    (receipt,) = api.enroll(address, data=str(late))
    assert receipt.added == 1
    assert receipt.notes[0].startswith("duplicate: ")
    (late / "house").mkdir()
    (late / "house" / "0.png").write_bytes(png(sign("house", 14)))
    (late / "home" / "0.png").unlink()
    (late / "home").rmdir()
    (receipt,) = api.enroll(address, data=str(late), override=["duplicate"])
    assert receipt.notes == ()


def test_bulk_refuses_what_cannot_be_made_out(tmp_path: Path, glyphs: Model, refused: Refused) -> None:
    """A blurred image of one class: nobody is enrolled, it is named, and its name lets it pass."""
    data = folders(tmp_path / "data", ["house", "fork"], 2)
    (data / "fork" / "1.png").write_bytes(png(blurred(sign("fork", 1))))
    address = tmp_path / "g.db"
    api.create(address, model=glyphs).close()
    refused(2, ("enroll", address, "--data", data, "--each", 2), "1 image of 4", "blurred", "fork/1.png", "blur")
    assert api.references(address) == []
    api.enroll(address, data=str(data), each=2, override=["blur"])
    assert len(api.references(address)) == 4


@pytest.mark.parametrize("kept", [bulk.KEPT, 0])
@pytest.mark.parametrize("keep_sources", [False, True])
def test_bulk_reads_each_image_once_as_far_as_memory_goes(
    tmp_path: Path, glyphs: Model, monkeypatch: pytest.MonkeyPatch, kept: int, keep_sources: bool
) -> None:
    """Readings wait in memory for their embedding, or are made again beyond the cap; the gallery is the same."""
    decoded: list[str] = []

    def counted(*a: Any, real: Any = bulk.take, **k: Any) -> Any:
        decoded.append("")
        return real(*a, **k)

    monkeypatch.setattr(bulk, "take", counted)
    monkeypatch.setattr(bulk, "KEPT", kept)
    data = folders(tmp_path / "data", list(SIGNS), 2)
    with Gallery.create(tmp_path / "g.db", glyphs, keep_sources=keep_sources) as opened:
        api.enroll(tmp_path / "g.db", data=str(data), each=2)
        assert len(decoded) == 2 * len(SIGNS) * (1 if kept else 2)
        listed = opened.list()
        assert [r.source for r in listed] == [str(data / n / f"{i}.png") for n in sorted(SIGNS) for i in range(2)]
        for r in listed:
            file = Path(r.source).read_bytes()
            assert opened.store.image(r.id) == (file if keep_sources else None)
            vector = glyphs.embed(file)
            assert min(np.abs(opened.store.vectors(r.identity) - vector).max(axis=1)) < 1e-5
        decoded.clear()
        api.enroll(tmp_path / "g.db", data=str(data), each=2)
        assert decoded == []


# --- the command line


def test_check_on_the_command_line(gallery: Gallery, tmp_path: Path, cli: Cli) -> None:
    """Exit code 0 and a good word, or 1 and a line a finding; as JSON what the verb returns; nothing is stored."""
    before = len(gallery.list())
    good, bad = tmp_path / "good.png", tmp_path / "bad.png"
    good.write_bytes(png(sign("anchor")))
    bad.write_bytes(png(blurred(sign("house", 6))))
    ran = cli("check", gallery.address, good)
    assert (ran.code, ran.out) == (0, "nothing speaks against it\n")
    ran = cli("check", gallery.address, good, bad, "--identity", "anchor")
    assert ran.code == 1
    assert f"blur: {bad}: the picture is blurred" in ran.out
    shown = cli("check", gallery.address, bad, "--json")
    assert shown.code == 1
    assert shown.json[0].keys() == {"name", "source", "message", "value", "limit"}
    assert cli("check", gallery.address, good, "--json").json == []
    assert len(gallery.list()) == before


def test_override_on_the_command_line(gallery: Gallery, tmp_path: Path, refused: Refused, cli: Cli) -> None:
    """What is refused says how it is enrolled all the same, and then it is; so for replace."""
    home = tmp_path / "home.png"
    home.write_bytes(png(sign("house", 8)))
    refused(2, ("enroll", gallery.address, "home", home), "looks like house", "--override duplicate")
    assert cli("enroll", gallery.address, "home", home, "--override", "duplicate").code == 0
    refused(2, ("replace", gallery.address, "fork", home), "enrolled as home", "--override duplicate")
    assert cli("replace", gallery.address, "fork", home, "--override", "blur", "--override", "duplicate").code == 0
    refused(2, ("enroll", gallery.address, "home", home, "--override", "sharp"), "no finding 'sharp'")
