"""The rivals in the bench of training do FirstSight's work, no less and no more, and its sums are right."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from firstsight.learn.comparisons.proxies import Proxies
from firstsight.learn.losses.softmax import normalised_softmax
from firstsight.learn.recipe import Recipe, load
from firstsight.learn.similarities.fixed import Cosine
from firstsight.learn.similarities.weighted import WeightedL1
from scripts import RESULTS, script

BENCH = RESULTS.parent / "bench" / "training"
SHORT = ("--warmup", "1", "--steps", "1")


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> dict[str, ModuleType]:
    """The modules of the rivals."""
    monkeypatch.syspath_prepend(str(BENCH))
    return {name: script(name, BENCH) for name in ("network", "rival_koch", "rival_loader", "rival_plain")}


@pytest.fixture
def recipe() -> Recipe:
    """The recipe that they are measured on."""
    return load("glyphs")


def ours(recipe: Recipe) -> nn.Module:
    """FirstSight's encoder, its weights and running statistics drawn at random."""
    torch.manual_seed(0)
    channels, size, _ = recipe.part("input")(**recipe.settings("input")).shape
    encoder: nn.Module = recipe.part("encoder")(channels, size, **recipe.settings("encoder"))
    with torch.no_grad():
        for value in encoder.state_dict().values():
            if value.ndim == 1:
                value.uniform_(0.5, 1.5)
    return encoder


@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_the_network_is_ours(bench: dict[str, ModuleType], recipe: Recipe, inplace: bool, training: bool) -> None:
    """With our weights the rivals' network has as many parameters and gives its embeddings and gradients."""
    mine, theirs = ours(recipe), bench["network"].Network(inplace=inplace)
    source, target = mine.state_dict(), theirs.state_dict()
    assert [v.shape for v in source.values()] == [v.shape for v in target.values()]
    assert sum(p.numel() for p in mine.parameters()) == sum(p.numel() for p in theirs.parameters())
    theirs.load_state_dict(dict(zip(target, source.values(), strict=True)))
    images = torch.rand(8, 1, 32, 32)
    slopes = []
    for network in (mine, theirs):
        out = network.train(training)(images)
        out.square().sum().backward()
        slopes.append((out.detach(), *(p.grad for p in network.parameters())))
    for a, b in zip(*slopes, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4 * float(a.abs().max()))


@pytest.mark.parametrize("who", ["rival_loader", "rival_plain"])
def test_the_loss_is_ours(bench: dict[str, ModuleType], recipe: Recipe, who: str) -> None:
    """With the same proxies, both rivals' losses are the recipe's."""
    torch.manual_seed(0)
    comparison = Proxies(Cosine(), 256, 40)
    if who == "rival_plain":
        head = bench[who].Head(40)
        head.weight.data = comparison.proxies.data
    else:
        head = bench[who].make_criterion(40)
        head.W.data = comparison.proxies.data.T.clone()
    embeddings, labels = torch.randn(16, 256), torch.randint(40, (16,))
    seen = comparison(Cosine().prepare(embeddings), labels, torch.Generator())
    expected = normalised_softmax(seen.score, seen.same, seen.weight, **recipe.settings("loss"))
    torch.testing.assert_close(head(embeddings, labels), expected)


def test_the_settings_are_the_recipe(bench: dict[str, ModuleType], recipe: Recipe) -> None:
    """Batch, turns, rates, decay, clip, average and warp of the rivals are the recipe's."""
    network = bench["network"]
    assert recipe.settings("augment") == network.WARP
    assert recipe.settings("sampling")["size"] == network.BATCH
    assert (recipe.training.turns, recipe.training.average) == (network.TURNS, network.AVERAGE)
    optimiser = recipe.optimiser
    assert (optimiser.lr, optimiser.weight_decay, optimiser.warmup, optimiser.clip) == (
        network.RATE,
        network.DECAY,
        network.WARMUP,
        network.CLIP,
    )


def test_kochs_twin_is_ours(bench: dict[str, ModuleType]) -> None:
    """With our weights, some of them below 0, the rival has our scores, and the settings are the recipe's."""
    theirs, koch = bench["rival_koch"], load("koch")
    network, encoder = theirs.Twin(), koch.part("encoder")(1, theirs.SIZE, **koch.settings("encoder"))
    similarity = WeightedL1(theirs.DIM, **koch.settings("similarity"))
    similarity.weights.data.uniform_(-0.2, 2.0)
    similarity.bias.data.fill_(0.3)
    network.body.load_state_dict(dict(zip(network.body.state_dict(), encoder.state_dict().values(), strict=True)))
    network.weight.data, network.bias.data = similarity.weights.data, similarity.bias.data
    first, second = torch.rand(2, 3, 1, theirs.SIZE, theirs.SIZE)
    encoder.train()
    expected = similarity.aligned(*(similarity.prepare(encoder(images)) for images in (first, second)))
    torch.testing.assert_close(network(torch.cat([first, second])), expected, rtol=1e-3, atol=1e-3)
    assert koch.settings("sampling")["size"] == theirs.PAIRS
    optimiser = koch.optimiser
    assert (optimiser.lr, optimiser.momentum) == (theirs.RATE, theirs.MOMENTUM)
    assert (tuple(optimiser.rates), tuple(optimiser.penalties)) == (theirs.RATES, theirs.PENALTIES)


def test_turns_ride_on_the_warp(bench: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch) -> None:
    """With nothing to warp, the plain rival's one sampling grid gives exact quarter turns, each another one."""
    plain = bench["rival_plain"]
    monkeypatch.setattr(plain, "WARP", dict.fromkeys(plain.WARP, 0.0))
    images = torch.rand(4, 1, 32, 32)
    turned: Tensor = plain.augment(images, torch.arange(4))
    for k in range(4):
        torch.testing.assert_close(turned[k], torch.rot90(images[k], k, (1, 2)), atol=1e-4, rtol=0)


def test_the_rate_counts_whole_steps_after_the_warm_up(bench: dict[str, ModuleType]) -> None:
    """Two slow steps and four of half a second, of 100 images each: 200 images a second."""
    rate = bench["network"].rate
    assert rate([5.0, 9.0, 9.5, 10.0, 10.5, 11.0], 2, 100) == pytest.approx(200)
    with pytest.raises(ValueError, match="nothing to measure"):
        rate([1.0, 2.0], 2, 100)


def test_ratios_are_of_medians() -> None:
    """The summary takes each one's median, the best of each side, and pairs ours with the best of equal precision."""
    speeds = {
        "firstsight float32": [400, 500, 90],
        "firstsight bfloat16": [900, 800, 1000],
        "plain float32": [450, 450, 450],
        "plain float32 compiled": [10, 500, 600],
        "plain bfloat16": [450, 600, 700],
        "loader float32, 1 threads, 0 workers": [300, 100, 200],
        "loader float32, 1 threads, 1 workers": [300, 100, 100],
    }
    found = script("bench_training").summary({name: [run(v) for v in values] for name, values in speeds.items()})
    row = found["rows"]["plain bfloat16"]
    assert (row["lowest"], row["images per second"], row["highest"]) == (450, 600, 700)
    assert found["best"]["loader"] == "loader float32, 1 threads, 0 workers"
    assert found["ratios"] == {
        "firstsight bfloat16 / plain bfloat16": 1.5,
        "firstsight bfloat16 / loader float32, 1 threads, 0 workers": 4.5,
        "firstsight float32 / plain float32 compiled": 0.8,
    }


def test_kochs_step_beside_the_fastest_rival() -> None:
    """Seconds a step come from the rate of a step's 128 images; every one of ours stands beside the best rival."""
    speeds = {"firstsight": [128, 64, 256], "plain float32": [20, 20, 20], "plain bfloat16": [32, 64, 128]}
    found = script("bench_koch").summary({name: [run(v) for v in values] for name, values in speeds.items()})
    assert found["rows"]["firstsight"]["seconds a step"] == 1.0
    assert (found["rows"]["plain bfloat16"]["lowest"], found["rows"]["plain bfloat16"]["highest"]) == (1.0, 4.0)
    assert found["ratios"] == {"plain bfloat16 / firstsight": 2.0}


def run(rate: float) -> dict[str, Any]:
    """What a process tells."""
    return {"images per second": rate, "core seconds a step": 128 / rate, "peak MiB": 500, "settings": {}}


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_plain_rival_runs(tmp_path: Path, precision: str) -> None:
    """It trains on tensors and tells what the bench reads."""
    images = np.random.default_rng(0).integers(0, 256, (200, 1, 32, 32), np.uint8)
    np.savez(tmp_path / "glyphs.npz", images=images, labels=np.arange(200) % 7)
    found = told("rival_plain.py", tmp_path / "glyphs.npz", "--precision", precision, *SHORT)
    assert found["settings"]["precision"] == precision


def test_kochs_rival_runs() -> None:
    """It trains and tells what the bench reads."""
    assert told("rival_koch.py", "--threads", "1", *SHORT)["settings"]["precision"] == "bfloat16"


def test_the_loader_rival_runs(shapes: Path, tmp_path: Path) -> None:
    """It trains on a folder of images, with a worker, and tells what the bench reads."""
    for alphabet in range(4):
        (tmp_path / f"alphabet{alphabet}").symlink_to(shapes)
    found = told("rival_loader.py", tmp_path, "--workers", "1", *SHORT)
    assert found["settings"]["workers"] == 1


def test_ours_runs_and_its_parts_make_the_step(shapes: Path) -> None:
    """FirstSight is timed by its own steps; under the profiler every part is met, and little is left over."""
    words = (f"data.train={shapes}", "data.calibration=", "training.average=0.9")
    assert told("ours.py", words[0], *SHORT, *words[1:])["settings"]["threads"] == 1  # changes on either side
    parts = told("ours.py", *SHORT, "--profile", *words, keys=("whole",))["milliseconds a step"]
    assert min(parts.values()) > 0
    assert parts["rest"] < 0.2 * sum(parts.values())


def told(
    file: str, *words: object, keys: tuple[str, ...] = ("images per second", "core seconds a step", "peak MiB")
) -> dict[str, Any]:
    """The last line of a run, in which these figures are above 0."""
    done = subprocess.run(
        [sys.executable, BENCH / file, *map(str, words)], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert all(found[key] > 0 for key in keys)
    return found
