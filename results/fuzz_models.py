"""Model folders altered at random, with sizes and hashes in model.json made right again: ``results/model-fuzz.json``.

python results/fuzz_models.py               2,000 of them, some minutes
python results/fuzz_models.py --trial       to see that it runs: 100; prints, writes nothing
python results/fuzz_models.py --only 17     one of them, and what came of it

Each is drawn from the seed and its number: bytes, links, pipes, devices and sizes; every value of the records; and the
graph itself by its fields: operators, attributes, shapes, types, outside tensors, inner graphs, functions, overlong
numbers. A process of its own with bounds on memory loads the folder, embeds a picture twice and compares it. It must
end within two seconds of computing, in one sentence of FirstSight's or with finite numbers, and read nothing outside
the folder: Python reports what it opens, and files and pipes outside tell whether anything else read them.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import hashlib
import io
import json
import multiprocessing
import os
import random
import resource
import shutil
import socket
import stat
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ROOT = Path(__file__).parents[1]
SEED, MANY = 0, 2_000
LIMIT = 2.0  # seconds that one may compute
PATIENCE = 60.0  # seconds after which one that has not ended is ended
MEMORY = 3 << 30  # bytes of address space, of which the libraries take one
WORKERS = 8  # at once; what one computes is counted, not what it waits for the others
Random = random.Random
SCHEMAS = sorted({s.name for s in onnx.defs.get_all_schemas() if s.domain == ""})
HUGE = (1 << 40, 1 << 62, (1 << 63) - 1, 1 << 31, 65_537)
ODD: tuple[Any, ...] = (
    None, float("nan"), float("inf"), 1e308, -1e308, -1, 0, "", "x", [], {}, True, 10**30, -(10**30), 1 << 63, 0.5,
    "\u0000", "../../etc/passwd", [[]], {"a": {}}, [1e308] * 3, ["x"] * 1000,
)  # fmt: skip


# --- what is altered


def graphs_of(folder: Path) -> list[Path]:
    """The graphs of a model."""
    return sorted(folder.glob("*.onnx"))


def bytes_of_a_file(r: Random, folder: Path, _: Path) -> None:
    """Some bytes changed, doubled, taken away; or cut."""
    file = r.choice([*graphs_of(folder), *graphs_of(folder), *folder.glob("*.safetensors")])
    data = bytearray(file.read_bytes())
    for _ in range(r.choice((1, 1, 3, 30))):
        at = r.randrange(len(data)) if r.random() < 0.5 else r.randrange(min(len(data), 4000))
        how = r.randrange(5)
        if how == 0:
            data[at] = r.randrange(256)
        elif how == 1:
            data[at] ^= 1 << r.randrange(8)
        elif how == 2:
            del data[at : at + r.choice((1, 8, 100))]
        elif how == 3:
            data[at:at] = r.choice((r.randbytes(8), b"\xff" * 10, bytes(10), b"\x80" * 9 + b"\x01", data[at : at + 50]))
        else:
            data[at:] = b""
            break
        if not data:
            break
    file.write_bytes(bytes(data) or b"\x00")


def kind_of_a_file(r: Random, folder: Path, outside: Path) -> None:
    """A file that is a link, a pipe, a socket, a device or a folder."""
    file = r.choice([p for p in folder.iterdir() if p.name != "README.md"])
    content = file.read_bytes()
    file.unlink()
    how = r.randrange(10)
    if how == 0:
        os.mkfifo(file)
    elif how == 1:
        file.mkdir()
    elif how == 2:
        with socket.socket(socket.AF_UNIX) as made, contextlib.chdir(folder):
            made.bind(file.name)
    elif how == 3:
        file.symlink_to(r.choice(("/dev/zero", "/dev/random", "/dev/stdin", "/proc/self/environ", "/proc/kmsg")))
    elif how == 4:
        (outside / "canary").write_bytes(content)
        file.symlink_to(outside / "canary")
    elif how == 5:
        file.symlink_to(outside / "pipe")
    elif how == 6:
        (folder / "other").write_bytes(content)
        file.symlink_to("other")
    elif how == 7:
        file.symlink_to(file.name)
    elif how == 8:
        (outside / "canary").write_bytes(content)
        (folder / "deep").symlink_to(outside)
        file.symlink_to("deep/canary")
    else:
        (folder / "other").write_bytes(content)
        os.link(folder / "other", file)


def size_of_a_file(r: Random, folder: Path, _: Path) -> None:
    """A file of a terabyte of nothing, of nothing, or with something behind its end."""
    file = r.choice([p for p in folder.iterdir() if p.name != "README.md"])
    with file.open("r+b") as opened:
        how = r.randrange(3)
        if how == 0:
            opened.truncate(r.choice((1 << 40, 1 << 33, (512 << 20) + 1)))
        elif how == 1:
            opened.truncate(0)
        else:
            opened.seek(0, 2)
            opened.write(r.choice((bytes(100), b"\x0a" * 99, b"{}", b"\xff" * 20)))


def record(r: Random, folder: Path, _: Path) -> None:
    """A value of a record that is something else, gone, or very deep."""
    file = folder / r.choice(("model.json", "calibration.json"))
    content = json.loads(file.read_text())
    for _ in range(r.choice((1, 1, 2))):
        places: list[tuple[Any, Any]] = []
        todo: list[Any] = [content]
        while todo:
            here = todo.pop()
            for key in here if isinstance(here, dict) else range(min(len(here), 3)):
                if key != "sha256" and isinstance(here[key], dict | list | str | int | float | bool | None):
                    places.append((here, key))
                if isinstance(here[key], dict | list):
                    todo.append(here[key])
        here, key = r.choice(places)
        if r.random() < 0.1:
            del here[key]
        elif r.random() < 0.1 and isinstance(here, dict):
            here[r.choice(("surprise", "", "__class__"))] = r.choice(ODD)
        elif isinstance(here[key], float) and r.random() < 0.5:
            here[key] *= r.choice((-1, 1e3, 1e-3, 1e300, 0))
        else:
            here[key] = r.choice(ODD)
    text = json.dumps(content)
    if r.random() < 0.05:
        text = text.replace(": 1,", ": " + "[" * 100_000 + ",", 1)
    file.write_text(text)


def attribute(r: Random, graph: Any) -> None:
    """An attribute that is another number, many, of another type, gone or twice."""
    node = r.choice([n for n in graph.node if n.attribute] or [graph.node[0]])
    if not node.attribute:
        return
    chosen = r.choice(node.attribute)
    value = r.choice((0, -1, 1, 2, 3, 7, 1 << 20, *HUGE, -(1 << 63), -5))
    how = r.randrange(8)
    if how <= 3:
        if chosen.ints:
            chosen.ints[r.randrange(len(chosen.ints))] = value
        elif chosen.type == onnx.AttributeProto.FLOAT:
            chosen.f = r.choice((float("nan"), float("inf"), -1.0, 0.0, 3e38))
        else:
            chosen.i = value
    elif how == 4:
        chosen.ints.extend([value] * r.choice((1, 5, 1000)))
    elif how == 5:
        chosen.type = r.randrange(16)
    elif how == 6:
        node.attribute.remove(chosen)
    else:
        name = r.choice(("axis", "axes", "group", "pads", "strides", "dilations", "kernel_shape", "perm", "to", "mode"))
        node.attribute.append(helper.make_attribute(name, r.choice((value, [value] * 4, "reflect", 0.5))))


def operator(r: Random, graph: Any) -> None:
    """An operator that is another one."""
    node = r.choice(graph.node)
    node.op_type = r.choice((*SCHEMAS, "Nothing", "", "x" * 10_000))
    if r.random() < 0.2:
        node.domain = r.choice(("ai.onnx.ml", "com.microsoft", "evil", "ai.onnx"))
        node.op_type = r.choice(("FusedMatMul", "Attention", "EPContext", "Sampling", "QAttention", node.op_type))


def wiring(r: Random, graph: Any) -> None:
    """A node that takes something else, too much, itself, or nothing; nodes in another order; a tensor made twice."""
    node, other = r.choice(graph.node), r.choice(graph.node)
    names = (
        [t.name for t in graph.initializer] + [o for n in graph.node for o in n.output] + ["", "readings", "nowhere"]
    )
    how = r.randrange(7)
    if how == 0 and node.input:
        node.input[r.randrange(len(node.input))] = r.choice(names)
    elif how == 1:
        node.input.extend(r.choices(names, k=r.choice((1, 3, 200))))
    elif how == 2 and node.input:
        del node.input[r.randrange(len(node.input))]
    elif how == 3:
        node.output[0] = other.output[0]
    elif how == 4:
        nodes = list(graph.node)
        r.shuffle(nodes)
        del graph.node[:]
        graph.node.extend(nodes)
    elif how == 5:
        node.output.extend(["more", ""][: r.randint(1, 2)])
    else:
        graph.node.append(other)


def tensor(r: Random, graph: Any) -> None:
    """A constant of another shape, type or content, or one that lies elsewhere."""
    held = [a.t for n in graph.node for a in n.attribute if a.type == onnx.AttributeProto.TENSOR]
    chosen = r.choice([*graph.initializer, *held])
    how = r.randrange(9)
    if how == 0 and chosen.dims:
        chosen.dims[r.randrange(len(chosen.dims))] = r.choice((0, -1, 1, 2, *HUGE))
    elif how == 1:
        chosen.dims.extend(r.choice(([1], [0], [1 << 40], [1] * 100, [-1])))
    elif how == 2:
        chosen.data_type = r.randrange(30)
    elif how == 3 and len(chosen.raw_data) > 8:
        chosen.raw_data = r.choice((chosen.raw_data[:-4], chosen.raw_data + bytes(4), b"", r.randbytes(8)))
    elif how in (4, 5):
        if how == 4:
            chosen.ClearField("raw_data")
        chosen.data_location = r.choice((TensorProto.EXTERNAL, TensorProto.EXTERNAL, TensorProto.DEFAULT))
        where = ("/etc/passwd", "../outside/canary", "../outside/pipe", "/dev/zero", "*/_ORT_MEM_ADDR_/*", "model.json")
        for key, value in (("location", r.choice(where)), ("offset", r.choice(("0", "1", "-1"))), ("length", "16")):
            entry = chosen.external_data.add()
            entry.key, entry.value = key, value
    elif how == 6:
        count = max(1, int(np.prod(chosen.dims)))
        if count < 10_000:
            chosen.ClearField("raw_data")
            chosen.int64_data.extend([r.choice((-1, 0, 1, 3, *HUGE[2:])) for _ in range(count)])
            chosen.data_type = TensorProto.INT64
    elif how == 7 and chosen.raw_data:
        array = np.frombuffer(chosen.raw_data, np.uint8).copy()
        array[:] = r.choice((0, 255, 127, 128))
        chosen.raw_data = array.tobytes()
    else:
        whole = [t for t in (*graph.initializer, *held) if t.data_type == TensorProto.INT64 and t.raw_data]
        if whole:
            one = r.choice(whole)
            values = np.frombuffer(one.raw_data, np.int64).copy()
            values[r.randrange(len(values))] = r.choice((0, -1, -2, 2, 5, 1000, *HUGE))
            one.raw_data = values.tobytes()


def inserted(r: Random, graph: Any) -> None:
    """A node before another that makes much of little, or never ends."""
    node = r.choice([n for n in graph.node if n.input])
    taken = node.input[0]
    many = r.choice((*HUGE, 1 << 28, 1 << 20))
    name = f"bomb{r.randrange(1 << 30)}"

    def constant(values: Any, kind: int = TensorProto.INT64) -> str:
        made = f"{name}.{len(graph.initializer)}"
        graph.initializer.append(helper.make_tensor(made, kind, [len(values)], values))
        return made

    inner = helper.make_graph(
        [helper.make_node("Identity", ["c"], ["d"])],
        "inner",
        [helper.make_tensor_value_info(n, k, []) for n, k in (("i", TensorProto.INT64), ("c", TensorProto.BOOL))],
        [helper.make_tensor_value_info("d", TensorProto.BOOL, [])],
    )
    graph.initializer.append(helper.make_tensor(f"{name}.turns", TensorProto.INT64, [], [1 << 62]))
    graph.initializer.append(helper.make_tensor(f"{name}.true", TensorProto.BOOL, [], [1]))
    fours = [1.0, 1.0, float(many), 1.0]
    made = r.choice([
        lambda: [helper.make_node("Loop", [f"{name}.turns", f"{name}.true"], [], body=inner)],
        lambda: [helper.make_node("If", [f"{name}.true"], [name], then_branch=inner, else_branch=inner)],
        lambda: [helper.make_node("Scan", [taken], [name], body=inner, num_scan_inputs=1)],
        lambda: [helper.make_node("ConstantOfShape", [constant([many])], [name])],
        lambda: [helper.make_node("ConstantOfShape", [constant([1 << 16, 1 << 16])], [name])],
        lambda: [helper.make_node("Expand", [taken, constant([many, 1, 1, 1, 1])], [name])],
        lambda: [helper.make_node("Tile", [taken, constant([1, 1, 1, many])], [name])],
        lambda: [helper.make_node("RandomNormal", [], [name], shape=[many])],
        lambda: [helper.make_node("RandomNormal", [], [name], shape=[1 << 14, 1 << 14, 4])],
        lambda: [helper.make_node("Resize", [taken, "", constant(fours, TensorProto.FLOAT)], [name])],
        lambda: [helper.make_node("Pad", [taken, constant([0, 0, 0, many, 0, 0, 0, 0])], [name])],
        lambda: [helper.make_node("Pad", [taken, constant([0, 0, 99, 0, 0, 0, 0, 0])], [name], mode="reflect")],
        lambda: [helper.make_node("NonZero", [taken], [name])],
        lambda: [helper.make_node("Div", [constant([1, 2]), constant([0, 0])], [name])],
        lambda: [helper.make_node("Mod", [constant([-(1 << 63), 2]), constant([-1, 0])], [name])],
        lambda: [helper.make_node("EyeLike", [constant([1] * 9)], [name])],
        lambda: [helper.make_node("Einsum", [taken, taken], [name], equation="abcd,efgh->abcdefgh")],
        lambda: [
            helper.make_node("Unsqueeze", [taken, constant([0])], [f"{name}.u"]),
            helper.make_node("Transpose", [f"{name}.u"], [f"{name}.t"]),
            helper.make_node("Mul", [f"{name}.u", f"{name}.t"], [name]),
        ],
        lambda: [
            helper.make_node("Cast", [taken], [f"{name}.w"], to=TensorProto.INT32),
            helper.make_node("Div", [f"{name}.w", f"{name}.w"], [name]),
        ],
        lambda: [
            helper.make_node("GridSample", [taken, taken], [name], padding_mode="reflection", mode="cubic"),
        ],
        lambda: [helper.make_node("AveragePool", [taken], [name], kernel_shape=[1, 1], strides=[0, 0])],
        lambda: [helper.make_node("MaxPool", [taken], [name], kernel_shape=[9, 9], pads=[8, 8, many % 97, 8])],
        lambda: [helper.make_node("DepthToSpace", [taken], [name], blocksize=0)],
        lambda: [helper.make_node("TopK", [taken, constant([many])], [name, ""])],
        lambda: [helper.make_node("Gather", [taken, constant([many, -many])], [name])],
        lambda: [
            helper.make_node("Range", [constant([0]), constant([many]), constant([1])], [name]),
        ],
    ])()  # fmt: skip
    at = list(graph.node).index(node)
    rest = list(graph.node)
    del graph.node[:]
    graph.node.extend([*rest[:at], *made, *rest[at:]])
    if r.random() < 0.6:
        graph.node[at + len(made)].input[0] = name


def declared(r: Random, graph: Any) -> None:
    """Inputs, outputs and inner tensors declared as something else, twice, or of another kind of type."""
    how, end = r.randrange(6), r.choice([graph.input[0], graph.output[0]])
    if how == 0:
        end.type.tensor_type.elem_type = r.randrange(25)
    elif how == 1:
        dims = end.type.tensor_type.shape.dim
        dims[r.randrange(len(dims))].dim_value = r.choice((0, -1, 1, 7, *HUGE))
    elif how == 2:
        end.name = r.choice(("x", "", "y" * 1000))
    elif how == 3:
        graph.output.append(end)
    elif how == 4:
        name = r.choice(graph.node).output[0]
        graph.value_info.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [r.choice((1, 7, *HUGE))] * 4))
    else:
        deep = end.type
        for _ in range(r.choice((1, 90))):
            deep = deep.sequence_type.elem_type
        deep.tensor_type.elem_type = 1


def model(r: Random, proto: Any) -> None:
    """Functions, other versions, training, sparse tensors, metadata that a runtime may heed."""
    how = r.randrange(7)
    if how == 0:
        node = r.choice(proto.graph.node)
        made = proto.functions.add()
        made.name, made.domain = node.op_type, r.choice(("", "local"))
        made.input.extend(["a"])
        made.output.extend(["b"])
        made.node.append(helper.make_node(node.op_type, ["a"], ["b"], domain=made.domain))
        made.opset_import.append(helper.make_opsetid("", 20))
        node.domain = made.domain
    elif how == 1:
        proto.opset_import[0].version = r.choice((0, 1, 6, 9, 10, 12, 13, 17, 21, 23, 99, (1 << 63) - 1, -1))
    elif how == 2:
        proto.ir_version = r.choice((0, 1, 3, 4, 8, 99, (1 << 63) - 1))
    elif how == 3:
        entry = proto.metadata_props.add()
        entry.key, entry.value = "ort_config", '{"session_options": {"intra_op_num_threads": 5000}}'
    elif how == 4:
        sparse = proto.graph.sparse_initializer.add()
        sparse.values.CopyFrom(numpy_helper.from_array(np.ones(1, np.float32), "sparse"))
        sparse.indices.CopyFrom(numpy_helper.from_array(np.array([1 << 40]), "places"))
        sparse.dims.extend([1 << 50])
    elif how == 5:
        proto.training_info.add().algorithm.CopyFrom(proto.graph)
    else:
        del proto.opset_import[:]
        proto.opset_import.append(helper.make_opsetid(r.choice(("", "com.microsoft", "x")), 20))


def rewritten(r: Random, data: bytes) -> bytes:
    """A graph in bytes as no writer writes them: overlong numbers, fields that come again, cut or unknown ones."""
    how = r.randrange(7)
    if how == 0:  # the entry of an outside tensor whose length is written in two bytes
        proto = onnx.load_model_from_string(data)
        chosen = r.choice(proto.graph.initializer)
        chosen.ClearField("raw_data")
        chosen.data_location = TensorProto.EXTERNAL
        entry = chosen.external_data.add()
        entry.key, entry.value = "location", r.choice(("../outside/canary", "../outside/pipe"))
        return proto.SerializeToString().replace(b"\x0a\x08location", b"\x0a\x88\x00location")
    if how == 1:
        return data + data
    if how == 2:
        return data + r.choice((b"\x3a\x00", b"\x08\x0a", b"\x0b\x0c", b"\xf8\xff\xff\xff\x0f\x01", b"\x00\x00"))
    if how == 3:
        return b"\x12\x7fORTM" + data
    if how == 4:
        return b"\x08" + b"\x8a" + b"\x80" * r.randint(1, 9) + b"\x00" + data[2:]
    if how == 5:
        return b"\x3a\x02\x08\x01" * r.choice((1, 100_000)) + data
    return b"".join(b"\x7a" + bytes([min(127, i)]) for i in range(r.choice((10, 1000)))) + data


def fields(r: Random, folder: Path, _: Path) -> None:
    """The graph altered by its fields, once or a few times."""
    file = r.choice(graphs_of(folder))
    proto = onnx.load_model_from_string(file.read_bytes())
    for _ in range(r.choice((1, 1, 1, 2, 5))):
        alter = r.choice((attribute, attribute, operator, wiring, tensor, tensor, inserted, inserted, declared, model))
        with contextlib.suppress(ValueError, TypeError, IndexError):  # what can't be written down is not written
            alter(r, proto if alter is model else proto.graph)
    data = proto.SerializeToString()
    if r.random() < 0.15:
        with contextlib.suppress(Exception):  # what is nested too deep to be read again stays as it is
            data = rewritten(r, data)
    file.write_bytes(data)


FAMILIES: tuple[tuple[Callable[[Random, Path, Path], None], int], ...] = (
    (bytes_of_a_file, 5), (kind_of_a_file, 3), (size_of_a_file, 1), (record, 6), (fields, 12),
)  # fmt: skip


def drawn(number: int, folder: Path, outside: Path, models: list[Path]) -> str:
    """The folder of a number: its family. Sizes and hashes are right again, where there still are files."""
    r = Random(f"{SEED} {number}")
    shutil.copytree(r.choice(models), folder)
    alter = r.choice([family for family, weight in FAMILIES for _ in range(weight)])
    alter(r, folder, outside)
    with contextlib.suppress(Exception):  # what has become of the records is no record any more
        righted(folder)
    return alter.__name__.replace("_", " ")


def righted(folder: Path) -> None:
    """Sizes and hashes of what the files now hold; the calibration belongs to the model again."""
    place, records = folder / "model.json", folder / "calibration.json"
    if not plain(place):
        return
    content = json.loads(place.read_text())
    for name, told in content["files"].items():
        file = folder / name
        if plain(file.resolve()):
            data = file.read_bytes()
            told["bytes"], told["sha256"] = len(data), hashlib.sha256(data).hexdigest()
    place.unlink()
    place.write_text(json.dumps(content))
    if plain(records):
        from firstsight.spec import ModelSpec

        calibration = json.loads(records.read_text())
        calibration["model"] = ModelSpec.model_validate(content).fingerprint
        records.write_text(json.dumps(calibration))


def plain(file: Path) -> bool:
    """Whether a path is a file of its own, not empty and of a size that can be read."""
    told = file.lstat()
    return stat.S_ISREG(told.st_mode) and 0 < told.st_size <= 1 << 29


# --- what becomes of it


def used(folder: Path, outside: Path, picture: bytes, send: Any, peek: bool = False) -> None:
    """In a process of its own: load, embed, compare; tell what came of it and what was opened.

    With ``peek`` it looks outside, to see that this is seen.
    """
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    from firstsight.errors import FirstSightError
    from firstsight.model import Model

    opened: list[str] = []
    inside = f"{folder}/"

    def watch(event: str, given: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(given[0], str | bytes):
            opened.append(os.fsdecode(given[0]))

    sys.addaudithook(watch)
    began, work = time.perf_counter(), time.process_time()
    if peek:
        (outside / "canary").read_bytes()
    try:
        loaded = Model.load(folder)
        made = loaded.embed([picture, picture])
        decision = loaded.compare(picture, picture)
        told = "works" if np.isfinite(made).all() and np.isfinite(decision.score) else "FAULT: not finite"
        if decision.probability is not None and not 0 <= decision.probability <= 1:
            told = f"FAULT: probability {decision.probability}"
    except FirstSightError as error:
        text = str(error)
        told = f"refused: {type(error).__name__}: {text[:300]}" if "\n" not in text else f"FAULT: lines {text[:300]}"
    except BaseException as error:  # noqa: BLE001
        told = f"FAULT: {type(error).__name__}: {str(error)[:300]}"
    seconds, work = time.perf_counter() - began, time.process_time() - work
    libraries = (sys.prefix, sys.base_prefix, str(ROOT / "src"), "/proc/", "/sys/", "/usr/", "/dev/null")
    near = [str(folder / path) for path in opened]
    strange = [p for p in near if not p.startswith((inside, *libraries)) and p != str(folder)]
    strange += [p for p in near if p.startswith(str(outside)) or p in ("/proc/self/environ", "/proc/kmsg")]
    send.send((told, work, seconds, strange))


def tried(
    number: int, place: Path, models: list[Path], picture: bytes, *, peek: bool = False
) -> tuple[str, str, float, float]:
    """The family of a number, what came of it, the seconds that it computed and those it took.

    On a busy machine anything takes long; what hangs computes on, or waits until it is ended.
    """
    folder, outside = place / str(number) / "model", place / str(number) / "outside"
    outside.mkdir(parents=True)
    (outside / "canary").write_bytes(b"outside " * 100)
    os.mkfifo(outside / "pipe")
    family = drawn(number, folder, outside, models)
    canary = outside / "canary"
    os.utime(canary, (1e9, 1e9))  # older than its last change, so that a reading shows
    bait = os.open(outside / "pipe", os.O_RDWR | os.O_NONBLOCK)
    os.write(bait, b"bait")
    take, send = PROCESSES.Pipe(duplex=False)
    process = PROCESSES.Process(target=used, args=(folder, outside, picture, send, peek))
    process.start()
    send.close()
    told, work, seconds, strange = "", 0.0, 0.0, []
    try:
        if take.poll(PATIENCE):
            told, work, seconds, strange = take.recv()
        else:
            told, work, seconds = "FAULT: it hangs", PATIENCE, PATIENCE
            process.kill()
    except EOFError:
        process.join()
        told = f"FAULT: the process died ({process.exitcode})"
    process.join(5)
    with contextlib.suppress(BlockingIOError):
        if os.read(bait, 9) != b"bait":
            strange.append("pipe")
    os.close(bait)
    if canary.is_file() and canary.stat().st_atime > 1e9:
        strange.append("canary")
    if strange:
        told = f"FAULT: read outside: {strange[:3]} ({told})"
    elif work > LIMIT and not told.startswith("FAULT"):
        told = f"FAULT: {work:.1f} s ({told})"
    shutil.rmtree(place / str(number))
    return family, told, work, seconds


def fuzz(place: Path, numbers: range | list[int], models: list[Path], picture: bytes) -> dict[str, Any]:
    """Try all; what came of them."""
    counts, reasons = collections.Counter[str](), collections.Counter[str]()
    faults, slowest, longest = [], 0.0, 0.0
    with ThreadPoolExecutor(WORKERS) as threads:
        done = threads.map(lambda number: (number, *tried(number, place, models, picture)), numbers)
        for number, family, told, work, seconds in done:
            what = told.partition(":")[0]
            counts[f"{family}: {what}"] += 1
            slowest, longest = max(slowest, work), max(longest, seconds)
            if what == "FAULT":
                faults.append(f"{number}: {family}: {told}")
                print(faults[-1], flush=True)
            if what == "refused":
                reasons[told.partition("(")[2][:40].split("'")[0]] += 1
    return {
        "folders": sum(counts.values()),
        "by family and end": dict(sorted(counts.items())),
        "faults": len(faults),
        "examples of faults": faults[:20],
        "most s that one computed": round(slowest, 2),
        "most s that one took, beside whatever else ran": round(longest, 2),
        "most frequent reasons": dict(reasons.most_common(25)),
    }


PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["firstsight.api", "firstsight.graphs.screening", "onnxruntime"])


def made_models(place: Path) -> list[Path]:
    """A small trained one in float, half, int8 and with a network on pairs; and the shipped one."""
    sys.path.insert(0, str(ROOT / "tests"))
    import firstsight
    from drawn import SHAPES, TINY, draw_classes
    from firstsight import api

    data = f"folder:{draw_classes(place / 'shapes', SHAPES)}"
    plain, pair = place / "plain", place / "pair"
    firstsight.train("folder", *TINY, data=data, out=plain)
    firstsight.calibrate(plain, fmr=0.1)
    api.export(plain, ["export.half=true"], out=place / "half")
    api.quantise(plain, data, out=place / "int8")
    words = (
        "similarity.name=pair_network", "similarity.hidden=8", "comparison.name=in_batch", "loss.name=cross_entropy",
        "also_comparison.name=proxies", "also_loss.name=normalised_softmax", "training.also=1.0",
    )  # fmt: skip
    firstsight.train("folder", *TINY, *words, data=data, out=pair)
    for made in ("half", "int8", "pair"):
        firstsight.calibrate(place / made, fmr=0.1)
    for left in place.glob("*/metrics.jsonl"):
        left.unlink()
    return [plain, place / "half", place / "int8", pair, ROOT / "src" / "firstsight" / "models" / "glyphs"]


def main() -> None:
    """Try all; print, and write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trial", action="store_true", help="few; print, write nothing")
    parser.add_argument("--only", type=int, nargs="*", help="these; print, write nothing")
    given = parser.parse_args()
    sys.path.insert(0, str(ROOT / "tests"))
    from drawn import draw

    resource.setrlimit(resource.RLIMIT_AS, (4 * MEMORY, resource.RLIM_INFINITY))
    (ROOT / "build").mkdir(exist_ok=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as made:
        place = Path(made)
        os.environ["FIRSTSIGHT_CACHE"] = str(place / "cache")
        models = made_models(place)
        numbers = given.only or range(100 if given.trial else MANY)
        picture = io.BytesIO()
        draw("ring", 0).save(picture, "PNG")
        result = fuzz(place, numbers, models, picture.getvalue())
    result["seconds"] = round(time.monotonic() - began)
    print(json.dumps(result, indent=1))
    if not given.trial and not given.only:
        sys.path.insert(0, str(Path(__file__).parent))
        from make import record as write

        write("model-fuzz", "python results/fuzz_models.py", SEED, result)
    if result["faults"]:
        raise SystemExit(f"{result['faults']} folders were not stood")


if __name__ == "__main__":
    main()
