"""One answer has the same words at every door."""

from __future__ import annotations

from pathlib import Path

from fastapi.testclient import TestClient

from drawn import Cli
from firstsight import Gallery, api

MAIN = "/v1/galleries/main"
PAGE = Path(api.__file__).parents[1] / "serve" / "page"


def test_the_same_words_at_every_door(asking: TestClient, store: Path, shapes: Path, cli: Cli) -> None:
    """Python, ``str``, the command line in text and JSON, and the service say the same of one question."""
    for probe in (shapes / "ring" / "3.png", shapes / "cross" / "2.png"):
        with Gallery.open(store) as gallery:
            match, decision = gallery.identify(probe), gallery.verify("ring", probe)
            compared = gallery.model.compare(probe, shapes / "ring" / "0.png")
            model = gallery.model.path
        image = probe.read_bytes()
        asked = {
            "identify": (
                match,
                cli("identify", store, probe),
                asking.post(f"{MAIN}/identify", files={"images": image}),
            ),
            "verify": (
                decision,
                cli("verify", store, "ring", probe),
                asking.post(f"{MAIN}/verify", files={"images": image}, data={"identity": "ring"}),
            ),
            "compare": (
                compared,
                cli("compare", model, probe, shapes / "ring" / "0.png"),
                asking.post(
                    "/v1/compare",
                    files={"left": image, "right": (shapes / "ring" / "0.png").read_bytes()},
                    data={"why": "true"},
                ),
            ),
        }
        for verb, (answer, said, sent) in asked.items():
            told = sent.json()[0] if verb == "identify" else sent.json()
            assert said.out.startswith(answer.answer), verb
            assert str(answer) == answer.answer == told["answer"]
            assert told["needed"] == answer.needed
            assert " needed" in answer.answer
        assert cli("identify", store, probe, "--json").json["answer"] == match.answer
        assert match.strangers_accepted is not None
        assert "with 6 enrolled, about" in match.answer


def test_the_page_takes_its_words_from_the_answer() -> None:
    """The page words no probability of its own beside an answer."""
    script = (PAGE / "answers.js").read_text()
    assert "sentence(match.answer)" in script
    assert "sentence(made.answer)" in script
    assert "probable" not in script


def test_a_gallery_that_outgrows_its_threshold_says_so_at_enrolment(
    tiny_model: Path, shapes: Path, tmp_path: Path, cli: Cli
) -> None:
    """The receipt of whoever is one too many names the share of strangers and the command; no further image does."""
    with Gallery.create(tmp_path / "g.db", tiny_model) as gallery:
        notes = [
            gallery.enroll(str(n), shapes / kind.name / "0.png", override="all").notes
            for n, kind in enumerate(sorted(shapes.iterdir()))
        ]
        last = gallery.enroll("0", shapes / "ring" / "1.png", override="all").notes
    said = [n for n, note in enumerate(notes) if any("--gallery-size" in one for one in note)]
    assert said
    assert said == list(range(said[0], len(notes)))
    assert f"--fpir 0.05 --gallery-size {len(notes)}" in notes[-1][-1]
    assert not any("--gallery-size" in one for one in last)
    place = tmp_path / "bulk.db"
    Gallery.create(place, tiny_model).close()
    assert cli("enroll", place, "--data", f"folder:{shapes}").out.count("--gallery-size") == 1
