"""Training that is stopped, goes wrong, or would overwrite: a sentence that mends it, and nothing lost."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from drawn import SHAPES, TINY, Cli, Refused, draw, draw_classes
from firstsight import api
from firstsight.errors import TrainingError, UsageError
from firstsight.learn.events import Event
from firstsight.model import Model


def collect(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Instead of exporting, keep the weights that would have been exported."""
    kept: list[dict[str, Any]] = []

    def save(path: Path, **parts: Any) -> None:
        kept.append({k: v.clone() for k, v in parts["encoder"].state_dict().items()})

    monkeypatch.setattr("firstsight.learn.run.save", save)
    return kept


def equal(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two sets of weights are the same to the last bit."""
    return one.keys() == other.keys() and all(bool((one[k] == other[k]).all()) for k in one)


def test_ctrl_c_keeps_what_was_learned(shapes: Path, tiny_model: Path, tmp_path: Path, cli: Cli) -> None:
    """SIGINT amid training ends with a hint and exit code 3; the hinted command gives the uninterrupted model."""
    out = tmp_path / "tiny"
    command = [sys.executable, "-m", "firstsight", "train", "folder", str(shapes), *TINY, "--out", str(out)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    assert process.stderr
    for line in process.stderr:
        if line.startswith("step 1 of"):
            break
    process.send_signal(signal.SIGINT)
    printed, said = process.communicate()
    assert process.returncode == 3, said
    assert "Traceback" not in said
    assert printed == ""
    last = said.splitlines()[-1]
    assert last.startswith("error: stopped; the checkpoint is kept; go on with: firstsight train ")
    assert not (out / "model.json").exists()
    hinted = shlex.split(last.split("go on with: firstsight ")[1])
    assert "--resume" in hinted
    resumed = cli(*hinted)
    assert resumed.code == 0, resumed.err
    assert Model.load(out).fingerprint == Model.load(tiny_model).fingerprint
    assert not (out / "checkpoint.pt").exists()


def test_the_hint_can_be_pasted(
    shapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model_copy: Path, cli: Cli
) -> None:
    """The hinted command keeps its words together where paths hold blanks, and keeps every option that it needs."""
    out = model_copy.rename(tmp_path / "my model")
    (out / "checkpoint.pt").write_bytes(b"x")

    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(api, "train", interrupted)
    command = ("train", "folder", shapes, "encoder.head=pool", "--out", out, "--overwrite")
    ran = cli(*command)
    assert ran.code == 3
    hinted = shlex.split(ran.err.split("go on with: firstsight ")[1])
    assert str(out) in hinted
    assert {"--resume", "--overwrite", str(shapes), "encoder.head=pool"} <= set(hinted)


def test_an_overwriting_run_can_be_resumed(
    shapes: Path, model_copy: Path, monkeypatch: pytest.MonkeyPatch, picture: Path
) -> None:
    """A stopped run that would replace a model leaves that model usable, and resumes with --resume --overwrite."""
    kept = collect(monkeypatch)
    changes = (*TINY, "training.steps=8", "training.checkpoint_every=4")
    before = Model.load(model_copy).embed(picture)

    def stop(event: Event) -> None:
        if event.kind == "step" and event.step == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        api.train("folder", *changes, data=str(shapes), out=model_copy, overwrite=True, listen=stop)
    assert (Model.load(model_copy).embed(picture) == before).all()
    api.train("folder", *changes, data=str(shapes), out=model_copy, overwrite=True, resume=True)
    assert len(kept) == 1


@pytest.mark.parametrize(
    "changes",
    [
        (),
        ("encoder.dropout=0.3",),
        ("sampling.name=random", "sampling.size=10", "training.turns=8", "training.average=0.0"),
        ("loss.name=triplet", "comparison.name=sampled_triplets", "augment.erase=0.9"),
    ],
    ids=["plain", "dropout", "turns", "triplets"],
)
def test_resuming_gives_the_very_same_model(
    changes: tuple[str, ...], shapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that was stopped between checkpoints and resumed has the weights of one that was not, to the last bit."""
    kept = collect(monkeypatch)
    named = {c.split("=")[0].split(".")[0] for c in changes if ".name=" in c}
    tiny = [c for c in TINY if c.split(".")[0] not in named]
    settings = (*tiny, *changes, "training.steps=9", "training.checkpoint_every=3")

    def stop(event: Event) -> None:
        if event.kind == "step" and event.step == 5:
            raise KeyboardInterrupt

    api.train("folder", *settings, data=str(shapes), out=tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        api.train("folder", *settings, data=str(shapes), out=tmp_path / "parts", listen=stop)
    api.train("folder", *settings, data=str(shapes), out=tmp_path / "parts", resume=True)
    assert equal(*kept)


def test_a_resumed_run_has_the_whole_log(shapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each row is in the log once, as it was, though rows after the checkpoint were torn and the file then lost."""
    collect(monkeypatch)
    settings = (*TINY, "training.steps=40", "training.checkpoint_every=15", "training.validate_every=25")

    def rows(out: Path) -> list[tuple[int, float]]:
        read = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
        return [(row["step"], row["loss"]) for row in read]

    def tear(log: Path) -> None:
        log.write_text(log.read_text() + '{"step": 2')

    def stop(event: Event) -> None:
        if event.kind == "step" and event.step == 21:
            raise KeyboardInterrupt

    api.train("folder", *settings, data=str(shapes), out=tmp_path / "whole")
    expected = rows(tmp_path / "whole")
    assert [step for step, _ in expected] == [10, 20, 25, 30, 40]
    for name, spoil in (("torn", tear), ("lost", Path.unlink)):
        out = tmp_path / name
        with pytest.raises(KeyboardInterrupt):
            api.train("folder", *settings, data=str(shapes), out=out, listen=stop)
        spoil(out / "metrics.jsonl")
        api.train("folder", *settings, data=str(shapes), out=out, resume=True)
        assert rows(out) == expected


def test_a_collapse_is_noticed_across_a_stop(shapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks that found the embedding flat before a stop count after it: the third one ends the run."""
    monkeypatch.setattr("firstsight.learn.train.CHECK_EVERY", 1)
    monkeypatch.setattr("firstsight.learn.watching.effective_dimensions", lambda *_, **__: 1.0)
    settings = (*TINY, "training.checkpoint_every=1")

    def stop(event: Event) -> None:
        if event.kind == "step" and event.step == 2:
            raise TrainingError("stopped")

    with pytest.raises(TrainingError, match="stopped"):
        api.train("folder", *settings, data=str(shapes), out=tmp_path / "out", listen=stop)
    with pytest.raises(TrainingError, match="at step 3"):
        api.train("folder", *settings, data=str(shapes), out=tmp_path / "out", resume=True)


def test_what_killed_writers_left_is_removed(shapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a checkpoint of a killed run goes with the next run, resumed or not; other files stay."""
    collect(monkeypatch)
    out = tmp_path / "out"
    for name in (".abc.partial", ".d.partial"):
        (out / name).mkdir(parents=True)
        (out / name / "checkpoint.pt").write_bytes(b"half")
    for name in ("mine.partial", ".hidden", ".file.partial"):
        (out / name).write_text("kept")
    api.train("folder", *TINY, "training.steps=1", data=str(shapes), out=out)
    assert {p.name for p in out.iterdir()} >= {"mine.partial", ".hidden", ".file.partial"}
    assert not [p for p in out.iterdir() if p.is_dir()]


def test_the_same_seed_gives_the_same_model(shapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs of one seed have the same weights, whatever was drawn before; another seed has others."""
    kept = collect(monkeypatch)
    for number, seed in enumerate((0, 0, 1)):
        torch.rand(number + 1)
        changes = (*TINY, "training.steps=4", f"training.seed={seed}")
        api.train("folder", *changes, data=str(shapes), out=tmp_path / str(number))
    assert equal(kept[0], kept[1])
    assert not equal(kept[0], kept[2])


def test_a_run_goes_on_with_the_same_images_wherever_they_lie(
    shapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    """Touched, renamed and moved they are the images that were learned from; one that shows another thing is not."""
    kept = collect(monkeypatch)
    settings, out = (*TINY, "training.steps=8", "training.checkpoint_every=2"), tmp_path / "out"
    data = Path(shutil.copytree(shapes, tmp_path / "before"))

    def stop(event: Event) -> None:
        if event.kind == "step" and event.step == 5:
            raise KeyboardInterrupt

    api.train("folder", *settings, data=str(data), out=tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        api.train("folder", *settings, data=str(data), out=out, listen=stop)
    moved = data.rename(tmp_path / "after")
    for file in moved.rglob("*.png"):
        file.rename(file.with_name(f"x{file.name}")).touch()
    state = (moved / "circle" / "x0.png").stat()
    images = [moved / "circle" / "x0.png", moved / "ring" / "x0.png"]
    contents = [image.read_bytes() for image in images]
    for image, content in zip(images, reversed(contents), strict=True):
        image.write_bytes(content)
    os.utime(images[0], ns=(state.st_atime_ns, state.st_mtime_ns))
    refused(2, ("train", "folder", moved, *settings, "--out", out, "--resume"), "other data")
    for image, content in zip(images, contents, strict=True):
        image.write_bytes(content)
    api.train("folder", *settings, data=str(moved), out=out, resume=True)
    assert equal(*kept)


def test_a_checkpoint_of_the_form_before_goes_on(shapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It tells its images by names, sizes and times, which a copy changes; so its address must do."""
    kept = collect(monkeypatch)
    settings, out = (*TINY, "training.steps=8", "training.checkpoint_every=2"), tmp_path / "out"

    def stop(event: Event) -> None:
        if event.kind == "step" and event.step == 5:
            raise KeyboardInterrupt

    api.train("folder", *settings, data=str(shapes), out=tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        api.train("folder", *settings, data=str(shapes), out=out, listen=stop)
    state = torch.load(out / "checkpoint.pt", weights_only=True)
    del state["decisive"]["held-out examples"]
    state["decisive"]["examples"] = "0123456789abcdef"
    torch.save({**state, "form": 4}, out / "checkpoint.pt")
    with pytest.raises(UsageError, match="data.train was .* and is "):
        api.train("folder", *settings, data=str(shutil.copytree(shapes, tmp_path / "copy")), out=out, resume=True)
    api.train("folder", *settings, data=str(shapes), out=out, resume=True)
    assert equal(*kept)


def test_what_cannot_be_resumed_is_refused(
    shapes: Path, strangers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    """No checkpoint, a damaged one, one of another recipe or of other data, and a forgotten --resume are sentences."""
    collect(monkeypatch)
    out = tmp_path / "out"
    settings = (*TINY, "training.steps=8", "training.checkpoint_every=2")

    def stop(event: Event) -> None:
        if event.kind == "step" and event.step == 5:
            raise KeyboardInterrupt

    refused(2, ("train", "folder", shapes, *settings, "--out", tmp_path / "none", "--resume"), "nothing to resume")
    with pytest.raises(KeyboardInterrupt):
        api.train("folder", *settings, data=str(shapes), out=out, listen=stop)
    checkpoint = (out / "checkpoint.pt").read_bytes()
    refused(2, ("train", "folder", shapes, *settings, "--out", out), "--resume it, or --overwrite it")
    changed = (*settings, "encoder.width=16", "loss.margin=0.3", "encoder.head=pool")
    sentence = refused(2, ("train", "folder", shapes, *changed, "--out", out, "--resume"))
    assert sentence == (
        f"{out}/checkpoint.pt was written by another recipe or other data: encoder.head was not set and is 'pool', "
        "encoder.width was 8 and is 16, loss.margin was 0.2 and is 0.3; resume with what was, or train without --resume"
    )
    fewer = tuple(change for change in settings if not change.startswith("training.average"))
    refused(2, ("train", "folder", shapes, *fewer, "--out", out, "--resume"), "training.average was 0.9 and is not set")
    refused(
        2,
        ("train", "folder", strangers, *settings, "--out", out, "--resume"),
        f"other data: data.calibration was 'folder:{shapes}:validation' and is 'folder:{strangers}:validation', "
        f"data.train was 'folder:{shapes}:train' and is 'folder:{strangers}:train', ",
    )
    refused(2, ("compare", out, "a.png", "b.png"), "--resume")
    assert (out / "checkpoint.pt").read_bytes() == checkpoint
    older = torch.load(out / "checkpoint.pt", weights_only=True)
    del older["form"]
    torch.save(older, out / "checkpoint.pt")
    refused(2, ("train", "folder", shapes, *settings, "--out", out, "--resume"), "another version of FirstSight")
    for content in (b"", b"rubbish", checkpoint[: len(checkpoint) // 2]):
        (out / "checkpoint.pt").write_bytes(content)
        refused(2, ("train", "folder", shapes, *settings, "--out", out, "--resume"), "is damaged")


def test_a_resumed_run_is_told_that_its_examples_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    """The same recipe over a folder in which a picture was replaced is refused, and it is the examples that changed."""
    collect(monkeypatch)
    folder, out = draw_classes(tmp_path / "shapes", SHAPES, 3), tmp_path / "out"
    settings = (*TINY, "training.steps=8", "training.checkpoint_every=2")

    def stop(event: Event) -> None:
        if event.kind == "step" and event.step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        api.train("folder", *settings, data=str(folder), out=out, listen=stop)
    for kind in SHAPES:
        draw(kind, 77).save(folder / kind / "1.png")
    again = ("train", "folder", folder, *settings, "--out", out, "--resume")
    refused(2, again, f"other data: the examples of folder:{folder}:train have changed; resume with what was")


def test_a_checkpoint_that_is_a_pickle_is_not_run(
    shapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    """A checkpoint that would run code when unpickled is called damaged, and its code does not run."""

    class Evil:
        def __reduce__(self) -> tuple[Any, tuple[Path]]:
            return (Path.touch, (tmp_path / "ran",))

    (tmp_path / "out").mkdir()
    torch.save({"recipe": Evil()}, tmp_path / "out" / "checkpoint.pt")
    refused(2, ("train", "folder", shapes, *TINY, "--out", tmp_path / "out", "--resume"), "is damaged")
    assert not (tmp_path / "ran").exists()


def test_a_model_is_not_overwritten_unasked(shapes: Path, model_copy: Path, refused: Refused) -> None:
    """Training into a directory that holds a model is refused before anything is read, and the model is as it was."""
    before = {p.name: p.read_bytes() for p in model_copy.iterdir()}
    refused(2, ("train", "folder", shapes, *TINY, "--out", model_copy), "holds a model already", "--overwrite")
    refused(2, ("train", "folder", shapes, *TINY, "--out", model_copy, "--resume"), "holds a model already")
    assert {p.name: p.read_bytes() for p in model_copy.iterdir()} == before


def test_a_failed_overwrite_keeps_the_model(shapes: Path, model_copy: Path, refused: Refused, picture: Path) -> None:
    """A run with --overwrite that goes wrong leaves the model that it would have replaced."""
    before = Model.load(model_copy).embed(picture)
    refused(3, ("train", "folder", shapes, *TINY, "optimiser.lr=1e12", "--out", model_copy, "--overwrite"))
    assert (Model.load(model_copy).embed(picture) == before).all()


def test_a_loss_that_is_no_number_is_one_sentence(shapes: Path, tmp_path: Path, refused: Refused) -> None:
    """A learning rate far too high ends at once with the step, a remedy and exit code 3, and leaves no model."""
    out = tmp_path / "out"
    command = ("train", "folder", shapes, *TINY, "optimiser.lr=1e12", "optimiser.warmup=0", "--out", out)
    refused(3, command, "the loss became nan at step", "lower optimiser.lr")
    assert not (out / "model.json").exists()


def test_a_last_step_that_spoils_the_weights_makes_no_model(shapes: Path, tmp_path: Path, refused: Refused) -> None:
    """Weights that became infinite in the very last step are noticed, and no model is written."""
    out = tmp_path / "out"
    changes = ("optimiser.lr=1e25", "optimiser.warmup=0", "training.steps=1", "training.average=0.0")
    refused(3, ("train", "folder", shapes, *TINY, *changes, "--out", out))
    assert not (out / "model.json").exists()


def test_a_collapse_is_one_sentence(
    shapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    """An embedding that collapsed ends training with what was seen, a remedy and exit code 3."""
    monkeypatch.setattr("firstsight.learn.train.CHECK_EVERY", 10)
    changes = [c for c in TINY if not c.startswith(("training.steps", "training.validate"))]
    changes += ["loss.name=triplet", "loss.mining=batch-hard", "comparison.name=in_batch", "optimiser.lr=1.0"]
    changes += ["training.steps=200", "training.validate_every=500", "training.parts=1", "training.precision=float32"]
    out = tmp_path / "out"
    refused(3, ("train", "folder", shapes, *changes, "--out", out), "the embedding collapsed", "lower optimiser.lr")
    assert not (out / "model.json").exists()


def test_starting_from_a_model_that_does_not_fit_is_refused(
    shapes: Path, strangers: Path, tiny_model: Path, tmp_path: Path, refused: Refused
) -> None:
    """Weights of another shape, and validation on what the first model learned from, are refused in a sentence."""
    start = f"training.start={tiny_model}"
    out = tmp_path / "out"
    refused(
        2, ("train", "folder", strangers, *TINY, "encoder.width=16", start, "--out", out), "encoder of another shape"
    )
    mixed = Path(shutil.copytree(strangers, tmp_path / "mixed"))
    for kind in ("bars", "circle", "cross", "ring", "square", "triangle"):
        shutil.copytree(shapes / kind, mixed / kind)
    refused(2, ("train", "folder", mixed, *TINY, start, "--out", out), "validate on other classes")


def test_training_further_remembers_what_was_learned_before(
    strangers: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model trained further counts the classes of both trainings as trained."""
    seen: list[Any] = []
    monkeypatch.setattr("firstsight.learn.run.save", lambda *_, **parts: seen.append(parts["trained"]))
    changes = (*TINY, "training.steps=2", f"training.start={tiny_model}")
    api.train("folder", *changes, data=str(strangers), out=tmp_path / "out")
    assert Model.load(tiny_model).trained_classes < set(seen[0].classes)
    assert len(seen[0].classes) == 8
