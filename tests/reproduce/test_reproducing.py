"""``reproduce``: the record grows while training, a stopped run goes on, an expected collapse is a result."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from drawn import TINY
from firstsight import api
from firstsight.errors import TrainingError, UsageError
from firstsight.learn.events import Event
from firstsight.reproduce import run
from firstsight.reproduce.catalogue import REPRODUCTIONS
from firstsight.reproduce.measures import Found
from firstsight.reproduce.record import Figure, Reproduction, Stage
from firstsight.types import Metric

WHAT = Reproduction(
    "A tiny one",
    "A paper",
    "folder",
    TINY,
    ("training.steps=4",),
    (Figure("accuracy", "mine", "accuracy", 0.9, "table 1"),),
    ("All.",),
)
FOUND = Found("by heart", 10, {"accuracy": Metric(0.8, 0.7, 0.9)}, {"threshold": 0.5})


@pytest.fixture
def world(tmp_path: Path, monkeypatch, tiny_model):
    """A catalogue of one, a measure of its own, an empty working folder, and a training that only speaks."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(REPRODUCTIONS, "tiny", WHAT)
    monkeypatch.setattr(run, "measure", lambda *_, **__: FOUND)
    seen = []

    def train(recipe, *changes, out, resume, so_far, overwrite, listen):
        seen.append((recipe, changes, out, resume))
        for step in (1, 2):
            listen(Event("step", step, 2, values={"loss": 1.0 / step, "validation_accuracy": 0.4 * step}))
            seen.append(json.loads((Path("results/reproduce/tiny.json")).read_text()))
        return api.Model.load(tiny_model)

    return train, seen


def test_the_record_is_there_from_the_first_look_on(world):
    """While training the file says how far it is; in the end it holds the published figure beside ours."""
    train, seen = world
    record = run.reproduce("tiny", train=train)
    assert [(one["state"], one["step"], len(one["curve"])) for one in seen[1:]] == [
        ("training", 1, 1),
        ("training", 2, 2),
    ]
    written = json.loads(Path("results/reproduce/tiny.json").read_text())
    assert written["state"] == record.state == "done"
    assert written["command"] == "firstsight reproduce tiny"
    assert written["figures"] == [
        {
            "name": "accuracy",
            "protocol": "by heart",
            "trials": 10,
            "paper": 0.9,
            "source": "table 1",
            "ours": {"value": 0.8, "low": 0.7, "high": 0.9},
        }
    ]
    assert written["details"] == {"mine": {"threshold": 0.5}}
    assert written["cpu_minutes"] > 0


def test_a_stage_comes_first_and_the_rest_starts_from_its_model(world, monkeypatch):
    """The stage has its own recipe and the seed of all; a change asked for is of the last training alone."""
    train, seen = world
    stage = Stage("simclr", ("encoder.width=8",), ("training.steps=3",))
    monkeypatch.setitem(REPRODUCTIONS, "tiny", replace(WHAT, before=stage))
    record = run.reproduce("tiny", ["encoder.width=12"], train=train, out=Path("here"))
    first, last = (row for row in seen if isinstance(row, tuple))
    assert [row["step"] for row in seen if isinstance(row, dict)] == [1, 2, 1, 2]
    assert [len(row["curve"]) for row in seen if isinstance(row, dict)] == [1, 2, 1, 2]
    assert first[0] == "simclr"
    assert set(first[1]) == {"encoder.width=8", "training.seed=0"}
    assert first[2] == Path("here/before")
    assert {f"training.start={Path('here/before').resolve()}", "encoder.width=12"} <= set(last[1])
    assert record.state == "done"


def test_the_curve_of_a_stage_stands_beside_that_of_the_last_training(world, monkeypatch):
    """What the first training learned is kept apart; the last one's own curve survives a stop and a second start."""
    train, _ = world
    monkeypatch.setitem(REPRODUCTIONS, "tiny", replace(WHAT, before=Stage("simclr")))
    place = run.BUILD / "tiny"
    rows = {place / "before": (10, 20), place: (0, 1)}
    for folder, steps in rows.items():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "metrics.jsonl").write_text("".join(json.dumps({"step": s, "loss": 9.0}) + "\n" for s in steps))
    seen = []

    def last(recipe, *changes, out, listen, **rest):
        if out == place:
            seen.append(json.loads(Path("results/reproduce/tiny.json").read_text()))
        return train(recipe, *changes, out=out, listen=listen, **rest)

    record = run.reproduce("tiny", train=last)
    assert [point["step"] for point in record.earlier] == [10, 20]
    assert [point["step"] for point in seen[0]["curve"]] == [0, 1]


def test_seed_and_changes_stand_in_command_and_recipe(world):
    """A seed of its own has a file of its own, and what was changed is passed on and noted."""
    train, seen = world
    Path("results/reproduce").mkdir(parents=True)
    Path("results/reproduce/tiny.json").write_text("{}")
    record = run.reproduce("tiny", ["encoder.width=12"], train=train, seed=3)
    assert record.command == "firstsight reproduce tiny encoder.width=12 --seed 3"
    _, changes, out, _ = seen[0]
    assert "training.seed=3" in changes
    assert [c for c in changes if c.startswith("encoder.width")] == ["encoder.width=12"]
    assert out.name == "tiny-seed-3"
    assert Path("results/reproduce/tiny-seed-3.json").exists()


def test_a_folder_of_another_command_is_refused(world):
    """What was begun with other settings is not gone on with, and the sentence says both commands."""
    train, _ = world
    run.reproduce("tiny", train=train, out=Path("here"))
    with pytest.raises(UsageError, match="here holds the run of 'firstsight reproduce tiny', .*encoder.width=12"):
        run.reproduce("tiny", ["encoder.width=12"], train=train, out=Path("here"))


def test_a_stopped_run_is_resumed_and_a_finished_one_is_not_trained_again(world, tiny_model):
    """With a checkpoint training is told to resume; with a model it is not asked at all."""
    train, seen = world
    run.reproduce("tiny", train=train)
    (run.BUILD / "tiny" / "checkpoint.pt").write_bytes(b"")
    run.reproduce("tiny", train=train)
    assert seen[3][3] is True
    (run.BUILD / "tiny" / "checkpoint.pt").unlink()
    for file in tiny_model.iterdir():
        (run.BUILD / "tiny" / file.name).write_bytes(file.read_bytes())
    before = len(seen)
    assert run.reproduce("tiny", train=train).state == "done"
    assert len(seen) == before


def test_a_stopped_run_is_measured_as_far_as_it_is(world, tiny_model, monkeypatch):
    """The model so far is measured and the file still says that training is not over, and how far it is."""
    train, _ = world
    place = run.BUILD / "tiny"
    with pytest.raises(KeyboardInterrupt):
        run.reproduce("tiny", train=stopped)
    (place / "checkpoint.pt").write_bytes(b"")
    asked = []

    def early(recipe, *changes, so_far, **rest):
        asked.append(so_far)
        return train(recipe, *changes, so_far=so_far, **rest)

    record = run.reproduce("tiny", train=early, so_far=True)
    assert asked == [True]
    assert (record.state, len(record.figures)) == ("training", 1)
    trained = api.Model.load(tiny_model).spec.trained
    assert (record.step, record.steps) == (trained.steps, trained.settings["training"]["steps"])
    assert run.reproduce("tiny", train=train).state == "done"
    monkeypatch.setitem(REPRODUCTIONS, "tiny", replace(WHAT, before=Stage("simclr")))
    with pytest.raises(UsageError, match="tiny is of several trainings, --so-far came"):
        run.reproduce("tiny", train=train, so_far=True)


def stopped(recipe, *changes, **_):
    """A training that somebody stops."""
    raise KeyboardInterrupt


def collapsing(recipe, *changes, out, resume, so_far, overwrite, listen):
    """A training that collapses."""
    raise TrainingError("the embedding collapsed: at step 150 it fills 0.0 of 10 dimensions")


def test_an_expected_collapse_is_a_result(world, monkeypatch):
    """Where the published training collapsed, ours may; its sentence is the record. Elsewhere it is an error."""
    with pytest.raises(TrainingError):
        run.reproduce("tiny", train=collapsing)
    assert json.loads(Path("results/reproduce/tiny.json").read_text())["state"] == "stopped"
    assert run.reproduce("same-alphabet-flat", train=collapsing).stopped.startswith("the embedding collapsed")


def test_a_smoke_run_stays_away_from_the_results(world):
    """Its file lies beside the model and says what it is."""
    _, _ = world

    def train(recipe, *changes, out, resume, so_far, overwrite, listen):
        assert "training.steps=4" in changes
        raise TrainingError("enough")

    with pytest.raises(TrainingError):
        run.reproduce("tiny", train=train, smoke=True)
    assert not Path("results").exists()
    assert json.loads((run.BUILD / "tiny-smoke" / "tiny.json").read_text())["smoke"] is True


def test_a_resumed_run_keeps_its_cost_and_its_curve(world):
    """What was spent and learned before the stop counts; steps that are done again stand in the curve once."""
    train, seen = world
    place = run.BUILD / "tiny"
    with pytest.raises(KeyboardInterrupt):
        run.reproduce("tiny", train=stopped)
    file = Path("results/reproduce/tiny.json")
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"cpu_minutes": 7.0, "wall_minutes": 5.0}))
    (place / "checkpoint.pt").write_bytes(b"")
    rows = [{"step": step, "loss": 9.0, "validation_accuracy": 0.1} for step in (0, 1)]
    (place / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    run.reproduce("tiny", train=train)
    first, second = (row for row in seen if isinstance(row, dict))
    assert [point["step"] for point in second["curve"]] == [0, 1, 2]
    assert [point["loss"] for point in second["curve"]] == [9.0, 1.0, 0.5]
    assert first["cpu_minutes"] >= 7.0
    assert first["wall_minutes"] >= 5.0
