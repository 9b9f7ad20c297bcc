"""A head learned on convolutions that stay as they are, and statistics of channels as its features."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from drawn import TINY, Refused
from firstsight import api
from firstsight.errors import UsageError
from firstsight.learn.encoders.residual import Residual, statistics
from firstsight.learn.export.directory import load_encoder
from firstsight.model import Model

FEW = (*TINY, "training.steps=6", "training.validate_every=6", "optimiser.warmup=1")


def trunk(path: Path) -> dict[str, torch.Tensor]:
    """What a model holds before its head, the means and deviations of its normalisation included."""
    state = load_encoder(Model.load(path))[0].state_dict()
    return {name: tensor for name, tensor in state.items() if name.startswith(("stem.", "stages."))}


def test_statistics_are_mean_and_deviation_of_each_channel() -> None:
    """By NumPy's own; where a stroke lies does not matter, how much of it there is does."""
    maps = torch.rand(3, 4, 6, 5, generator=torch.Generator().manual_seed(0))
    flat = maps.numpy().reshape(3, 4, -1)
    expected = torch.from_numpy(np.concatenate([flat.mean(2), flat.std(2)], 1))
    torch.testing.assert_close(statistics(maps), expected, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(statistics(maps.roll((2, 1), (2, 3))), statistics(maps))
    assert not torch.allclose(statistics(maps * 0.5), statistics(maps))


@pytest.mark.parametrize("fine", [False, True])
@pytest.mark.parametrize("depth", [1, 2])
def test_the_head_sees_every_stage(fine: bool, depth: int) -> None:
    """As many features as the stages give, and each of them moves the embedding."""
    encoder = Residual(1, 32, width=8, dim=6, fine=fine, depth=depth, head="statistics").eval()
    features = encoder.features(torch.rand(2, 1, 32, 32))
    assert features.shape == (2, encoder.head[2].in_features)
    assert encoder(torch.rand(2, 1, 32, 32)).shape == (2, 6)
    encoder(torch.rand(4, 1, 32, 32)).square().sum().backward()
    assert all(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in encoder.stem.parameters() if p.ndim > 1)


def test_what_is_frozen_stays_and_a_head_of_another_shape_begins_anew(
    uncalibrated_model: Path, strangers: Path, tmp_path: Path
) -> None:
    """Weights and batch statistics before the head are those of the start, to the last bit; the head has learned."""
    out, before = tmp_path / "out", trunk(uncalibrated_model)
    changes = (*FEW, "encoder.frozen=true", "encoder.head=statistics", "encoder.dim=5")
    start = f"training.start={uncalibrated_model}"
    made = api.train("folder", *changes, start, data=f"folder:{strangers}", out=out)
    after = trunk(out)
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    head = load_encoder(made)[0].head[2].weight
    assert head.shape == Residual(made.input.shape[0], 32, width=8, dim=5, head="statistics").head[2].weight.shape


def test_a_head_of_the_same_shape_is_gone_on_with(uncalibrated_model: Path, strangers: Path, tmp_path: Path) -> None:
    """Training further with the convolutions frozen begins with the head that the model has."""
    settings = Model.load(uncalibrated_model).spec.trained.settings["encoder"]
    changes = (*FEW, "encoder.frozen=true", "optimiser.lr=1e-12", "training.average=0.0")
    out = tmp_path / "out"
    api.train(None, *changes, from_=uncalibrated_model, data=f"folder:{strangers}", out=out)
    old, new = (load_encoder(Model.load(path))[0] for path in (uncalibrated_model, out))
    assert settings["name"] == "residual"
    torch.testing.assert_close(old.head[-1].weight, new.head[-1].weight, atol=1e-6, rtol=1e-5)


def test_nothing_is_frozen_that_nobody_trained(shapes: Path, tmp_path: Path, refused: Refused) -> None:
    """Frozen convolutions of no model are random ones: refused before the first step."""
    arguments = ("train", "folder", shapes, *FEW, "encoder.frozen=true", "--out", tmp_path / "out")
    refused(2, arguments, "set training.start, or leave encoder.frozen out")
    with pytest.raises(UsageError, match="flatten, pool or statistics"):
        Residual(1, 32, head="feet")  # type: ignore[arg-type]
