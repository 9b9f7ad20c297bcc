"""Training further with classes added: what is measured of old and new, what is learned again, what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drawn import STRANGERS, Cli, Refused, draw, draw_classes
from firstsight import api
from firstsight.datasets import open_data
from firstsight.learn.data import tasks_of
from firstsight.learn.events import Event
from firstsight.learn.export.directory import load_lab
from firstsight.learn.growth import solved
from firstsight.model import Model

FEW = ("training.steps=4", "optimiser.warmup=1", "training.threads=1")


def more(root: Path, kinds: tuple[str, ...], first: int = 50) -> Path:
    """Other drawings of these classes."""
    for kind in kinds:
        (root / kind).mkdir(parents=True)
        for number in range(first, first + 6):
            draw(kind, number).save(root / kind / f"{number}.png")
    return root


def notes(heard: list[Event]) -> str:
    """What a run told in words."""
    return "\n".join(event.message for event in heard if event.kind == "note")


def test_old_and_new_are_told_before_and_after(
    uncalibrated_model: Path, strangers: Path, tmp_path: Path, cli: Cli
) -> None:
    """The command, its JSON and the card tell both figures of both kinds, and they are those of the two models."""
    out = tmp_path / "out"
    ran = cli("train", "--from", uncalibrated_model, "--data", strangers, *FEW, "--out", out, "--json")
    assert ran.code == 0, ran.err
    growth = ran.json["trained"]["growth"]
    assert list(growth) == ["old", "new"]
    before, after = Model.load(uncalibrated_model), Model.load(out)
    for which, address in (("old", before.spec.trained.calibration_data), ("new", after.spec.trained.calibration_data)):
        row = growth[which]
        assert row["data"] == address
        data = open_data(address)
        assert (row["classes"], row["learned"]) == (len(data.classes), 0)
        episodes = tasks_of(data, 250)
        assert episodes is not None
        readings = np.concatenate([before.input.read(e.load()).arrays for e in data.examples])
        for model, key in ((before, "before"), (after, "after")):
            assert row[key] == pytest.approx(solved(load_lab(model), readings, episodes), abs=1e-6), (which, key)
    assert growth["new"]["after"] == pytest.approx(next(iter(ran.json["trained"]["validation"].values())))
    card = (out / "README.md").read_text()
    assert f"| old kind: 2-way 1-shot accuracy on {growth['old']['data']} (no class learned) | " in card
    told = cli("train", "--from", uncalibrated_model, "--data", strangers, *FEW, "--out", out, "--overwrite").out
    old = growth["old"]
    assert (
        f"{old['before']:.1%} before, {old['after']:.1%} after ({100 * (old['after'] - old['before']):+.1f} points)"
        in told
    )


def test_a_model_from_nothing_has_not_grown(uncalibrated_model: Path) -> None:
    """Without a model to start from there is nothing to compare with."""
    assert Model.load(uncalibrated_model).spec.trained.growth == {}


def test_learned_classes_may_be_asked_about_by_other_examples(
    shapes: Path, strangers: Path, uncalibrated_model: Path, tmp_path: Path
) -> None:
    """``data.old_validation`` may hold the very classes that were learned, and the record says so."""
    trained = Model.load(uncalibrated_model).trained_classes
    kinds = tuple(name.removeprefix("own:") for name in sorted(trained))
    held = more(tmp_path / "held", kinds)
    made = api.train(
        None,
        *FEW,
        f"data.old_validation={held}",
        from_=uncalibrated_model,
        data=str(strangers),
        out=tmp_path / "out",
    )
    row = made.spec.trained.growth["old"]
    assert (row.classes, row.learned, row.data) == (len(kinds), len(kinds), f"folder:{held}")


def test_old_classes_are_learned_again(
    shapes: Path, strangers: Path, uncalibrated_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``data.old`` adds their examples to the new ones, at most ``data.old_each`` of each class; none come twice."""
    from firstsight.learn import run

    learned: list[Any] = []
    place = run.place_proxies
    monkeypatch.setattr("firstsight.learn.run.place_proxies", lambda *given: (learned.append(given[4]), place(*given)))
    known = len(Model.load(uncalibrated_model).spec.trained.classes)
    heard: list[Event] = []
    changes = (*FEW, f"data.old={shapes}:train", "data.old_each=2")
    made = api.train(
        None, *changes, from_=uncalibrated_model, data=str(strangers), out=tmp_path / "out", listen=heard.append
    )
    (labels,) = learned
    assert sorted(labels.bincount().tolist()) == [2] * known + [6] * 4
    assert f"learning {2 * known} images of {known} old classes again" in notes(heard)
    assert len(made.spec.trained.classes) == known + 4
    assert made.spec.trained.examples == 2 * known + 24


def test_what_cannot_be_measured_is_told(
    shapes: Path, strangers: Path, uncalibrated_model: Path, tmp_path: Path
) -> None:
    """No such data, data that is gone, or that is learned from now: a note says why and what mends it."""

    def told(model: Path, data: str, name: str) -> str:
        heard: list[Event] = []
        made = api.train(None, *FEW, from_=model, data=data, out=tmp_path / name, listen=heard.append)
        assert "old" not in made.spec.trained.growth
        return notes(heard)

    def changed(name: str, **settings: str) -> Path:
        place = Path(shutil.copytree(uncalibrated_model, tmp_path / name))
        spec = json.loads((place / "model.json").read_text())
        spec["trained"] |= {"calibration_data": settings["calibration"]}
        spec["trained"]["settings"]["data"]["validation"] = ""
        (place / "model.json").write_text(json.dumps(spec))
        return place

    said = told(changed("silent", calibration=""), str(strangers), "a")
    assert "what tiny forgets isn't measured, since it names no such data; name held-out examples" in said
    said = told(changed("gone", calibration=f"folder:{tmp_path / 'gone-data'}:validation"), str(strangers), "b")
    assert "what tiny forgets isn't measured:" in said
    assert "does not exist" in said
    assert "data.old_validation=ADDRESS" in told(uncalibrated_model, f"folder:{shapes}:validation", "c")


def test_bad_words_are_refused(
    shapes: Path, strangers: Path, uncalibrated_model: Path, tmp_path: Path, refused: Refused
) -> None:
    """Old data without a model to start from, of nothing, or that is learned from, and amounts that make no sense."""
    out = ("--out", tmp_path / "out")
    begin = ("train", "--from", uncalibrated_model, "--data", strangers, *out)
    refused(2, ("train", "folder", strangers, f"data.old={shapes}", *out), "goes with a model to start from", "--from")
    refused(2, ("train", "folder", strangers, f"data.old_validation={shapes}", *out), "goes with a model to start from")
    refused(2, (*begin, "data.old_each=2"), "data.old_each is 2 of no old classes", "data.old=ADDRESS")
    refused(2, (*begin, "data.old=./none"), "does not exist")
    refused(2, (*begin, "data.old=omniglott"), "omniglot")
    refused(2, (*begin, "data.old_each=-1"), "data.old_each is -1, 0 or more was expected")
    refused(2, (*begin, f"data.old_validation={strangers}:train"), "with what is learned from", "data.old_validation")
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("left,right,same\n" + f"{shapes}/ring/0.png,{shapes}/ring/1.png,1\n")
    refused(2, (*begin, f"data.old={pairs}"), "holds pairs")
    refused(2, (*begin, f"data.old_validation={pairs}"), "holds pairs")
    refused(2, (*begin, "data.train=omniglot"), "replace each other")
    assert not (tmp_path / "out").exists()


def test_part_of_the_data_is_learned_from(tmp_path: Path, cli: Cli, refused: Refused) -> None:
    """Settings beside ``--data`` say how much of it, and the model records them; bad ones are refused."""
    data = draw_classes(tmp_path / "data", STRANGERS)
    small = ("input.size=32", "encoder.width=8", "encoder.dim=16", "sampling.classes=4", *FEW)
    out = ("--out", tmp_path / "out")
    ran = cli("train", "folder", f"folder:{data}:train", *small, "data.classes=3", "data.each=4", *out, "--json")
    assert ran.code == 0, ran.err
    assert (ran.json["trained"]["examples"], ran.json["trained"]["settings"]["data"]["each"]) == (12, 4)
    assert len(Model.load(tmp_path / "out").spec.trained.classes) == 3
    begin = ("train", "folder", data, *small, "--out", tmp_path / "other")
    refused(2, (*begin, "data.groups=2"), "has no groups", "data.classes=2")
    refused(2, (*begin, "data.classes=5"), "has 4 classes, 5 were asked for")
    refused(2, (*begin, "data.origins=1"), "data.each")
    refused(2, (*begin, "data.each=1"), "every class", "one image")
    refused(2, (*begin, "data.classes=1"), "one class only")
    refused(2, (*begin, "data.tail=-1.0"), "data.tail is -1.0, 0 to 10 was expected")
    refused(2, (*begin, "data.each=many"), "data.each is 'many', a whole number was expected")
    refused(2, (*begin, "data.groop=2"), "groups")
    assert not (tmp_path / "other").exists()


def test_a_resumed_run_tells_the_same(uncalibrated_model: Path, strangers: Path, tmp_path: Path) -> None:
    """Stopped and resumed, a run tells the same figures before and after, and remembers what part it learned from."""
    from firstsight.errors import UsageError

    def stop(event: Event) -> None:
        if event.kind == "step" and event.step == 2:
            raise KeyboardInterrupt

    changes = (*FEW, "training.checkpoint_every=1", "data.each=4")
    given: dict[str, Any] = {"from_": uncalibrated_model, "data": str(strangers)}
    whole = api.train(None, *changes, **given, out=tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        api.train(None, *changes, **given, out=tmp_path / "out", listen=stop)
    with pytest.raises(UsageError, match="data.each was 4 and is 3"):
        api.train(None, *changes[:-1], "data.each=3", **given, out=tmp_path / "out", resume=True)
    resumed = api.train(None, *changes, **given, out=tmp_path / "out", resume=True)
    assert resumed.spec.trained.growth == whole.spec.trained.growth
    assert resumed.fingerprint == whole.fingerprint
