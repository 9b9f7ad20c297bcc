"""The container is of the runtime alone, for nobody in particular; what it installs is what the project says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import yaml

from firstsight.serve.settings import NEEDED

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LAST = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]


def test_the_image_runs_as_nobody() -> None:
    """The user is none of the machine's, and is set before the command."""
    assert "useradd --uid 10001" in LAST
    assert LAST.index("\nUSER firstsight") < LAST.index("\nENTRYPOINT")
    assert "root" not in LAST


def test_the_image_has_the_runtime_alone() -> None:
    """No part of it installs what learns, and it is built with the versions that are tested."""
    assert set(re.findall(r"\[([a-z,]+)\]'", DOCKERFILE)) == {"serve"}
    assert "-c /src/constraints.txt" in DOCKERFILE
    least = PROJECT["requires-python"].removeprefix(">=")
    assert set(re.findall(r"^FROM python:(\d+\.\d+)", DOCKERFILE, re.M)) == {least}


def test_the_command_is_one() -> None:
    """What the container starts is read by the command line."""
    import typer

    from firstsight.cli.commands import app

    joined = LAST.replace("\\\n", " ")
    [words] = re.findall(r"^CMD (\[.*\])$", joined, re.M)
    command, *rest = json.loads(words)
    made = typer.main.get_command(app).commands[command].make_context("serve", rest)
    assert made.params["host"] == "0.0.0.0"
    assert made.params["admin_secret"] == "/run/secrets/firstsight_admin"
    assert f"EXPOSE {made.params['port'] if made.params['port'] else ''}" in LAST
    assert "/v1/ready" in LAST


def test_compose_holds_what_it_promises() -> None:
    """A volume, a secret, nothing to write but these, and no door but this machine's."""
    content = yaml.safe_load((ROOT / "compose.yaml").read_text())
    [service] = content["services"].values()
    assert service["volumes"] == ["gallery:/data"]
    assert "gallery" in content["volumes"]
    assert service["secrets"] == list(content["secrets"])
    assert f"/run/secrets/{service['secrets'][0]}" in DOCKERFILE
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert service["mem_limit"] == service["memswap_limit"] == "2g"
    assert 0 < service["pids_limit"] <= 512
    assert all("size=" in place and "noexec" in place for place in service["tmpfs"])


def test_no_secret_is_to_be_readable_by_all() -> None:
    """Wherever a secret is made, only the container's user may read it."""
    for file in (ROOT / "compose.yaml", ROOT / "Dockerfile", ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        text = file.read_text()
        assert not re.search(r"chmod\s+(?:0?[0-7]?[0-7][1-7][0-7]|0?[0-7]{2}[1-7]|[ao]?\+r)\b", text), file
        if "openssl rand" in text:
            assert "install -m 0400 -o 10001" in text, file


def test_the_least_versions_have_no_known_holes() -> None:
    """What reads bytes from outside is bounded below, and the bound can be installed beside what is pinned."""
    from packaging.requirements import Requirement
    from packaging.version import Version

    given = [*PROJECT["dependencies"], *(r for extra in PROJECT["optional-dependencies"].values() for r in extra)]
    least = {r.name: Version(next(iter(r.specifier)).version) for r in map(Requirement, given) if r.specifier}
    for name, version in {
        "pillow": "13.0", "onnxruntime": "1.27", "starlette": "1.3.1", "h11": "0.16", "python-multipart": "0.0.31",
        "jinja2": "3.1.6", "onnx": "1.22", "torch": "2.8",
    }.items():  # fmt: skip
        assert least[name] >= Version(version), name


def test_no_usage_data_leaves_the_container() -> None:
    """The switch of ONNX Runtime stands in the image, in compose and in what make runs."""
    [service] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"].values()
    assert "ORT_DISABLE_TELEMETRY=1" in LAST
    assert service["environment"]["ORT_DISABLE_TELEMETRY"] == "1"
    assert "export ORT_DISABLE_TELEMETRY := 1" in (ROOT / "Makefile").read_text()


def test_nothing_but_the_source_is_sent_to_the_builder() -> None:
    """Galleries, secrets and data of the folder are not in the image."""
    lines = (ROOT / ".dockerignore").read_text().split()
    assert lines[0] == "*"
    assert "!src" in lines
    assert "/admin-secret" in (ROOT / ".gitignore").read_text().split()


def test_versions_are_pinned() -> None:
    """Each package that the service needs is in the constraints, at a version that the project allows."""
    from packaging.requirements import Requirement

    pinned = dict(
        line.lower().replace("_", "-").split("==") for line in (ROOT / "constraints.txt").read_text().splitlines()
    )
    for said in PROJECT["optional-dependencies"]["serve"]:
        requirement = Requirement(said)
        assert pinned[requirement.name] in requirement.specifier, said
    assert {r.split(">")[0].split("[")[0].replace("-", "_") for r in PROJECT["optional-dependencies"]["serve"]} <= set(
        NEEDED
    )


WITHOUT = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in {names!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing())
{code}
"""


def test_without_the_extra_a_sentence_says_so() -> None:
    """The command line works without what the service needs; serve and Client tell what to install."""
    serve = "from firstsight.cli import main; main(['models']); main(['serve', 'x.db'])"
    client = "import firstsight as f\ntry: f.Client('http://localhost')\nexcept f.FirstSightError as e: print(e)"
    for code in (serve, client):
        words = [sys.executable, "-c", WITHOUT.format(names=NEEDED, code=code)]
        ran = subprocess.run(words, capture_output=True, text=True, check=True)
        assert "pip install 'firstsight[serve]'" in ran.stdout + ran.stderr, ran.stderr
        assert "Traceback" not in ran.stderr
    assert (
        "glyphs"
        in subprocess.run(
            [sys.executable, "-c", WITHOUT.format(names=NEEDED, code=serve)], capture_output=True, text=True, check=True
        ).stdout
    )


def test_the_service_never_imports_torch() -> None:
    """Neither the service nor its client loads what learns."""
    code = "import sys, firstsight.serve.run, firstsight.client; print(sorted({'torch', 'onnx'} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
