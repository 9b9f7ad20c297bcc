"""The command line: it mirrors the Python API, its JSON is the API's result, its exit codes are those documented."""

from __future__ import annotations

import dataclasses
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from drawn import SHAPES, TINY, Cli, Refused
from firstsight import api, progress
from firstsight.cli import render
from firstsight.cli.commands import app
from firstsight.gallery import Gallery
from firstsight.learn.events import Event
from firstsight.model import Model
from firstsight.serve.settings import Settings
from firstsight.types import Record

FUNCTIONS = {
    "list": "references",
    "data": "data_sets",
    "gallery export": "export_gallery",
    "gallery import": "import_gallery",
    "gallery list": "galleries",
    "key add": "add_key",
    "key list": "keys",
    "key revoke": "revoke_key",
    "gallery export-subject": "export_subject",
}
"""Commands whose function in the API has another name."""

RIM = {"json"}
"""Parameters that only a command has."""

RECORD = {"place", "direction", "actor", "keep_image"}
"""The fields of a record, each an option of its own on the command line."""

INSIDE = {"listen", "progress", "encoder"}
"""Parameters that only a function has: what a command shows while it works, and a torch module, which no line of text
holds."""


def commands() -> dict[str, Callable[..., Any]]:
    """Every command by its words, with the function behind it."""
    found = {c.name or c.callback.__name__: c.callback for c in app.registered_commands if c.callback}
    for group in app.registered_groups:
        inner = [c for c in group.typer_instance.registered_commands if c.callback]
        found |= {f"{group.name} {c.name or c.callback.__name__}": c.callback for c in inner}
    return found


COMMANDS = sorted(commands())


def function_of(command: str) -> str:
    """The name of its function in the API."""
    return FUNCTIONS.get(command, command.split()[-1])


@pytest.fixture
def gallery(tiny_model: Path, tmp_path: Path, shapes: Path) -> Path:
    """A gallery with one reference of each shape."""
    Gallery.create(tmp_path / "g.db", tiny_model).close()
    api.enroll(tmp_path / "g.db", data=str(shapes))
    return tmp_path / "g.db"


def plain(value: Any) -> Any:
    """What JSON makes of a result."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return json.loads(json.dumps(dataclasses.asdict(value)))
    return [plain(v) for v in value] if isinstance(value, list | tuple) else value


# --- the mirror


def parameters(function: Callable[..., Any]) -> dict[str, Any]:
    """Names of a function's parameters with their defaults; an empty tuple and None are both "nothing"."""
    given = inspect.signature(function).parameters
    return {k: None if p.default in ((), None) else p.default for k, p in given.items()}


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - {"serve"}))
def test_every_command_has_its_function(command: str) -> None:
    """A command has the parameters of its function in the API, with the same defaults, and no others."""
    name = function_of(command)
    said = {k: v for k, v in parameters(commands()[command]).items() if k not in RIM}
    meant = parameters(getattr(api, name))
    if "record" in meant:
        fields = {f.name: f.default for f in dataclasses.fields(Record)}
        assert {k: v for k, v in said.items() if k in RECORD}.items() <= fields.items()
        said = {k: v for k, v in said.items() if k not in RECORD} | {"record": None if not said["record"] else ...}
    if name == "identify":
        meant |= parameters(api.identify_data)
    meant = {k: v for k, v in meant.items() if k not in INSIDE}
    assert said.keys() == meant.keys()
    empty = inspect.Parameter.empty
    for key, default in meant.items():
        optional = {None, empty}
        both_optional = said[key] in optional and default in optional
        assert said[key] == default or (both_optional and (name, key) in LOOSER), key


LOOSER = {
    ("train", "changes"),
    ("identify", "sources"),
    ("identify", "data"),
    ("reproduce", "name"),
    ("reproduce", "changes"),
}
"""Parameters that a command may leave out where a function takes none or several of them."""


def test_serve_has_its_settings() -> None:
    """What ``serve`` takes are the settings of a service, with their defaults."""
    assert parameters(commands()["serve"]) == parameters(Settings)


def test_every_function_has_its_command() -> None:
    """A verb of the API cannot be without a command; ``identify --data`` is ``identify_data``,
    ``compare --why`` is ``why``, ``reproduce`` without a name is ``reproductions``."""
    reached = {function_of(name) for name in COMMANDS if name != "serve"}
    assert reached | {"identify_data", "reproductions", "why"} == set(api.__all__)


@pytest.mark.parametrize("command", COMMANDS)
def test_options_are_spelled_as_parameters(command: str, cli: Cli) -> None:
    """Every parameter of a command shows in its help, as an argument or as the option of the same name."""
    shown = cli(*command.split(), "--help").out
    assert commands()[command].__doc__.split("\n")[0].rstrip(".")[:40] in " ".join(shown.split())
    arguments = {
        "train": {"recipe", "changes"},
        "export": {"changes"},
        "reproduce": {"name", "changes"},
        "evaluate": {"data"},
        "calibrate": {"data"},
        "annotate": {"metadata"},
        "key add": {"name"},
        "key revoke": {"name"},
    }
    positional = {
        "gallery",
        "model",
        "protocol",
        "left",
        "right",
        "identity",
        "source",
        "sources",
        "store",
        "to",
        "into",
        "folder",
    }
    for name in parameters(commands()[command]):
        if name not in positional | arguments.get(command, set()):
            option = f"--{name.rstrip('_').replace('_', '-')}"  # from_, since Python has taken from
            assert re.search(rf"{option}\b(?!-)", shown), name


# --- what is not imported


def test_help_is_light() -> None:
    """The help of every command works and imports neither torch nor ONNX Runtime nor NumPy."""
    code = """
import sys
from firstsight.cli import main
for words in sys.argv[1:]:
    assert main([*words.split(), "--help"]) == 0, words
    heavy = {"torch", "onnxruntime", "onnx", "numpy", "scipy", "PIL"} & set(sys.modules)
    assert not heavy, (words, heavy)
"""
    run = subprocess.run([sys.executable, "-c", code, "", *COMMANDS, "gallery", "key"], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stdout.count("Usage: firstsight") == len(COMMANDS) + 3


def test_use_needs_no_torch(tiny_model: Path, picture: Path, tmp_path: Path, shapes: Path, strangers: Path) -> None:
    """Creating, enrolling, verifying, identifying, comparing, calibrating and evaluating never import torch."""
    model = shutil.copytree(tiny_model, tmp_path / "model")
    code = """
import sys
import firstsight
assert "torch" not in sys.modules
from firstsight.cli import main
class Wall:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "onnx", "onnxscript", "safetensors"):
            raise AssertionError(f"{name} is imported")
sys.meta_path.insert(0, Wall())
model, picture, gallery, shapes, strangers = sys.argv[1:]
for words in (
    ["gallery", "create", gallery, "--model", model],
    ["enroll", gallery, "circle", picture],
    ["verify", gallery, "circle", picture],
    ["identify", gallery, picture],
    ["identify", gallery, "--data", shapes],
    ["compare", model, picture, picture],
    ["list", gallery],
    ["evaluate", model, "nway", strangers, "--ways", "3", "--tasks", "5"],
    ["calibrate", model, strangers, "--fmr", "0.2"],
    ["remove", gallery, "circle"],
):
    assert main(words) == 0, words
assert "torch" not in sys.modules
assert main(["train", "folder", shapes]) == 3
"""
    arguments = [str(a) for a in (model, picture, tmp_path / "g.db", shapes, strangers)]
    run = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


# --- JSON


def test_json_of_compare(tiny_model: Path, picture: Path, shapes: Path, cli: Cli) -> None:
    """``compare --json`` is the Decision of the API."""
    other = shapes / "cross" / "1.png"
    assert cli("compare", tiny_model, picture, other, "--json").json == plain(api.compare(tiny_model, picture, other))


def test_json_of_create(tiny_model: Path, tmp_path: Path, cli: Cli) -> None:
    """``gallery create --json`` says which gallery, which model, and its fingerprint."""
    model = Model.load(tiny_model)
    shown = cli("gallery", "create", tmp_path / "g.db", "--model", tiny_model, "--json").json
    assert shown == {"gallery": str(tmp_path / "g.db"), "model": model.name, "fingerprint": model.fingerprint}


def test_json_of_enroll(gallery: Path, tmp_path: Path, picture: Path, shapes: Path, cli: Cli) -> None:
    """``enroll --json`` is the list of Enrolments of the API, for images and for a data set."""
    twin = tmp_path / "twin.db"
    shutil.copy(gallery, twin)
    pictures = [picture, shapes / "ring" / "1.png"]
    shown = cli("enroll", gallery, "alice", *pictures, "--override", "duplicate", "--json").json
    assert shown == plain(api.enroll(twin, "alice", pictures, override=["duplicate"]))
    shown = cli("enroll", gallery, "--data", shapes, "--each", "2", "--json").json
    assert shown == plain(api.enroll(twin, data=str(shapes), each=2))


def test_json_of_verify(gallery: Path, picture: Path, cli: Cli) -> None:
    """``verify --json`` is the Decision of the API."""
    for identity in SHAPES[:3]:
        assert cli("verify", gallery, identity, picture, "--json").json == plain(api.verify(gallery, identity, picture))


def test_json_of_identify(gallery: Path, picture: Path, shapes: Path, cli: Cli) -> None:
    """``identify --json`` is the Match of one image, or the list of Matches of several or of a folder."""
    one, folder = api.identify(gallery, [picture], top=2), api.identify(gallery, [shapes / "ring"])
    assert cli("identify", gallery, picture, "--top", "2", "--json").json == plain(one[0])
    assert cli("identify", gallery, shapes / "ring", "--json").json == plain(folder)
    assert len(folder) == 6
    several = cli("identify", gallery, picture, shapes / "ring", "--json").json
    assert len(several) == 7
    assert several[1:] == plain(folder)


def test_json_of_a_folder_is_a_list(gallery: Path, picture: Path, tmp_path: Path, cli: Cli) -> None:
    """A folder's matches are a list even where it happens to hold one image."""
    (tmp_path / "folder").mkdir()
    shutil.copy(picture, tmp_path / "folder")
    assert isinstance(cli("identify", gallery, tmp_path / "folder", "--json").json, list)


def test_json_of_identify_data(gallery: Path, shapes: Path, cli: Cli) -> None:
    """``identify --data --json`` is the Tally of the API."""
    shown = cli("identify", gallery, "--data", shapes, "--json").json
    assert shown == plain(api.identify_data(gallery, str(shapes)))


def test_json_of_list_and_remove(gallery: Path, cli: Cli) -> None:
    """``list --json`` is the API's References; ``remove --json`` says who, how many, and whether the bytes are gone."""
    assert cli("list", gallery, "--json").json == plain(api.references(gallery))
    receipt = {"identity": "ring", "removed": 1, "into": None, "erased": True, "notes": []}
    assert cli("remove", gallery, "ring", "--json").json == receipt
    assert cli("list", gallery, "--json").json == plain(api.references(gallery))


def test_json_of_evaluate(tiny_model: Path, strangers: Path, cli: Cli) -> None:
    """``evaluate --json`` is the Report of the API, for every protocol that takes any data."""
    for protocol, options in (("nway", {"ways": 4, "shots": 2, "tasks": 30}), ("verification", {})):
        words = [w for k, v in options.items() for w in (f"--{k}", v)]
        shown = cli("evaluate", tiny_model, protocol, strangers, *words, "--seed", "3", "--json").json
        assert shown == plain(api.evaluate(tiny_model, protocol, str(strangers), **options, seed=3))


def test_json_of_calibrate(model_copy: Path, strangers: Path, cli: Cli) -> None:
    """``calibrate --json`` is the Calibration of the API, and what the model then has."""
    shown = cli("calibrate", model_copy, strangers, "--fmr", "0.2", "--json").json
    assert shown == plain(Model.load(model_copy).calibration)
    assert shown == plain(api.calibrate(model_copy, str(strangers), fmr=0.2))


def test_json_of_the_lists(cli: Cli) -> None:
    """``data``, ``protocols``, ``models`` and ``recipes`` print the API's lists."""
    for command, function in (
        ("data", api.data_sets),
        ("protocols", api.protocols),
        ("models", api.models),
        ("recipes", api.recipes),
    ):
        assert cli(command, "--json").json == plain(function())
        assert cli(command).code == 0


def test_json_of_train(
    shapes: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    """``train --json`` prints the model's record, with its path and fingerprint and nothing around it."""
    monkeypatch.setattr("firstsight.learn.run.save", lambda *_, **__: Model.load(tiny_model))
    ran = cli("train", "folder", shapes, *TINY, "training.steps=2", "--out", tmp_path / "out", "--json")
    model = Model.load(tiny_model)
    assert ran.code == 0
    assert ran.json["fingerprint"] == model.fingerprint
    assert ran.json["path"] == str(model.path)
    assert ran.json["input"] == model.spec.input.model_dump()
    assert ran.err == ""


# --- exit codes


def test_exit_codes_are_the_answers(tiny_model: Path, gallery: Path, shapes: Path, strangers: Path, cli: Cli) -> None:
    """0 is same or known, 1 is not the same or unknown: compare, verify and identify agree with their answers."""
    reference = shapes / "circle" / "0.png"
    probes = [reference, *sorted(shapes.glob("*/1.png")), *sorted(strangers.glob("*/2.png"))]
    seen = set()
    for probe in probes:
        for ran in (
            cli("compare", tiny_model, reference, probe, "--json"),
            cli("verify", gallery, "circle", probe, "--json"),
        ):
            assert ran.code == (0 if ran.json["same"] else 1)
            seen.add(("same", ran.code))
        ran = cli("identify", gallery, probe, "--json")
        assert ran.code == (0 if ran.json["identity"] else 1)
        seen.add(("known", ran.code))
        words = cli("identify", gallery, probe).out
        assert words.startswith(ran.json["identity"] or "unknown")
    assert seen == {("same", 0), ("same", 1), ("known", 0), ("known", 1)}


def test_one_unknown_among_several_is_exit_code_1(gallery: Path, picture: Path, strangers: Path, cli: Cli) -> None:
    """Identifying several images ends with 0 when all are known and with 1 when any is not; each has its line."""
    unknown = next(p for p in sorted(strangers.glob("*/*.png")) if api.identify(gallery, [p])[0].identity is None)
    assert cli("identify", gallery, picture, picture).code == 0
    ran = cli("identify", gallery, picture, unknown)
    assert ran.code == 1
    first, second, remedy, hint = ran.out.splitlines()
    assert hint.startswith("next: ")
    assert remedy.startswith("for fewer strangers: firstsight calibrate ")
    assert first.startswith(f"{picture}: circle")
    assert second.startswith(f"{unknown}: unknown")


def test_identify_on_a_folder(gallery: Path, shapes: Path, strangers: Path, tmp_path: Path, cli: Cli) -> None:
    """A folder stands for the images directly in it, whatever their case; what is no image is passed over."""
    (tmp_path / "folder" / "deeper.png").mkdir(parents=True)
    shutil.copy(shapes / "ring" / "0.png", tmp_path / "folder" / "b.PNG")
    shutil.copy(shapes / "circle" / "0.png", tmp_path / "folder" / "a.png")
    shutil.copy(shapes / "cross" / "0.png", tmp_path / "folder" / "deeper.png" / "c.png")
    (tmp_path / "folder" / "notes.txt").write_text("x")
    ran = cli("identify", gallery, tmp_path / "folder", "--json")
    assert [m["identity"] for m in ran.json] == ["circle", "ring"]
    assert ran.code == 0


def test_identify_refuses_what_it_cannot(
    gallery: Path, picture: Path, shapes: Path, tmp_path: Path, refused: Refused
) -> None:
    """A folder without images, a bad image, images and --data at once, and nothing are refused."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.png").write_text("x")
    refused(2, ("identify", gallery, tmp_path / "empty"), "is a folder without images")
    refused(2, ("identify", gallery, shapes), "is a folder without images", f"--data folder:{shapes}")
    refused(2, ("identify", gallery, tmp_path / "bad.png"), "bad.png")
    refused(2, ("identify", gallery, picture, "--data", shapes), "not both")
    refused(2, ("identify", gallery), "one or more images")
    refused(2, ("identify", gallery, "--data", shapes, "--top", "3"), "top")


def test_identify_on_what_is_all_enrolled(gallery: Path, shapes: Path, refused: Refused) -> None:
    """Counting on a data set that is wholly enrolled is refused: nothing is left to ask."""
    api.enroll(gallery, data=str(shapes), each=6)
    refused(2, ("identify", gallery, "--data", shapes), "every example", "none is left")


@pytest.mark.parametrize(
    "arguments",
    [
        ("frobnicate",),
        ("compare",),
        ("compare", "a", "b", "c", "d"),
        ("compare", "--bogus"),
        ("gallery", "frobnicate"),
        ("gallery", "create", "g.db"),
        ("calibrate", "x", "--fmr", "much"),
        ("train", "folder", "--steps", "3"),
        ("evaluate", "./x", "nway", "--ways", "2.5"),
    ],
)
def test_wrong_usage_is_one_sentence(arguments: tuple[str, ...], refused: Refused) -> None:
    """Unknown commands and options, missing and superfluous arguments are one sentence that points to the help."""
    refused(2, arguments, "--help")


def test_no_arguments_show_the_help(cli: Cli) -> None:
    """Without arguments the help is shown, with exit code 2; asked for, it is 0."""
    assert cli().code == 2
    assert "Usage: firstsight" in cli().out
    assert cli("gallery").code == 2
    assert cli("--help").code == 0
    assert cli("-h").out == cli("--help").out
    assert cli("--version").out.startswith("firstsight ")


def test_a_fault_is_a_sentence_too(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What nobody foresaw is exit code 3 and one sentence without a traceback, never "not the same"."""
    from firstsight.cli import main

    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("one\ntwo")

    monkeypatch.setattr(api, "compare", broken)
    monkeypatch.delenv("FIRSTSIGHT_DEBUG", raising=False)
    assert main(["compare", "a", "b", "c"]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert "fault of FirstSight" in err
    assert "Traceback" not in err
    assert len(err.splitlines()) == 1
    monkeypatch.setenv("FIRSTSIGHT_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        main(["compare", "a", "b", "c"])


def test_the_console_script_gives_its_exit_code(tmp_path: Path) -> None:
    """The installed command and ``python -m firstsight`` end with the exit code and one sentence on stderr."""
    script = Path(sys.executable).with_name("firstsight")
    for command in ([script], [sys.executable, "-m", "firstsight"]):
        run = subprocess.run([*command, "list", tmp_path / "gone.db"], capture_output=True, text=True)
        assert (run.returncode, run.stdout) == (2, "")
        assert run.stderr.startswith("error: ")
        assert len(run.stderr.splitlines()) == 1


def test_a_reader_that_hangs_up_causes_no_traceback() -> None:
    """Output into a pipe that was closed early ends silently."""
    read, write = os.pipe()
    os.close(read)
    run = subprocess.run(
        [sys.executable, "-m", "firstsight", "recipes"], stdout=write, stderr=subprocess.PIPE, text=True
    )
    os.close(write)
    assert "Traceback" not in run.stderr
    assert "Exception" not in run.stderr


def test_markup_in_names_is_shown_as_it_is(gallery: Path, picture: Path, cli: Cli) -> None:
    """A name that looks like markup is printed as it was given, not interpreted."""
    api.enroll(gallery, "[bold]x[/bold]", [picture], override="duplicate")
    assert "[bold]x[/bold]" in cli("list", gallery).out


def test_a_resumed_run_says_how_long_it_has_left_by_its_own_steps(monkeypatch, capsys) -> None:
    """Going on at step 900 of 1,000, the first line promises nothing, and ten seconds a step leave 980 seconds; of
    another training only its own steps count."""
    clock = iter([100.0, 120.0, 5000.0, 5010.0])
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    values = {"loss": 1.0, "examples_per_second": 5.0}
    with render.training(quiet=False) as listen:
        listen(Event("step", 900, 1000, values=values))
        listen(Event("step", 902, 1000, values=values))
        listen(Event("step", 1, 3, values=values, message=""))
        listen(Event("step", 3, 3, values=values, message=""))
    first, second, _, last = capsys.readouterr().err.splitlines()
    assert first == "step 900 of 1,000  loss 1.000  5 images/s"
    assert second == "step 902 of 1,000  loss 1.000  5 images/s  left 16.3 min"
    assert last == "step 3 of 3  loss 1.000  5 images/s  left 0.0 min"
