"""One model, one verdict: the same level and the same sentence at every door."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from drawn import Cli
from firstsight import api
from firstsight.model import Model
from firstsight.serve.app import create_app
from firstsight.serve.settings import Settings
from firstsight.types import Metric
from firstsight.verdict import Door, of_door
from served import from_here


@pytest.fixture
def place(model_copy: Path, tmp_path: Path) -> str:
    """A gallery of a model with a verdict."""
    api.create(tmp_path / "g.db", model=model_copy).close()
    return str(tmp_path / "g.db")


def test_the_verdict_is_one_at_every_door(
    cli: Cli, model_copy: Path, strangers: Path, place: str, tmp_path: Path
) -> None:
    """Command line, JSON, Python, the card, doctor, bulk enrolment and the service say one thing."""
    api.calibrate(model_copy, str(strangers))
    model = Model.load(model_copy)
    found = model.verdict
    assert found is not None
    assert found == model.calibration.verdict  # type: ignore[union-attr]
    assert json.loads(cli("calibrate", model_copy, strangers, "--json").out)["verdict"]["sentence"] == found.sentence
    assert f"verdict: {found.sentence}" in cli("calibrate", model_copy, strangers).out
    assert found.sentence in (model_copy / "README.md").read_text()
    checks = {check.name: check for check in api.doctor(place)}
    assert found.sentence in checks["verdict"].value
    assert checks["verdict"].ok == {"usable": True, "useless": False}.get(found.level)
    assert f"verdict: {found.sentence}" in cli("enroll", place, "--data", strangers, "--override", "all").out
    with from_here(create_app(Settings(store=place))) as service:
        assert service.get("/v1/model").json()["verdict"]["sentence"] == found.sentence


def test_a_report_and_its_page_say_one_thing(cli: Cli, model_copy: Path, strangers: Path, tmp_path: Path) -> None:
    """Whatever the protocol, on one data set there is one verdict, and the page begins with it."""
    (model_copy / "calibration.json").unlink()
    told = set()
    for protocol in ("nway", "verification", "retrieval"):
        ways = ["--ways", "3", "--tasks", "20"] if protocol == "nway" else []
        ran = cli("evaluate", model_copy, protocol, strangers, *ways, "--report", tmp_path / "r.html")
        told.add(next(line for line in ran.out.splitlines() if line.startswith("verdict: ")))
        page = (tmp_path / "r.html").read_text()
        assert page.index('class="verdict') < page.index('class="headline"')
    assert len(told) == 1
    assert api.evaluate(model_copy, "retrieval", str(strangers)).verdict.sentence in told.pop()  # type: ignore[union-attr]


def test_after_a_failure_there_is_no_next_command(cli: Cli, model_copy: Path, strangers: Path, tmp_path: Path) -> None:
    """Wherever a useless model is shown, its verdict stands last: no next step, but what would help."""
    kept = json.loads((model_copy / "calibration.json").read_text())
    gallery = tmp_path / "g.db"
    for useless, fnir in ((False, Metric(0.05, 0.03, 0.07)), (True, Metric(0.9, 0.8, 0.95))):
        pixels, gain = Metric(0.9, 0.85, 0.95), Metric(0.9 - fnir.value, 0.85 - fnir.low, 0.95 - fnir.high)
        door = Door(3, 0.05, fnir, fnir, fnir, {"pixels": pixels}, gain, 6, learned=False)
        fingerprint = Model.load(model_copy).fingerprint
        verdict = of_door(door, data="folder:x", model=fingerprint, reason="", advice="bring more classes")
        assert (verdict.level == "useless") == useless
        (model_copy / "calibration.json").write_text(json.dumps(kept | {"verdict": asdict(verdict)}))
        if useless:
            api.drop(gallery)
        said = [cli("gallery", "create", gallery, "--model", model_copy), cli("enroll", gallery, "--data", strangers)]
        for ran in said:
            assert ran.code == 0
            assert ("next: " in ran.out) != useless
            assert "what would help most: bring more classes" in ran.out


def test_a_failure_measured_now_names_no_next_command(cli: Cli, model_copy: Path, tmp_path: Path) -> None:
    """Noise under labels that mean nothing: neither ``calibrate`` nor ``evaluate`` goes on to a next step."""
    draw = np.random.default_rng(3)
    for n in range(48):
        place = tmp_path / "noise" / f"{n % 8}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw.integers(0, 256, (24, 24), np.uint8)).save(place / f"{n}.png")
    for words in (
        ("calibrate", model_copy, tmp_path / "noise"),
        ("evaluate", model_copy, "retrieval", tmp_path / "noise"),
    ):
        ran = cli(*words)
        assert "next: " not in ran.out + ran.err
        if words[0] == "calibrate" and ran.code == 2:  # of noise same pairs may by chance score lower
            assert "no threshold can help; train the model longer" in ran.err
        else:
            assert "what would help most: " in ran.out, ran.err
