"""Training further: what a run takes over from the model it starts from, and what it refuses."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from drawn import STRANGERS, Cli, Refused, draw_classes
from firstsight import api
from firstsight.errors import ModelError, UsageError
from firstsight.learn import start
from firstsight.learn.augment.warp import turn
from firstsight.learn.catalogue import COMPARISONS
from firstsight.learn.export.directory import load_encoder
from firstsight.learn.export.readable import LabEmbedder
from firstsight.model import Model

FEW = ("training.steps=2", "optimiser.warmup=1")


@pytest.fixture
def saved(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What would have been exported."""
    kept: list[dict[str, Any]] = []
    monkeypatch.setattr("firstsight.learn.run.save", lambda path, **parts: kept.append({"path": path, **parts}))
    return kept


def test_a_model_is_all_the_recipe_that_is_needed(
    strangers: Path, uncalibrated_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    """``train --from MODEL NEW`` makes a model of that encoder's shape that knows both trainings and its origin."""
    monkeypatch.chdir(tmp_path)
    before = Model.load(uncalibrated_model)
    ran = cli("train", "--from", uncalibrated_model, "--data", f"folder:{strangers}", *FEW)
    assert ran.code == 0, ran.err
    further = Model.load(tmp_path / "tiny-further")
    old, new = before.spec.trained, further.spec.trained
    assert further.spec.input == before.spec.input
    assert further.spec.similarity == before.spec.similarity
    assert {k: v for k, v in new.settings.items() if k not in ("data", "training", "optimiser")} == {
        k: v for k, v in old.settings.items() if k not in ("data", "training", "optimiser")
    }
    assert (new.recipe, new.steps) == (old.recipe, 2)
    assert set(new.classes) > set(old.classes)
    assert len(new.classes) == len(old.classes) + 4
    assert new.started_from == f"tiny {before.fingerprint}"
    assert f"| started from | tiny {before.fingerprint} |" in (further.path / "README.md").read_text()
    assert further.fingerprint != before.fingerprint


def test_the_first_step_is_taken_from_its_weights(
    strangers: Path, uncalibrated_model: Path, tmp_path: Path, saved: list[dict[str, Any]]
) -> None:
    """With a rate of almost nothing the new encoder is the old one, so its weights were where it began."""
    changes = ("training.steps=1", "training.average=0.0", "optimiser.lr=1e-12", "optimiser.weight_decay=0.0")
    api.train(None, *changes, from_=uncalibrated_model, data=str(strangers), out=tmp_path / "out")
    old = load_encoder(Model.load(uncalibrated_model))[0]
    for (name, one), other in zip(old.named_parameters(), saved[0]["encoder"].parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-6), name


@pytest.mark.parametrize(
    ("words", "recipe", "steps"),
    [
        (("training.steps=3", "DATA"), "folder", 3),
        (("DATA", "training.steps=3"), "folder", 3),
        (("icons", "DATA"), "icons", 1600),
        (("./mine.toml", "DATA"), "mine", 5),
    ],
)
def test_words_beside_from_are_what_they_look_like(
    words: tuple[str, ...],
    recipe: str,
    steps: int,
    strangers: Path,
    uncalibrated_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    cli: Cli,
) -> None:
    """Beside --from the first word may be a recipe, a setting or the data; the model's shape holds under any recipe."""
    from firstsight.learn import recipe as recipes

    seen: list[Any] = []

    def keep(recipe: Any, out: Path, **_: Any) -> Model:
        seen.append((recipe, out))
        return Model.load(uncalibrated_model)

    monkeypatch.setattr("firstsight.learn.train.train", keep)
    monkeypatch.chdir(tmp_path)
    mine = (recipes.FOLDER / "folder.toml").read_text().replace("steps = 600", "steps = 5")
    (tmp_path / "mine.toml").write_text(mine)
    given = [str(strangers) if word == "DATA" else word for word in words]
    ran = cli("train", *given, "--from", uncalibrated_model)
    assert ran.code == 0, ran.err
    (chosen, out), own = seen[0], Model.load(uncalibrated_model).spec.trained.settings
    assert (chosen.name, chosen.training.steps) == (recipe, steps)
    assert chosen.data.train.startswith("folder:")
    assert chosen.data.train.endswith("strangers:train")
    assert all(chosen.sections[section] == own[section] for section in start.TAKEN)
    assert chosen.training.start == str(uncalibrated_model.resolve())
    assert out == Path("tiny-further" if recipe == "folder" else f"{recipe}-model")


def test_what_is_changed_on_purpose_is_changed(uncalibrated_model: Path) -> None:
    """A setting of the encoder or input that is given stands above the model's."""
    chosen = start.recipe_from(Model.load(uncalibrated_model), "icons", ["encoder.dropout=0.5", "input.invert=true"])
    assert chosen.sections["encoder"]["dropout"] == 0.5
    assert chosen.sections["input"]["invert"] is True
    assert chosen.sections["encoder"]["width"] == 8
    assert chosen.settings("augment")["degrees"] == 30.0


def test_a_shipped_model_is_started_from_by_its_name() -> None:
    """The bare name is kept, so that the recipe means the same on another machine."""
    chosen = start.recipe_from(Model.load("glyphs"), None, ["data.train=omniglot:train"])
    assert chosen.training.start == "glyphs"
    assert chosen.data.train == "omniglot:train"
    assert chosen.data.calibration == ""


def test_what_does_not_fit_is_refused(
    shapes: Path, strangers: Path, uncalibrated_model: Path, tmp_path: Path, refused: Refused
) -> None:
    """Another encoder, no data, two starts, no start and no recipe, and a model that would replace itself."""
    begin = ("train", "--from", uncalibrated_model, "--out", tmp_path / "out")
    words = ("encoder.width is 16 here and 8 there", "its own [encoder] and [input]")
    assert "dim" not in refused(2, (*begin, strangers, "encoder.width=16"), *words)
    refused(2, (*begin, strangers, "input.size=64"), "input.size is 64 here and 32 there")
    refused(2, (*begin, strangers, "encoder.name=conv4"), "encoder.name is conv4 here and residual there")
    refused(2, begin, "learns from your data", f"firstsight train --from {uncalibrated_model} ./photos")
    refused(2, (*begin, strangers, "training.start=glyphs"), "replace each other")
    refused(2, ("train", strangers, "--from", tmp_path / "none"), "does not exist")
    refused(2, ("train",), "a recipe", "--from")
    refused(2, ("train", "--out", tmp_path / "out"), "a recipe", "--from")
    itself = ("train", strangers, "--from", uncalibrated_model, "--out", uncalibrated_model, "--overwrite")
    refused(2, itself, "both the model to start from and the new one")
    mixed = Path(shutil.copytree(strangers, tmp_path / "mixed"))
    shutil.copytree(shapes, mixed, dirs_exist_ok=True)
    refused(2, (*begin, mixed), "validate on other classes")
    assert not (tmp_path / "out").exists()


def test_a_model_of_no_recipe_is_refused(model_copy: Path) -> None:
    """Stored settings that no recipe may have are a sentence, unless a recipe takes their place."""
    spec = Model.load(model_copy).spec
    settings = {**spec.trained.settings, "loss": {"name": "nonesuch"}}
    trained = spec.trained.model_copy(update={"settings": settings})
    (model_copy / "model.json").write_text(spec.model_copy(update={"trained": trained}).model_dump_json())
    model = Model.load(model_copy)
    with pytest.raises(ModelError, match="no recipe here .*nonesuch"):
        start.recipe_from(model, None)
    assert start.recipe_from(model, "folder").sections["loss"]["name"] == "normalised_softmax"


def test_the_same_by_python(
    uncalibrated_model: Path, strangers: Path, tmp_path: Path, saved: list[dict[str, Any]]
) -> None:
    """A loaded model, a path and a word give the same run; a run that stopped resumes only from the same model."""
    model = Model.load(uncalibrated_model)
    for number, given in enumerate((model, uncalibrated_model, str(uncalibrated_model))):
        api.train(None, *FEW, from_=given, data=str(strangers), out=tmp_path / str(number))
    first, *others = (one["encoder"].state_dict() for one in saved)
    assert all(bool((first[k] == other[k]).all()) for other in others for k in first)


def test_resuming_asks_for_the_same_start(
    uncalibrated_model: Path, other_model: Path, strangers: Path, tmp_path: Path, saved: list[dict[str, Any]]
) -> None:
    """A model that was replaced after the run began cannot slip into it."""
    begun = Path(shutil.copytree(uncalibrated_model, tmp_path / "start"))

    def stop(event: Any) -> None:
        if event.kind == "step" and event.step == 2:
            raise KeyboardInterrupt

    changes = ("training.steps=3", "training.checkpoint_every=1")
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        api.train(None, *changes, from_=begun, data=str(strangers), out=out, listen=stop)
    shutil.rmtree(begun)
    shutil.copytree(other_model, begun)
    with pytest.raises(UsageError, match="another recipe or other data"):
        api.train(None, *changes, from_=begun, data=str(strangers), out=out, resume=True)
    shutil.rmtree(begun)
    shutil.copytree(uncalibrated_model, begun)
    api.train(None, *changes, from_=begun, data=str(strangers), out=out, resume=True)
    assert len(saved) == 1


# --- proxies


@pytest.mark.parametrize("turns", [1, 4, 8])
def test_proxies_stand_where_their_classes_are(uncalibrated_model: Path, turns: int) -> None:
    """Each proxy, turned classes' too, is the direction of the mean embedding of what training would show of it."""
    encoder, similarity = load_encoder(Model.load(uncalibrated_model))
    draw = torch.Generator().manual_seed(0)
    images = torch.randint(256, (9, 3, 32, 32), generator=draw, dtype=torch.uint8)
    labels = torch.tensor([2, 0, 1, 2, 0, 1, 2, 0, 1])
    comparison = COMPARISONS["proxies"](similarity, 16, 3 * turns)
    start.place_proxies(comparison, encoder, similarity, images, labels, turns)
    embed = LabEmbedder(encoder, similarity).embed_arrays
    seen = set()
    for seed in range(60):
        turned, codes = turn(images, labels, 3, turns, torch.Generator().manual_seed(seed))
        for code in set(codes.tolist()):
            mean = torch.from_numpy(embed(turned[codes == code].numpy())).mean(0)
            assert torch.allclose(comparison.proxies[code], mean / mean.norm(), atol=1e-5)
            seen.add(code)
    assert seen == set(range(3 * turns))


def test_placed_proxies_spare_the_first_steps(
    uncalibrated_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, saved: list[dict[str, Any]]
) -> None:
    """On classes the model has not seen, the first losses are lower with placed proxies than with drawn ones."""
    data = draw_classes(tmp_path / "data", STRANGERS)

    def losses(place: str) -> list[float]:
        seen: list[float] = []
        changes = ("training.steps=10", "optimiser.warmup=5")
        out = tmp_path / place
        api.train(
            None,
            *changes,
            from_=uncalibrated_model,
            data=str(data),
            out=out,
            listen=lambda e: seen.extend([e.values["loss"]] if e.kind == "step" else []),
        )
        return seen

    placed = losses("placed")
    monkeypatch.setattr("firstsight.learn.run.place_proxies", lambda *_: None)
    drawn = losses("drawn")
    assert sum(placed[:5]) < 0.85 * sum(drawn[:5])


def test_other_comparisons_are_left_alone(uncalibrated_model: Path) -> None:
    """What has no proxies is not touched."""
    encoder, similarity = load_encoder(Model.load(uncalibrated_model))
    comparison = COMPARISONS["in_batch"](similarity, 16, 3)
    images, labels = torch.zeros(2, 3, 32, 32, dtype=torch.uint8), torch.tensor([0, 1])
    start.place_proxies(comparison, encoder, similarity, images, labels, 1)
    assert list(comparison.parameters()) == []
