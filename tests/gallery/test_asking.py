"""Several probes of one thing, and several things at once."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from drawn import Cli
from firstsight.errors import CalibrationError, GalleryError, InputError, UsageError
from firstsight.gallery import Gallery
from firstsight.gallery.asking import MOST_PROBES, assigned, fused, matched
from firstsight.gallery.enrolled import Block
from firstsight.model import Model
from firstsight.similarity import Similarity
from firstsight.types import Reading
from signs import SIGNS, sign
from worlds import rule

Refused = Callable[..., str]


@pytest.fixture(scope="module")
def glyphs() -> Model:
    """The shipped model. Not to be altered."""
    return Model.load("glyphs")


@pytest.fixture
def gallery(tmp_path: Path, glyphs: Model) -> Iterator[Gallery]:
    """Five signs; some with one reference, some with three."""
    with Gallery.create(tmp_path / "g.db", glyphs) as made:
        for n, name in enumerate(("house", "fork", "zig", "eye", "anchor")):
            made.enroll(name, [sign(name, i) for i in range(3 if n % 2 else 1)])
        yield made


class Stub:
    """What is asked of a model here: vectors that are compared by their dot product."""

    def __init__(self, threshold: float = 0.5, **changes: Any) -> None:
        self.similarity = Similarity()
        self.templates, self.score = self.similarity.templates, self.similarity.scores
        self.calibration: Any = rule(threshold, **changes)
        self.path = Path("stub")


def block(vectors: np.ndarray) -> Block:
    """Identities called by their numbers."""
    names = np.array([f"n{n}" for n in range(len(vectors))], dtype=np.dtypes.StringDType())
    return Block.of(np.arange(len(vectors)), names, vectors.astype(np.float32), np.zeros(len(vectors), np.float32))


# --- several probes of one thing


def test_the_same_probe_again_only_loses_the_shift(gallery: Gallery, glyphs: Model) -> None:
    """Fused copies of a probe are the probe: its candidates in its order, with scores less the shift of so many."""
    probe = sign("house", 7)
    alone = gallery.identify(probe)
    assert glyphs.calibration is not None
    for k in (1, 2, 3, 7):
        together = gallery.identify([probe] * k, fused=True)
        shift = glyphs.calibration.shift(k)
        assert together.identity == alone.identity == "house"
        assert [c.identity for c in together.candidates] == [c.identity for c in alone.candidates]
        scores = np.array([c.score for c in alone.candidates])
        assert np.allclose([c.score for c in together.candidates], scores - shift, atol=1e-5)
        decision = gallery.verify("house", [probe] * k)
        assert decision.score == pytest.approx(gallery.verify("house", probe).score - shift, abs=1e-5)


def test_probes_and_references_change_places(glyphs: Model) -> None:
    """k probes against one reference score as one probe does against k references: a score has no sides."""
    several, one = [sign("zig", n) for n in range(3)], sign("zig", 9)
    vectors, single = glyphs.embed(several), glyphs.embed(one)
    vector, shift = fused(glyphs, vectors)
    enrolled = Block.of(
        np.array([0]), np.array(["zig"], dtype=np.dtypes.StringDType()), vector, np.array([shift], np.float32)
    )
    as_references = matched(glyphs, (enrolled,), single, top=1)[0].score
    plain = Block.of(np.array([0]), np.array(["zig"], dtype=np.dtypes.StringDType()), single, np.zeros(1, np.float32))
    assert matched(glyphs, (plain,), vector, top=1, shift=shift)[0].score == pytest.approx(as_references, abs=1e-6)


def test_fused_verify_and_identify_agree(gallery: Gallery) -> None:
    """Asked either way, three probes score the same against an identity of three references."""
    probes = [sign("fork", n) for n in (5, 6, 7)]
    match = gallery.identify(probes, fused=True)
    assert match.identity == "fork"
    assert match.score == pytest.approx(gallery.verify("fork", probes).score, abs=1e-5)


def test_several_probes_are_not_fused_unasked(gallery: Gallery, refused: Refused) -> None:
    """Who hands in several probes says whether they are one thing or several; none is refused."""
    with pytest.raises(UsageError, match="2 probes came"):
        gallery.identify([sign("fork"), sign("zig")])
    with pytest.raises(InputError, match="no probe"):
        gallery.identify([], fused=True)
    with pytest.raises(InputError, match="no probe"):
        gallery.verify("fork", [])
    assert gallery.identify([sign("fork", 8)]).identity == "fork"


# --- several things at once


def test_each_identity_is_the_answer_once(gallery: Gallery) -> None:
    """Two probes of one sign: the better one has it, the other is unknown and says why."""
    probes = [sign("house", 4), sign("zig", 4), sign("house", 5), sign("arrow", 4)]
    alone = [gallery.identify(p) for p in probes]
    assert [m.identity for m in alone] == ["house", "zig", "house", None]
    matches = gallery.assign(probes)
    better, worse = (0, 2) if alone[0].score >= alone[2].score else (2, 0)
    assert [m.identity for m in matches] == [
        "house" if better == 0 else None,
        "zig",
        None if worse == 2 else "house",
        None,
    ]
    assert "house" in matches[worse].reason
    assert "another probe's" in matches[worse].reason
    assert [m.score for m in matches] == pytest.approx([m.score for m in alone])
    for m, by_itself in zip(matches, alone, strict=True):
        assert [c.identity for c in m.candidates] == [c.identity for c in by_itself.candidates]


def test_a_probe_yields_where_all_gain() -> None:
    """The second best is given where the best is worth more to another probe; score and candidates tell it."""
    model: Any = Stub()
    vectors = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1]])
    probes = np.array([[0.9, 0.85, 0], [0.8, 0.1, 0]], np.float32)
    first, second = assigned(model, (block(vectors),), probes, top=2)
    assert (first.identity, second.identity) == ("n1", "n0")
    assert first.score == pytest.approx(0.85)
    assert [c.identity for c in first.candidates] == ["n0", "n1"]
    assert "another probe's" in first.reason
    assert "another" not in second.reason


def test_ties_are_unknown_unless_others_decide_them() -> None:
    """Two identities that score the same for a probe are nobody, but when one of them is another probe's."""
    model: Any = Stub()
    vectors = np.array([[1, 0], [1, 0], [0, 1]])
    (tied,) = assigned(model, (block(vectors),), np.array([[0.9, 0.1]], np.float32), top=3)
    assert tied.identity is None
    assert "score the same" in tied.reason
    both = assigned(model, (block(vectors),), np.array([[0.9, 0.1], [0.9, 0.1]], np.float32), top=3)
    assert {m.identity for m in both} == {"n0", "n1"}


def test_as_many_candidates_as_probes_are_looked_at() -> None:
    """Four probes that like the same four identities in the same order all get one, though one candidate is listed."""
    model: Any = Stub()
    probes = np.tile(np.array([0.9, 0.8, 0.7, 0.6, 0.1], np.float32), (4, 1))
    matches = assigned(model, (block(np.eye(5)),), probes, top=1)
    assert {m.identity for m in matches} == {"n0", "n1", "n2", "n3"}
    assert all(len(m.candidates) == 1 for m in matches)


def test_more_probes_than_identities(gallery: Gallery) -> None:
    """Whom there is nobody left for is unknown; one probe is as identify, none is an empty list."""
    matches = gallery.assign([sign("eye", n) for n in range(8)])
    assert [m.identity for m in matches].count("eye") == 1
    assert [m.identity for m in matches].count(None) == 7
    (one,) = gallery.assign(sign("eye", 3))
    assert one == gallery.identify(sign("eye", 3))
    assert gallery.assign([]) == []


def test_several_things_in_one_image_are_assigned(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    """An image that shows several things gives a match each; identify and enroll still want one."""
    reader = gallery.model.input
    arrays = np.concatenate([reader.read(sign(n, 6)).arrays for n in ("zig", "house")])
    two: Any = SimpleNamespace(shape=reader.shape, read=lambda _: Reading(arrays))
    monkeypatch.setitem(gallery.model.__dict__, "input", two)
    assert [m.identity for m in gallery.assign(sign("eye"))] == ["zig", "house"]
    for act in (lambda: gallery.identify(sign("eye")), lambda: gallery.enroll("x", sign("eye"))):
        with pytest.raises(InputError, match="2 things to recognise, one was expected"):
            act()
    none: Any = SimpleNamespace(shape=reader.shape, read=lambda _: Reading(arrays[:0]))
    monkeypatch.setitem(gallery.model.__dict__, "input", none)
    with pytest.raises(InputError, match="nothing to recognise"):
        gallery.assign(sign("eye"))


def test_what_cannot_be_assigned_is_refused(tmp_path: Path, glyphs: Model, uncalibrated_model: Path) -> None:
    """An empty gallery, no candidates, no calibration, too many probes: a sentence each."""
    with Gallery.create(tmp_path / "e.db", glyphs) as empty:
        with pytest.raises(GalleryError, match="nobody is enrolled"):
            empty.assign([sign("zig")])
        empty.enroll("zig", sign("zig"))
        with pytest.raises(UsageError, match="top is 0"):
            empty.assign([sign("zig")], top=0)
    with Gallery.create(tmp_path / "u.db", uncalibrated_model) as opened:
        opened.enroll("zig", sign("zig"))
        with pytest.raises(CalibrationError, match="not calibrated"):
            opened.assign([sign("zig")])
    model: Any = Stub()
    with pytest.raises(UsageError, match=f"{MOST_PROBES + 1:,} probes"):
        assigned(model, (block(np.eye(2)),), np.zeros((MOST_PROBES + 1, 2), np.float32), top=1)


def test_memory_follows_the_probes_not_the_gallery() -> None:
    """A hundred probes against fifty thousand identities take far less than a table of all scores."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(50_000, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    enrolled, probes = block(vectors), vectors[:100] + 0.02
    model: Any = Stub()
    tracemalloc.start()
    try:
        matches = assigned(model, (enrolled,), probes, top=5)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [m.identity for m in matches] == [f"n{n}" for n in range(100)]
    assert peak < 50_000 * 100 * 8 / 2


# --- the command line


def test_fused_and_one_to_one_on_the_command_line(gallery: Gallery, tmp_path: Path, cli: Cli, refused: Refused) -> None:
    """One answer for all images, or one each with nobody twice; both at once, or with --data, are refused."""
    files = []
    for n, name in enumerate(("zig", "zig", "house")):
        files.append(tmp_path / f"{n}.png")
        Image.fromarray(sign(name, 20 + n)).save(files[-1])
    ran = cli("identify", gallery.address, *files[:2], "--fused")
    assert ran.code == 0
    assert ran.out.startswith("zig: ")
    assert cli("identify", gallery.address, *files[:2], "--fused", "--json").json["identity"] == "zig"
    ran = cli("identify", gallery.address, *files, "--one-to-one", "--json")
    assert ran.code == 1
    assert sorted(str(m["identity"]) for m in ran.json) == ["None", "house", "zig"]
    assert cli("verify", gallery.address, "zig", *files[:2]).code == 0
    assert cli("verify", gallery.address, "house", *files[:2]).code == 1
    refused(2, ("identify", gallery.address, *files, "--fused", "--one-to-one"), "not both")
    refused(2, ("identify", gallery.address, "--data", tmp_path, "--fused"), "--fused")


def test_there_are_signs_enough() -> None:
    """The tests above rely on signs that nobody enrolled."""
    assert {"arrow", "stairs"} <= set(SIGNS)
